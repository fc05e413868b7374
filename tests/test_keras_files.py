"""`.keras` files from anybody: bombs, damage, code and other kinds of files."""

import io
import json
import struct
import zipfile

import h5py
import keras
import numpy as np
import pytest

import keras_center_ssl as kcs
from keras_center_ssl import runs
from keras_center_ssl.keras_files import load_keras_file

# A sixteenth of a file that unfolds to a gigabyte: it is the ratio that is refused.
LARGE = 64 * 2**20


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A model as Keras saves it."""
    path = tmp_path_factory.mktemp("saved") / "model.keras"
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, name="dense")])
    model.compile("adam", "mse")
    model.save(path)
    return path


def parts_of(path):
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def packed(path, parts, compression=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return path


def bomb(path, parts):
    return packed(path, {**parts, "model.weights.h5": bytes(LARGE)})


def bomb_beside(path, parts):
    return packed(path, {**parts, "assets/x": bytes(LARGE)})


def lying_bomb(path, parts):
    """As `bomb`, and its directory declares small sizes."""
    data = bytearray(bomb(path, parts).read_bytes())
    size = struct.pack("<I", LARGE)
    assert data.count(size) >= 2  # in the part's own head and in the directory
    path.write_bytes(bytes(data).replace(size, struct.pack("<I", 1000)))
    return path


def weights_that_are_not_stored(path, parts):
    """HDF5 declares what nobody has written."""
    content = io.BytesIO()
    with h5py.File(content, "w") as file:
        file.create_dataset("huge", shape=(LARGE,), dtype="float32", chunks=(2**16,))
    return packed(path, {**parts, "model.weights.h5": content.getvalue()})


def many_members(path, parts):
    return packed(path, {**parts, **{f"assets/{n}": b"" for n in range(2000)}})


def traversal(path, parts):
    return packed(path, {**parts, "../../outside": b"x"})


def with_a_lambda(path, parts):
    model = keras.Sequential([keras.Input((3,)), keras.layers.Lambda(lambda x: x + 1)])
    model.save(path)
    return path


def written(content):
    def write(path, parts):
        path.write_bytes(content(parts) if callable(content) else content)
        return path

    return write


def cut(share):
    def write(path, parts):
        data = packed(path, parts, zipfile.ZIP_STORED).read_bytes()
        path.write_bytes(data[: int(len(data) * share)])
        return path

    return write


def flipped(path, parts):
    data = bytearray(packed(path, parts, zipfile.ZIP_STORED).read_bytes())
    place = data.index(b"model.weights.h5") + 3000
    data[place] ^= 0xFF
    path.write_bytes(data)
    return path


def without(name):
    return lambda path, parts: packed(path, {k: v for k, v in parts.items() if k != name})


CASES = {
    "bomb": (bomb, "would unfold to"),
    "bomb beside the weights": (bomb_beside, "would unfold to"),
    "bomb that lies": (lying_bomb, "damaged"),
    "weights that are not stored": (weights_that_are_not_stored, "declares weights of 268 MB"),
    "many members": (many_members, "in 200\\d parts"),
    "traversal": (traversal, "would lead out of its folder"),
    "code": (with_a_lambda, "holds Python code"),
    "empty": (written(b""), "damaged"),
    "text": (written(b"not a model"), "damaged"),
    "HDF5": (written(lambda parts: parts["model.weights.h5"]), "damaged"),
    "cut to half": (cut(0.5), "damaged"),
    "cut at the end": (cut(0.99), "damaged"),
    "a bit flipped": (flipped, "damaged"),
    "no config": (without("config.json"), "is no model saved by Keras 3"),
    "no weights": (without("model.weights.h5"), "is no model saved by Keras 3"),
    "config of another shape": (
        lambda path, parts: packed(path, {**parts, "config.json": b"[1]"}),
        "cannot be read as a Keras model",
    ),
    "config too deep": (
        lambda path, parts: packed(path, {**parts, "config.json": b"[" * 100_000}),
        "cannot be read as a Keras model",
    ),
    "weights that are none": (
        lambda path, parts: packed(path, {**parts, "model.weights.h5": b"abc"}),
        "damaged",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_what_is_no_model_is_a_sentence(saved, tmp_path, case):
    make, message = CASES[case]
    path = make(tmp_path / "encoder.keras", parts_of(saved))
    for load in (load_keras_file, runs.load_model):
        with pytest.raises(kcs.InputError, match=message) as caught:
            load(path)
        assert "encoder.keras" in str(caught.value) and "File not found" not in str(caught.value)
    assert not (tmp_path.parent / "outside").exists()


@pytest.mark.parametrize("case", ["bomb", "cut to half", "code"])
def test_the_zoo_loads_none_of_it(saved, tmp_path, case):
    make, message = CASES[case]
    bundle = tmp_path / "bundle"
    bundle.mkdir()
    make(bundle / "encoder.keras", parts_of(saved))
    (bundle / "README.md").write_text("# x")
    (bundle / "metrics.json").write_text(json.dumps({"name": "x", "license": "mit"}))
    kcs.zoo.publish(bundle, tmp_path / "zoo")
    with pytest.raises(kcs.InputError, match=f"cannot load the encoder 'x'.*{message}"):
        kcs.zoo.load("x", tmp_path / "zoo", tmp_path / "cache")


def test_a_model_loads_stored_or_compressed_with_its_optimizer(saved, tmp_path):
    small = packed(tmp_path / "small.keras", parts_of(saved))
    assert small.stat().st_size < saved.stat().st_size
    images = np.ones((2, 3), "float32")
    expected = keras.saving.load_model(saved).predict(images, verbose=0)
    for path in (saved, small):
        loaded = load_keras_file(path)
        np.testing.assert_array_equal(loaded.predict(images, verbose=0), expected)
        assert getattr(loaded, "optimizer", None) is None
        assert runs.load_model(path).optimizer is not None


def test_other_suffixes_and_missing_files(tmp_path):
    (tmp_path / "model.h5").write_bytes(b"")
    with pytest.raises(kcs.InputError, match=r"does not end in \.keras"):
        load_keras_file(tmp_path / "model.h5")
    with pytest.raises(kcs.InputError, match="There is no file"):
        load_keras_file(tmp_path / "model.keras")
