"""Folders of good and broken image files."""

import numpy as np
from PIL import Image

BROKEN = {
    "a/cut.png": "damaged",
    "a/empty.jpg": "an empty file",
    "b/pipe.jpg": "",  # in the words of whoever reads it
    "b/text.jpg": "no image of a known format",
}


def write_image(path, pixels):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


def good_and_broken(root, size=(28, 28), count=9):
    """Writes `count` grey images, each of a value of its own, into classes a and b, and BROKEN.

    Returns:
        File -> value in 0..255, of the images that can be read, in the order of a listing.
    """
    values = {}
    for number in range(count):
        file = f"{'ab'[number % 2]}/{number:02}.png"
        values[file] = 255 - 200 * number // count  # none is black
        write_image(root / file, np.full(size, values[file], "uint8"))
    cut = root / "a" / "cut.png"
    write_image(cut, np.random.default_rng(0).integers(0, 256, size, dtype=np.uint8))
    cut.write_bytes(cut.read_bytes()[: cut.stat().st_size // 2])
    (root / "a" / "empty.jpg").write_bytes(b"")
    (root / "b" / "text.jpg").write_bytes(b"not an image")
    (root / "b" / "pipe.jpg").symlink_to("nowhere")
    return dict(sorted(values.items()))
