"""Damage in the middle of a file of embeddings is told in a sentence, whoever reads it."""

import io
import zipfile

import numpy as np
import pytest

from keras_center_ssl.diagnosis import diagnose_file, sources
from keras_center_ssl.errors import InputError


def flipped(rng, save):
    """An archive with one byte changed in the middle of its array."""
    file = io.BytesIO()
    save(file, z=rng.normal(size=(300, 8)))
    content = bytearray(file.getvalue())
    content[len(content) // 2] ^= 0xFF
    return content


def cut(rng, save):
    """An archive whose array has fewer entries than its header says."""
    whole, file = io.BytesIO(), io.BytesIO()
    np.save(whole, rng.normal(size=(300, 8)))
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("z.npy", whole.getvalue()[:1000])
    return file.getvalue()


@pytest.mark.parametrize("damage", [flipped, cut])
@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_damaged_arrays(rng, damage, save, tmp_path):
    path = tmp_path / "z.npz"
    path.write_bytes(damage(rng, save))
    for read in (diagnose_file, lambda path: sources.sample_of_file(path, 10)):
        with pytest.raises(InputError, match=r"z\.npz.*cannot be read to its end") as caught:
            read(path)
        assert "\n" not in str(caught.value)


def test_labels_that_are_python_objects(rng, tmp_path):
    path = tmp_path / "z.npz"
    np.savez(path, z=rng.normal(size=(300, 8)), labels=np.array(["a"] * 300, dtype=object))
    with pytest.raises(InputError, match=r"only arrays of numbers are read.*labels of numbers"):
        sources.sample_of_file(path, 10)
