"""Folders of damaged images: what can be read is embedded, the rest is listed, nothing hangs."""

import io
import os
import struct
import zlib

import numpy as np
from case import HEAVY
from damage import damaged_bytes

GOOD, BAD = 6, 12


def attack(case):
    """`center-ssl embed` of a folder with good images, damaged ones, and what is no image."""
    folder = case.folder / "images"
    for number in range(GOOD):
        path = folder / case.pick("ab") / f"good-{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encoded("PNG", "L", case))
    for number in range(BAD):
        place = folder / case.pick("ab")
        place.mkdir(exist_ok=True)
        case.pick(WAYS)(place, number, case)
    out = case.folder / "features.npz"
    ended = case.run("embed", case.stage.encoder, "--data", folder, "--out", out, limit=HEAVY)
    faults = [ended.fault()]
    if ended.code == 0:
        features = np.load(out)["features"]
        if len(features) < GOOD:
            faults.append(f"{len(features)} rows for {GOOD} good images: some are lost")
        if not np.isfinite(features).all():
            faults.append("features that are not finite")
    elif out.exists():
        faults.append("refused, and left features.npz")
    return [fault for fault in faults if fault]


def encoded(kind, mode, case, frames=1):
    """An image file's bytes."""
    from PIL import Image

    size = tuple(int(n) for n in case.rng.integers(1, 60, 2))
    pictures = [
        Image.fromarray(case.rng.integers(0, 255, (*size, 3), dtype="uint8")).convert(mode)
        for _ in range(frames)
    ]
    file = io.BytesIO()
    more = {"save_all": True, "append_images": pictures[1:]} if frames > 1 else {}
    pictures[0].save(file, kind, **more)
    return file.getvalue()


FORMATS = (
    ("PNG", "L"),
    ("PNG", "RGB"),
    ("PNG", "RGBA"),
    ("PNG", "P"),
    ("PNG", "1"),
    ("PNG", "I;16"),
    ("JPEG", "L"),
    ("JPEG", "RGB"),
    ("JPEG", "CMYK"),
    ("GIF", "P"),
    ("WEBP", "RGB"),
    ("WEBP", "RGBA"),
    ("BMP", "RGB"),
    ("TIFF", "L"),
)
ENDINGS = {"JPEG": "jpg"}


def _some_file(case):
    kind, mode = case.pick(FORMATS)
    frames = 3 if kind in ("GIF", "WEBP", "PNG", "TIFF") and case.chance(0.4) else 1
    source = "L" if mode == "I;16" else mode
    return encoded(kind, source, case, frames), ENDINGS.get(kind, kind.lower())


def _whole(place, number, case):
    content, ending = _some_file(case)
    (place / f"{number}.{ending}").write_bytes(content)


def _damaged(place, number, case):
    content, ending = _some_file(case)
    (place / f"{number}.{ending}").write_bytes(damaged_bytes(content, case))


def _wrong_ending(place, number, case):
    content, _ = _some_file(case)
    (place / f"{number}.{case.pick(['png', 'jpg', 'gif', 'webp', 'JPEG', 'bmp'])}").write_bytes(
        content
    )


def _claims_to_be_huge(place, number, case):
    """A PNG whose header, with a right checksum, says 2^31 or 30,000 pixels a side."""
    side = case.pick([30_000, 2**31 - 1, 0])
    content = bytearray(encoded("PNG", "L", case))
    content[16:24] = struct.pack(">II", side, side)
    content[29:33] = struct.pack(">I", zlib.crc32(bytes(content[12:29])))
    (place / f"{number}.png").write_bytes(bytes(content))


def _pipe(place, number, case):
    os.mkfifo(place / f"{number}.jpg")


def _folder(place, number, case):
    (place / f"{number}.png").mkdir()


def _link(place, number, case):
    target = case.pick(["nowhere", f"{number}.png", "..", "../a", "/dev/zero", "/etc/passwd"])
    (place / f"{number}.png").symlink_to(target)


def _odd_name(place, number, case):
    name = case.pick(
        [b"[red]x[bold]", b"\xff\xfe", b"a\nb", b"-o", b" ", b"%s{}", b"x" * 200, "ü".encode()]
    )
    content = encoded("PNG", "L", case)
    path = os.path.join(os.fsencode(place), name + str(number).encode() + b".png")
    with open(path, "wb") as file:
        file.write(damaged_bytes(content, case) if case.chance(0.5) else content)


WAYS = (
    _damaged,
    _damaged,
    _damaged,
    _damaged,
    _whole,
    _whole,
    _wrong_ending,
    _claims_to_be_huge,
    _pipe,
    _folder,
    _link,
    _odd_name,
)
