"""The client `export/clients/onnxruntime_python`, run where no training library is to be had."""

import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers

import keras_center_ssl as kcs

CLIENT = Path(__file__).parents[2] / "export" / "clients" / "onnxruntime_python" / "embed.py"

BLOCKER = """
import sys

class Blocker:
    names = {names!r}

    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in self.names:
            raise ImportError(name + " is not on this machine")

sys.meta_path.insert(0, Blocker())
"""
TRAINING = ["tensorflow", "keras", "keras_center_ssl", "tf2onnx", "onnx"]


@pytest.fixture(scope="module")
def encoder_file(tmp_path_factory):
    images = keras.Input((6, 5, 1))
    x = layers.Conv2D(4, 3, activation="tanh")(images)
    encoder = keras.Model(images, layers.Flatten()(x))
    bundle = kcs.export.export_bundle(encoder, tmp_path_factory.mktemp("client") / "b", ["onnx"])
    return encoder, bundle / "encoder.onnx"


def run(folder, *arguments, without=TRAINING):
    (folder / "blocker").mkdir(exist_ok=True)
    (folder / "blocker" / "sitecustomize.py").write_text(BLOCKER.format(names=list(without)))
    return subprocess.run(
        [sys.executable, str(CLIENT), *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": str(folder / "blocker")},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
    )


def features_of(encoder, images):
    features = encoder.predict(images, verbose=0)
    return features / np.linalg.norm(features, axis=1, keepdims=True)


def test_the_blocker_blocks(tmp_path):
    (tmp_path / "sitecustomize.py").write_text(BLOCKER.format(names=TRAINING))
    result = subprocess.run(
        [sys.executable, "-c", "import keras"],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert "keras is not on this machine" in result.stderr


def test_features_are_those_of_keras(encoder_file, tmp_path, rng):
    encoder, onnx_file = encoder_file
    batch = rng.random((3, 6, 5, 1), dtype="float32")
    pixels = rng.integers(0, 256, (6, 5), dtype="uint8")
    np.save(tmp_path / "batch.npy", batch)
    np.save(tmp_path / "single.npy", pixels)
    (tmp_path / "grey.pgm").write_bytes(b"P5\n# a comment\n5 6\n255\n" + pixels.tobytes())

    result = run(tmp_path, onnx_file, "batch.npy", "single.npy", "grey.pgm", "--out", "f.npz")

    assert result.returncode == 0, result.stderr
    saved = np.load(tmp_path / "f.npz")
    expected = features_of(encoder, np.concatenate([batch, *[pixels[None, ..., None] / 255.0] * 2]))
    np.testing.assert_allclose(saved["features"], expected, atol=1e-5)
    assert list(saved["names"][-2:]) == ["single.npy", "grey.pgm"]
    # The printed similarities are those of the features, one row per image.
    rows = result.stdout.splitlines()[1:]
    printed = [[float(cosine) for cosine in row.split()[:5]] for row in rows]
    np.testing.assert_allclose(printed, expected @ expected.T, atol=1e-3)


def test_png_through_pillow(encoder_file, tmp_path, rng):
    image = pytest.importorskip("PIL.Image")
    encoder, onnx_file = encoder_file
    pixels = rng.integers(0, 256, (6, 5), dtype="uint8")
    image.fromarray(pixels).save(tmp_path / "grey.png")
    result = run(tmp_path, onnx_file, "grey.png", "--out", "f.npz")
    assert result.returncode == 0, result.stderr
    expected = features_of(encoder, pixels[None, ..., None] / 255.0)
    np.testing.assert_allclose(np.load(tmp_path / "f.npz")["features"], expected, atol=1e-5)

    result = run(tmp_path, onnx_file, "grey.png", without=[*TRAINING, "PIL"])
    assert result.returncode == 1 and "needs Pillow" in result.stderr


def test_sixteen_bits_give_what_eight_give(encoder_file, tmp_path, rng):
    image = pytest.importorskip("PIL.Image")
    encoder, onnx_file = encoder_file
    pixels = rng.integers(0, 256, (6, 5), dtype="uint8")
    image.fromarray(pixels).save(tmp_path / "8.png")
    image.fromarray(pixels.astype("uint16") * 257).save(tmp_path / "16.png")
    result = run(tmp_path, onnx_file, "8.png", "16.png", "--out", "f.npz")
    assert result.returncode == 0, result.stderr
    eight, sixteen = np.load(tmp_path / "f.npz")["features"]
    np.testing.assert_allclose(sixteen, eight, atol=1e-5)
    np.testing.assert_allclose(
        sixteen, features_of(encoder, pixels[None, ..., None] / 255.0)[0], atol=1e-5
    )


def test_pixels_of_other_depths_are_refused(encoder_file, tmp_path):
    image = pytest.importorskip("PIL.Image")
    image.fromarray(np.full((6, 5), 0.5, "float32")).save(tmp_path / "floats.tif")
    result = run(tmp_path, encoder_file[1], "floats.tif")
    assert result.returncode == 1 and "mode F" in result.stderr


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("size.npy", np.zeros((7, 5, 1)), "the encoder takes (6, 5, 1)"),
        ("range.npy", np.full((6, 5, 1), 255.0), "not in [0, 1]"),
        ("nan.npy", np.full((6, 5, 1), np.nan), "not in [0, 1]"),
        ("kind.npy", np.zeros((6, 5, 1), "int64"), "int64"),
        ("axes.npy", np.zeros(30), "the encoder takes"),
        ("pickle.npy", np.array([{}], object), "pickle"),
        ("short.pgm", b"P5 5 6 255 abc", "ends early"),
        ("text.pgm", b"P2 5 6 255 1 2 3", "not a binary PGM"),
        ("absent.npy", None, "No such file"),
    ],
)
def test_bad_images_end_in_one_line(encoder_file, tmp_path, name, content, message):
    if isinstance(content, bytes):
        (tmp_path / name).write_bytes(content)
    elif content is not None:
        np.save(tmp_path / name, content)
    result = run(tmp_path, encoder_file[1], name)
    assert result.returncode == 1 and result.stdout == ""
    assert message in result.stderr and name in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_bad_encoders_end_in_one_line(tmp_path):
    np.save(tmp_path / "image.npy", np.zeros((6, 5, 1)))
    (tmp_path / "broken.onnx").write_bytes(b"not a model")
    for file, message in (("broken.onnx", "not an ONNX model"), ("none.onnx", "no such file")):
        result = run(tmp_path, file, "image.npy")
        assert result.returncode == 1 and message in result.stderr
        assert len(result.stderr.splitlines()) == 1
