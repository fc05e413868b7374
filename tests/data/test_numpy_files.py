"""Arrays in files: mapped and not read, checked on a sample and then batch by batch."""

import io
import os
import zipfile

import numpy as np
import pytest

from keras_center_ssl import data
from keras_center_ssl.data import batches, load, multi_view, open_source
from keras_center_ssl.errors import InputError
from keras_center_ssl.images import memory


def same(images):
    return images, images


@pytest.fixture
def pixels(rng):
    return rng.integers(0, 256, (50, 8, 9, 3), "uint8")


def test_npy_is_mapped_and_reads_like_the_array(tmp_path, pixels):
    path = tmp_path / "images.npy"
    np.save(path, pixels)
    found = open_source(path)
    assert isinstance(found.array, np.memmap) and found.count == 50
    assert found.image_shape == (8, 9, 3) and found.dtype == "uint8"
    np.testing.assert_array_equal(load(str(path)).images, pixels)
    labels = np.arange(50)
    for options in ({}, {"shuffle": False}, {"with_labels": True, "labels": labels}, {"limit": 20}):
        mapped = multi_view(path, same, 8, **options)
        memory = multi_view(pixels, same, 8, **options)
        for one, two in zip(mapped, memory, strict=True):
            np.testing.assert_array_equal(one[0][0], two[0][0])
            np.testing.assert_array_equal(one[-1], two[-1]) if len(one) == 2 else None
    assert mapped.element_spec[0][0].shape == (8, 8, 9, 3)
    np.testing.assert_array_equal(np.concatenate(list(batches(path, 16))), pixels / np.float32(255))


@pytest.mark.parametrize("dtype", ["float16", "float64", "bool"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_other_dtypes_and_orders(tmp_path, rng, dtype, order):
    values = np.asarray(rng.integers(0, 2, (10, 8, 8)).astype(dtype), order=order)
    np.save(tmp_path / "x.npy", values)
    (batch,) = batches(tmp_path / "x.npy", 10)
    assert batch.shape == (10, 8, 8, 1)
    np.testing.assert_array_equal(batch[..., 0], values.astype("float32"))


@pytest.mark.parametrize(
    ("images", "labels", "split", "name"),
    [
        ("images", "labels", "train", ""),
        ("x_train", "y_train", "train", "/train"),
        ("test_images", "test_labels", "test", "/test"),
        ("anything", None, "train", ""),
    ],
)
def test_npz_by_the_names_in_use(tmp_path, pixels, images, labels, split, name):
    path = tmp_path / "set.npz"
    arrays = {images: pixels, **({labels: np.arange(50)[:, None]} if labels else {})}
    np.savez(path, **arrays)
    found = open_source(path, split)
    assert isinstance(found.array, np.memmap) and found.name == f"{path}{name}"
    np.testing.assert_array_equal(found.array, pixels)
    if labels:
        np.testing.assert_array_equal(found.labels, np.arange(50))
    np.savez_compressed(path, **arrays)
    compressed = open_source(path, split)
    np.testing.assert_array_equal(compressed.images, pixels)
    assert compressed.has_labels == bool(labels)


def test_size_and_channels_are_brought_about_batch_by_batch(tmp_path, pixels):
    np.save(tmp_path / "x.npy", pixels)
    found = open_source(tmp_path / "x.npy", image_size=4, channels=1)
    assert found.image_shape == (4, 4, 1)
    (mapped,) = batches(found, 50)
    expected = load(pixels, image_size=4, channels=1).images
    np.testing.assert_array_equal(mapped, expected / np.float32(255))


def test_a_pixel_out_of_range_is_found_in_the_batch_that_has_it(tmp_path, rng):
    values = rng.random((200, 8, 8, 1), dtype="float32")
    values[100, 0, 0] = 3.5
    values[102, 0, 0] = np.nan
    np.save(tmp_path / "x.npy", values)
    for limit, words in ((102, r"lie in \[.*3.5\]"), (None, r"NaN.*images\[102\]")):
        dataset = batches(tmp_path / "x.npy", 64, limit=limit)
        with pytest.raises(InputError, match=words), data.input_errors():
            list(dataset)
    with pytest.raises(InputError, match="divide by 255"):  # in the sample
        np.save(tmp_path / "y.npy", values[:90] * 255)
        open_source(tmp_path / "y.npy")


def test_fingerprint(tmp_path, pixels):
    path = tmp_path / "x.npy"
    np.save(path, pixels)
    fingerprint = open_source(path).fingerprint
    assert fingerprint == open_source(path).fingerprint and len(fingerprint) == 16
    assert fingerprint != open_source(path, labels=np.arange(50)).fingerprint
    pixels[7] = 0
    np.save(path, pixels)
    assert fingerprint != open_source(path).fingerprint


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        (
            {"a": np.zeros((3, 8, 8)), "b": np.zeros((3, 8, 8))},
            "holds a, b, and no images.*x_train",
        ),
        ({"x_test": np.zeros((3, 8, 8))}, None),  # the only array
        ({"images": np.zeros((3, 8, 8)), "labels": np.zeros(4)}, "4 for 3 images"),
        ({"images": np.zeros((3, 64))}, r"\(N, H, W\)"),
        ({"images": np.zeros((3, 8, 8), "int32")}, "int32"),
        ({"images": np.zeros((0, 8, 8))}, "empty"),
        ({"images": np.array([[[None]]])}, "Python objects"),
        ({}, "no arrays"),
    ],
)
def test_npz_without_images_is_refused(tmp_path, arrays, words):
    np.savez(tmp_path / "x.npz", **arrays)
    if words is None:
        assert open_source(tmp_path / "x.npz").count == 3
        return
    with pytest.raises(InputError, match=words) as caught:
        open_source(tmp_path / "x.npz")
    assert "\n" not in str(caught.value)


def header_of(shape):
    file = io.BytesIO()
    header = {"descr": "|u1", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, header)
    return file.getvalue()


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize("shape", [(10**7, 1000, 1000, 3), (10**30, 8, 8)])
def test_arrays_that_declare_more_than_they_hold(tmp_path, compression, shape):
    with zipfile.ZipFile(tmp_path / "x.npz", "w", compression) as archive:
        archive.writestr("images.npy", header_of(shape) + bytes(100))
    (tmp_path / "x.npy").write_bytes(header_of(shape) + bytes(100))
    for name in ("x.npz", "x.npy"):
        with pytest.raises(InputError, match="cannot be read as a NumPy file") as caught:
            open_source(tmp_path / name)
        assert "\n" not in str(caught.value)


def test_a_compressed_array_that_does_not_fit_into_memory(tmp_path, monkeypatch, pixels):
    np.savez_compressed(tmp_path / "x.npz", images=pixels)
    monkeypatch.setattr(memory, "available_memory", lambda: 1000)
    with pytest.raises(InputError, match="are available"):
        open_source(tmp_path / "x.npz")


def test_advice_to_load_python_objects_is_not_passed_on(tmp_path):
    np.save(tmp_path / "x.npy", np.array([[[None]]]))
    np.savez_compressed(tmp_path / "x.npz", np.array([[[None]]]))
    for name in ("x.npy", "x.npz"):
        with pytest.raises(InputError, match="Python objects") as caught:
            open_source(tmp_path / name)
        assert "pickle" not in str(caught.value)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_is_refused(tmp_path):
    os.mkfifo(tmp_path / "x.npy")
    with pytest.raises(InputError, match="no regular file"):
        open_source(tmp_path / "x.npy")


@pytest.mark.parametrize("name", ["x.npy", "x.npz"])
@pytest.mark.parametrize("content", [b"", b"hello", b"\x93NUMPY\x01\x00", b"PK\x03\x04"])
def test_damaged_files_are_refused(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=f"{name}.* cannot be read as a NumPy file"):
        open_source(tmp_path / name)
