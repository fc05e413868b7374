"""A folder of JPEGs of ImageNet's usual size, the same for every contestant.

Needs NumPy and Pillow only.
"""

import pathlib

import numpy as np
from PIL import Image

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "build" / "benchmarks" / "photographs"
WIDTH, HEIGHT, COUNT = 500, 375, 512


def folder():
    """The folder, in two of its own as ImageFolder wants it; made where it is missing."""
    for number in range(COUNT):
        path = FOLDER / f"{number % 2}" / f"{number:04}.jpg"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            unfinished = path.with_suffix(".tmp")
            photograph(np.random.default_rng(number)).save(unfinished, "JPEG", quality=90)
            unfinished.rename(path)
    return FOLDER


def photograph(rng):
    """Noise whose amplitude falls with its frequency, as that of photographs does: 100 KB."""
    total = np.zeros((HEIGHT, WIDTH, 3), "float32")
    for octave in range(7):
        shape = (3 * 2**octave, 4 * 2**octave, 3)
        layer = Image.fromarray(rng.integers(0, 256, shape, "uint8"))
        layer = layer.resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC)
        total += (np.asarray(layer, "float32") - 127.5) * 0.8**octave
    return Image.fromarray(np.clip(127.5 + 0.5 * total, 0, 255).astype("uint8"))
