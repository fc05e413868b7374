"""Decoding, against known pixels; every file that is no image ends in a reason."""

import io
import os
import subprocess
import sys
import textwrap

import numpy as np
import pytest
from PIL import Image

from keras_center_ssl.errors import InputError
from keras_center_ssl.images.decoding import decode
from keras_center_ssl.images.regular_files import Unreadable


def encoded(pixels, kind, mode=None, **options):
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    image = image.convert(mode) if mode else image
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def decoded(content):
    return decode(io.BytesIO(content))


def smooth(channels=3):
    rows, columns = np.mgrid[:20, :30]
    planes = [(rows * 9 + columns * k) % 256 for k in range(1, channels + 1)]
    return np.stack(planes, axis=-1).astype("uint8")


@pytest.mark.parametrize(
    ("kind", "channels", "options"),
    [
        ("PNG", 1, {}),
        ("PNG", 2, {}),
        ("PNG", 3, {}),
        ("PNG", 4, {}),
        ("BMP", 1, {}),
        ("BMP", 3, {}),
        ("WEBP", 3, {"lossless": True}),
        ("WEBP", 4, {"lossless": True, "exact": True}),
    ],
)
def test_lossless_formats_give_the_pixels_back(kind, channels, options):
    pixels = smooth(channels)
    content = encoded(pixels[..., 0] if channels == 1 else pixels, kind, **options)
    np.testing.assert_array_equal(decoded(content), pixels)


def test_jpeg_and_gif_are_what_pillow_sees():
    pixels = smooth()
    for kind in ("JPEG", "GIF"):
        content = encoded(pixels, kind)
        expected = np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))
        np.testing.assert_array_equal(decoded(content), expected)
    assert decoded(encoded(pixels[..., 0], "JPEG")).shape == (20, 30, 1)


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG"])
def test_the_first_frame_of_an_animation(kind):
    frames = [Image.fromarray(np.full((8, 8, 3), value, "uint8")) for value in (0, 255, 90)]
    file = io.BytesIO()
    frames[0].save(file, kind, save_all=True, append_images=frames[1:])
    np.testing.assert_array_equal(decoded(file.getvalue()), np.zeros((8, 8, 3)))


def test_palettes_are_the_colours_they_stand_for():
    pixels = np.zeros((4, 4), "uint8")
    pixels[1:3, 1:3] = 1
    image = Image.fromarray(pixels).convert("P")
    image.putpalette([200, 10, 20, 30, 40, 250])
    for kind in ("PNG", "BMP", "GIF"):
        found = decoded(encoded(image, kind))
        assert found[0, 0].tolist() == [200, 10, 20] and found[1, 1].tolist() == [30, 40, 250]
    transparent = decoded(encoded(image, "PNG", transparency=0))
    assert transparent[0, 0].tolist() == [200, 10, 20, 0]
    assert transparent[1, 1].tolist() == [30, 40, 250, 255]


def test_one_bit_and_cmyk():
    bits = np.indices((8, 8)).sum(axis=0) % 2 == 0
    for kind in ("PNG", "BMP"):
        np.testing.assert_array_equal(decoded(encoded(bits, kind))[..., 0], bits * 255)
    red = np.full((16, 16, 3), (220, 30, 40), "uint8")
    found = decoded(encoded(red, "JPEG", "CMYK", quality=95)).astype(int)
    assert found.shape == (16, 16, 3) and np.abs(found - red).max() <= 6


def test_jpegs_are_decoded_at_the_size_that_is_wanted():
    """At 1/2, 1/4 or 1/8, while that is twice as large; other formats, and small ones, whole."""
    pixels = np.asarray(Image.fromarray(smooth()).resize((400, 300), Image.Resampling.BICUBIC))
    jpeg, png = (encoded(pixels, kind) for kind in ("JPEG", "PNG"))
    for size, expected in (
        ((150, 200), (300, 400)),
        ((75, 100), (150, 200)),
        ((75, 75), (150, 200)),
        ((76, 90), (300, 400)),
        ((20, 10), (75, 100)),
        ((1, 1), (38, 50)),
        (None, (300, 400)),
    ):
        got = decode(io.BytesIO(jpeg), size=size)
        assert got.shape == (*expected, 3), size
        assert decode(io.BytesIO(png), size=size).shape == (300, 400, 3)
        whole = Image.fromarray(decode(io.BytesIO(jpeg)))
        shrunk = np.asarray(whole.resize(expected[::-1], Image.Resampling.BOX), float)
        assert np.abs(shrunk - got).mean() < 2


def test_the_rotation_of_exif_is_ignored():
    exif = Image.Exif()
    exif[0x0112] = 6  # rotate by 90 degrees to view
    for kind in ("JPEG", "PNG", "WEBP"):
        assert decoded(encoded(smooth(), kind, exif=exif)).shape == (20, 30, 3)


def test_sixteen_bits():
    pixels = (np.arange(64).reshape(8, 8) * 1000).astype("uint16")
    found = decoded(encoded(pixels, "PNG"))
    assert found.dtype == np.uint16
    np.testing.assert_array_equal(found[..., 0], pixels)


# -- what is no image ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "an empty file"),
        (b"hello", "no image of a known format"),
        (b"BMW, a car", "damaged"),
        (b"GIF89a", "damaged"),
        (b"\xff\xd8\xff", "damaged"),
        (b"RIFF\x00\x00\x00\x00WEBPVP8 ", "damaged"),
        (encoded(smooth(), "TIFF"), "no image of a known format"),
    ],
)
def test_other_content_is_a_reason(content, words):
    with pytest.raises(Unreadable, match=words) as caught:
        decoded(content)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "BMP", "WEBP"])
def test_files_that_are_cut_short_are_not_read_in_part(kind, capfd):
    content = encoded(np.random.default_rng(0).integers(0, 256, (64, 64, 3), "uint8"), kind)
    for length in (len(content) // 4, len(content) // 2, len(content) * 3 // 4):
        with pytest.raises(Unreadable, match="damaged"):
            decoded(content[:length])
    assert capfd.readouterr().err == ""


def test_a_changed_byte_in_a_png_is_found():
    content = bytearray(encoded(smooth(), "PNG", compress_level=0))
    content[content.index(b"IDAT") + 200] ^= 1
    with pytest.raises(Unreadable, match="damaged"):
        decoded(bytes(content))


def bomb(kind):
    """A small file that declares 30,000 x 30,000 pixels."""
    content = bytearray(encoded(np.zeros((8, 8), "uint8"), kind))
    if kind == "PNG":
        import zlib

        content[16:24] = (30_000).to_bytes(4, "big") * 2
        content[29:33] = zlib.crc32(content[12:29]).to_bytes(4, "big")
    elif kind == "BMP":
        content[18:26] = (30_000).to_bytes(4, "little") * 2
    elif kind == "GIF":
        content[6:10] = (30_000).to_bytes(2, "little") * 2
    else:
        place = content.index(b"\xff\xc0") + 5
        content[place : place + 4] = (30_000).to_bytes(2, "big") * 2
    return bytes(content)


@pytest.mark.parametrize("kind", ["PNG", "BMP", "GIF", "JPEG"])
def test_images_of_too_many_pixels_are_refused_by_their_header(kind, monkeypatch):
    content = bomb(kind)
    monkeypatch.setattr(Image.core, "new", None)  # nothing is allocated
    monkeypatch.setattr(Image.core, "fill", None)
    with pytest.raises(Unreadable, match=r"30000 x 30000 pixels, more than 64,000,000"):
        decoded(content)


def test_the_limit_can_be_set(monkeypatch):
    content = encoded(smooth(), "PNG")
    monkeypatch.setenv("KERAS_CENTER_SSL_MAX_PIXELS", "600")
    assert decoded(content).shape == (20, 30, 3)
    monkeypatch.setenv("KERAS_CENTER_SSL_MAX_PIXELS", "599")
    with pytest.raises(Unreadable, match="20 x 30 pixels, more than 599"):
        decoded(content)
    monkeypatch.setenv("KERAS_CENTER_SSL_MAX_PIXELS", "many")
    with pytest.raises(InputError, match=r"whole number.*'many'"):
        decoded(content)


def test_damage_of_every_kind_ends_in_pixels_or_in_a_reason():
    code = """
        import io, sys
        import numpy as np
        from PIL import Image
        from keras_center_ssl.images.decoding import decode
        from keras_center_ssl.images.regular_files import Unreadable

        rng = np.random.default_rng(int(sys.argv[1]))
        pixels = rng.integers(0, 256, (24, 24, 3), "uint8")
        frames = [Image.fromarray(pixels), Image.fromarray(pixels[::-1].copy())]
        tried = 0
        for kind in ("PNG", "JPEG", "GIF", "BMP", "WEBP"):
            for animated in (False, True):
                if animated and kind in ("JPEG", "BMP"):
                    continue
                file = io.BytesIO()
                more = {"save_all": True, "append_images": frames[1:]} if animated else {}
                frames[0].save(file, kind, **more)
                for _ in range(int(sys.argv[2])):
                    content = bytearray(file.getvalue())
                    for _ in range(rng.integers(1, 6)):
                        # Half of the changes in the header, where they do most.
                        end = 64 if rng.random() < 0.5 else len(content)
                        content[rng.integers(0, end)] = rng.integers(0, 256)
                    if rng.random() < 0.3:
                        content = content[: rng.integers(1, len(content))]
                    try:
                        found = decode(io.BytesIO(content))
                        assert found.ndim == 3 and found.dtype == np.uint8
                    except Unreadable as error:
                        assert chr(10) not in str(error)
                    tried += 1
        print(tried, "tensorflow" in sys.modules)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), "0", "50"],
        capture_output=True,
        text=True,
        env={**os.environ, "KERAS_CENTER_SSL_MAX_PIXELS": "4000000"},
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["400", "False"] and done.stderr == ""
