"""An exported encoder with NumPy and ONNX Runtime: the published one, without Keras."""

import json
import shutil

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

import keras_center_ssl as kcs
from tests.helpers.image_folders import BROKEN, good_and_broken, write_image
from tests.helpers.light_python import run_without

NAME = "quickstart-fashion-mnist"


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    cache = tmp_path_factory.mktemp("cache")
    return kcs.zoo.download(NAME, format="onnx", cache_dir=cache)


@pytest.fixture(scope="module")
def encoder(path):
    return kcs.OnnxEncoder(path)


def test_its_shapes_and_range(encoder):
    assert encoder.input_shape == (28, 28, 1) and encoder.feature_dim == 256
    assert encoder.dtype == "float32" and encoder.range == (0.0, 1.0)


def test_bytes_and_floats_give_the_same_features(encoder, rng):
    images = rng.integers(0, 256, (7, 28, 28), dtype=np.uint8)
    features = encoder.embed(images)
    assert features.shape == (7, 256) and features.dtype == np.float32
    np.testing.assert_allclose(
        encoder.embed(images[..., None] / 255.0, batch_size=3), features, rtol=1e-4, atol=1e-5
    )


def test_files_are_brought_to_its_size(encoder, tmp_path, rng):
    image = rng.integers(0, 256, (28, 28), dtype=np.uint8)
    write_image(tmp_path / "same.png", image)
    write_image(
        tmp_path / "colour.png", np.repeat(image.repeat(2, 0).repeat(2, 1)[..., None], 3, -1)
    )
    features = encoder.embed([str(tmp_path / "same.png"), tmp_path / "colour.png"])
    np.testing.assert_allclose(features[:1], encoder.embed(image[None]), rtol=1e-4, atol=1e-5)
    assert features.shape == (2, 256)
    alone = encoder.embed(tmp_path / "same.png")
    np.testing.assert_allclose(alone, features[:1], rtol=1e-4, atol=1e-5)


def test_sixteen_bits_give_what_eight_give(encoder, tmp_path, rng):
    image = rng.integers(0, 256, (28, 28), dtype=np.uint8)
    write_image(tmp_path / "8.png", image)
    write_image(tmp_path / "16.png", image.astype("uint16") * 257)
    sixteen, eight = encoder.embed_source(tmp_path).features
    np.testing.assert_allclose(sixteen, eight, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(eight, encoder.embed(image[None])[0], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("images", "words"),
    [
        (np.zeros((2, 20, 28, 1)), r"\(20, 28, 1\) for an encoder that takes \(28, 28, 1\)"),
        (np.zeros((2, 28, 28, 3)), r"\(28, 28, 3\) for an encoder"),
        (np.zeros((28, 28)), r"an array of shape \(28, 28\)"),
        (np.zeros((0, 28, 28)), "an array of shape"),
        (np.zeros((2, 28, 28), int), "pixels of type int64"),
        (np.full((2, 28, 28), 255.0), r"these lie in \[255, 255\]"),
        (np.array([[[0.5]], [[np.nan]]]).repeat(28, 1).repeat(28, 2), "Image 1 has NaN"),
        ([np.zeros((28, 28)), np.zeros((2, 2))], "differ in size"),
        (["no-such.png"], "'no-such.png' cannot be read as an image: No such file"),
        ([], "an array of shape"),
    ],
)
def test_other_images_are_refused_in_a_sentence(encoder, images, words):
    with pytest.raises(kcs.InputError, match=words):
        encoder.embed(images)


def test_other_files_are_refused_in_a_sentence(path, tmp_path):
    for part in (0, 100, path.stat().st_size // 2):
        (tmp_path / "cut.onnx").write_bytes(path.read_bytes()[:part])
        with pytest.raises(kcs.InputError, match=r"cut.onnx' (cannot be read as|is) an ONNX model"):
            kcs.OnnxEncoder(tmp_path / "cut.onnx")
    with pytest.raises(kcs.InputError, match="There is no file"):
        kcs.OnnxEncoder(tmp_path)
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n"]) for name in "xy"]
    node = helper.make_node("Relu", ["x"], ["y"])
    graph = helper.make_graph([node], "another", ends[:1], ends[1:])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, tmp_path / "another.onnx")
    with pytest.raises(kcs.InputError, match=r"not an exported encoder: it takes .* and gives"):
        kcs.OnnxEncoder(tmp_path / "another.onnx")


def test_rows_of_a_folder_find_their_files(encoder, tmp_path):
    values = good_and_broken(tmp_path)
    found = encoder.embed_source(tmp_path, batch_size=2)
    assert found.paths == tuple(values)
    assert found.class_names == ("a", "b")
    assert [found.class_names[label] for label in found.labels] == [path[0] for path in values]
    images = np.stack([np.full((28, 28), value, "uint8") for value in values.values()])
    np.testing.assert_allclose(found.features, encoder.embed(images), rtol=1e-4, atol=1e-5)
    assert found.skipped.keys() == BROKEN.keys()
    for file, words in BROKEN.items():
        assert found.skipped[file].startswith(words)


def test_a_folder_without_a_readable_image(encoder, tmp_path):
    (tmp_path / "x.png").write_bytes(b"")
    with pytest.raises(kcs.InputError, match=r"None of the 1 files.*'x.png', an empty file"):
        encoder.embed_source(tmp_path)
    with pytest.raises(kcs.InputError, match="no source of images"):
        encoder.embed_source(tmp_path / "x.png")


def test_numpy_files_with_labels_and_splits(encoder, tmp_path, rng):
    images = rng.integers(0, 256, (6, 28, 28), dtype=np.uint8)
    np.savez(tmp_path / "x.npz", x_train=images[:2], y_train=[1, 0], x_test=images[2:])
    train, test = (encoder.embed_source(tmp_path / "x.npz", split) for split in ("train", "test"))
    assert train.labels.tolist() == [1, 0] and test.labels is None and test.paths is None
    np.save(tmp_path / "x.npy", images)
    whole = encoder.embed_source(tmp_path / "x.npy").features
    np.testing.assert_allclose(
        np.concatenate([train.features, test.features]), whole, rtol=1e-4, atol=1e-5
    )
    (tmp_path / "cut.npz").write_bytes((tmp_path / "x.npz").read_bytes()[:100])
    np.save(tmp_path / "objects.npy", np.array([{}, None]), allow_pickle=True)
    for name in ("cut.npz", "objects.npy"):
        with pytest.raises(kcs.InputError, match="cannot be read as a NumPy file") as caught:
            encoder.embed_source(tmp_path / name)
        assert "pickle" not in str(caught.value)


def test_the_command_writes_paths_and_what_it_skipped_without_tensorflow(path, tmp_path):
    values = good_and_broken(tmp_path / "data")
    shutil.copyfile(path, tmp_path / "encoder.onnx")
    program = "from keras_center_ssl.cli import main; main()"
    words = ("embed", "encoder.onnx", "--data", "data", "--out", "out/z.npz")
    done = run_without(program, *words, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "9 x 256 features in out/z.npz" in done.stdout
    assert "4 files could not be read" in done.stdout and "out/z.npz" in done.stdout
    with np.load(tmp_path / "out" / "z.npz", allow_pickle=False) as file:
        assert file["paths"].tolist() == list(values)
        assert file["features"].shape == (9, 256)
        assert file["class_names"].tolist() == ["a", "b"]
        assert file["skipped"].tolist() == sorted(BROKEN)
        assert len(file["skipped_reasons"]) == len(BROKEN)
    # What embed wrote, diagnose reads.
    done = run_without(program, "diagnose", "out/z.npz", "--json", cwd=tmp_path)
    assert json.loads(done.stdout)["samples"] == 9, done.stderr
    done = run_without(program, *words[:3], "digits", "--out", "d.npz", cwd=tmp_path)
    assert done.returncode == 1
    assert "'digits' is no folder or file; a data set by name needs Keras and" in done.stderr
