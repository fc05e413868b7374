"""Sources: what is accepted, what it becomes, and the paragraph a wrong one gets."""

import gzip

import numpy as np
import pytest
import tensorflow as tf

from keras_center_ssl.data import load, named
from keras_center_ssl.errors import InputError


def images(rng, count=10, shape=(8, 9, 3)):
    return rng.integers(0, 256, (count, *shape), "uint8")


def test_uint8_arrays_stay_as_they_are(rng):
    pixels = images(rng)
    found = load(pixels)
    assert found.images.dtype == np.uint8 and found.labels is None
    np.testing.assert_array_equal(found.images, pixels)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "bool"])
def test_other_arrays_become_float32(rng, dtype):
    pixels = rng.integers(0, 2, (4, 8, 8)).astype(dtype)
    found = load(pixels)
    assert found.images.dtype == np.float32 and found.images.shape == (4, 8, 8, 1)
    np.testing.assert_array_equal(found.images[..., 0], pixels.astype("float32"))


def test_lists_and_pairs_and_labels(rng):
    pixels, labels = images(rng), np.arange(10)
    np.testing.assert_array_equal(load(list(pixels)).images, pixels)
    for found in (load((pixels, labels)), load(pixels, labels=labels[:, None])):
        np.testing.assert_array_equal(found.labels, labels)
    found = load(found, limit=4)  # what load returns is a source
    assert found.images.shape[0] == 4 and found.labels.tolist() == [0, 1, 2, 3]


def test_overshoots_of_resizing_are_clipped(rng):
    pixels = rng.random((3, 8, 8, 1))
    pixels[0, 0, 0] = 1.0005
    assert load(pixels).images.max() == 1.0


def test_fingerprint_depends_on_the_content_and_on_nothing_else(rng):
    pixels = images(rng)
    fingerprint = load(pixels).fingerprint
    assert fingerprint == load(pixels.copy()).fingerprint and len(fingerprint) == 16
    changed = pixels.copy()
    changed[3, 2, 1, 0] ^= 1
    reshaped = pixels.reshape(10, 9, 8, 3)
    labels = np.arange(10)
    others = [load(changed), load(reshaped), load(pixels[:9]), load(pixels, labels=labels)]
    assert len({fingerprint, *(other.fingerprint for other in others)}) == 5


def test_digits_split_is_complete_disjoint_and_mixed():
    from sklearn.datasets import load_digits

    train, test = load("digits"), load("digits", split="test")
    assert train.images.shape == (1437, 8, 8, 1) and test.images.shape == (360, 8, 8, 1)
    assert train.images.dtype == np.float32 and train.images.max() == 1.0
    together = np.concatenate([train.images, test.images]).reshape(-1, 64)
    expected = load_digits().data / 16
    order, expected_order = np.lexsort(together.T), np.lexsort(expected.T)
    np.testing.assert_array_equal(together[order], expected[expected_order])
    labels = np.concatenate([train.labels, test.labels])
    np.testing.assert_array_equal(np.bincount(labels), np.bincount(load_digits().target))
    assert np.bincount(test.labels, minlength=10).min() > 20
    assert load("digits").fingerprint == train.fingerprint


# -- keras.datasets --------------------------------------------------------------------------------


def write_fashion_mnist(folder, rng):
    """The four files, in the real format, with 6 training and 4 test images."""
    folder.mkdir(parents=True)
    written = {}
    for part, count in (("train", 6), ("t10k", 4)):
        pixels = rng.integers(0, 256, (count, 28, 28), "uint8")
        labels = rng.integers(0, 10, count, "uint8")
        header = np.array([2051, count, 28, 28], ">i4").tobytes()
        with gzip.open(folder / f"{part}-images-idx3-ubyte.gz", "wb") as file:
            file.write(header + pixels.tobytes())
        with gzip.open(folder / f"{part}-labels-idx1-ubyte.gz", "wb") as file:
            file.write(np.array([2049, count], ">i4").tobytes() + labels.tobytes())
        written[part] = pixels, labels
    return written


def test_fashion_mnist_comes_from_the_debian_package(rng, tmp_path, monkeypatch):
    written = write_fashion_mnist(tmp_path / "package", rng)
    monkeypatch.setattr(named, "_DEBIAN_FASHION_MNIST", tmp_path / "package")
    monkeypatch.setattr("keras.src.backend.config.keras_home", lambda: str(tmp_path / "home"))
    for _ in range(2):  # the second time the links are there already
        for split, part in (("train", "train"), ("test", "t10k")):
            found = load("fashion_mnist", split=split)
            np.testing.assert_array_equal(found.images[..., 0], written[part][0])
            np.testing.assert_array_equal(found.labels, written[part][1])
            assert found.name == f"fashion_mnist/{split}"
    links = list((tmp_path / "home" / "datasets" / "fashion-mnist").iterdir())
    assert len(links) == 4 and all(link.is_symlink() for link in links)


def test_failed_download_says_how_to_get_the_data(tmp_path, monkeypatch):
    def fail():
        raise Exception("URL fetch failure on somewhere: None -- [Errno -2]")

    monkeypatch.setattr(named, "_DEBIAN_FASHION_MNIST", tmp_path / "none")
    monkeypatch.setattr("keras.src.backend.config.keras_home", lambda: str(tmp_path / "home"))
    monkeypatch.setattr("keras.datasets.fashion_mnist.load_data", fail)
    with pytest.raises(InputError, match=r"apt install dataset-fashion-mnist.*digits"):
        load("fashion_mnist")
    assert not (tmp_path / "home").exists()


def test_other_keras_datasets_are_read_by_split(rng, monkeypatch):
    train = images(rng, 6, (32, 32, 3)), np.arange(6)[:, None]
    test = images(rng, 4, (32, 32, 3)), np.arange(4)[:, None]
    monkeypatch.setattr("keras.datasets.cifar10.load_data", lambda: (train, test))
    found = load("cifar10", split="test")
    np.testing.assert_array_equal(found.images, test[0])
    assert found.labels.tolist() == [0, 1, 2, 3]


# -- tf.data ---------------------------------------------------------------------------------------


def test_tf_datasets_of_every_form(rng):
    pixels, labels = images(rng), np.arange(10)
    plain = tf.data.Dataset.from_tensor_slices(pixels)
    pairs = tf.data.Dataset.from_tensor_slices((pixels, labels))
    named = tf.data.Dataset.from_tensor_slices({"image": pixels, "label": labels})
    for dataset, labelled in (
        (plain, False),
        (plain.batch(4), False),
        (tf.data.Dataset.zip((plain,)), False),
        (pairs, True),
        (pairs.batch(3), True),
        (named, True),
    ):
        found = load(dataset)
        np.testing.assert_array_equal(found.images, pixels)
        assert (found.labels is not None) == labelled
        if labelled:
            np.testing.assert_array_equal(found.labels, labels)


# -- bad input -------------------------------------------------------------------------------------


def with_nan(rng):
    pixels = rng.random((6, 8, 8))
    pixels[3, 1, 1] = np.nan
    pixels[5, :2, 0] = np.inf
    return pixels


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (lambda rng: "fashion_mnis", r"Did you mean 'fashion_mnist'.*digits"),
        (lambda rng: 7, "of type int"),
        (lambda rng: None, "NoneType"),
        (lambda rng: {"a": 1}, "of type dict"),
        (lambda rng: np.zeros((0, 8, 8)), "empty"),
        (lambda rng: [], "empty"),
        (lambda rng: np.zeros((5, 64)), r"\(N, H, W\)"),
        (lambda rng: np.zeros((2, 2, 8, 8, 3)), r"\(N, H, W\)"),
        (lambda rng: np.zeros((32, 32, 3)), r"images\[None\]"),
        (lambda rng: [np.zeros((8, 8)), np.zeros((9, 9))], "differ in size"),
        (lambda rng: np.zeros((4, 8, 8), "int64"), "int64"),
        (lambda rng: np.full((4, 8, 8), "x"), "dtype"),
        (lambda rng: rng.random((4, 8, 8)) * 255, "divide by 255"),
        (lambda rng: rng.random((4, 8, 8)) * 2 - 1, r"\[-0.9.*standardisation"),
        (with_nan, r"3 pixels are NaN or infinite, in 2 of 6 images.*images\[3\]"),
        (lambda rng: (np.zeros((4, 8, 8)), np.zeros(3)), "3 for 4 images"),
        (lambda rng: np.ma.masked_less(rng.random((4, 8, 8)), 0.5), r"are masked.*filled\(0\)"),
        (lambda rng: np.full((4, 8, 8), None), "dtype object: convert them to an array"),
        (lambda rng: np.array([{"a": 1}, {}]), "N, H, W"),
        (lambda rng: FromAnotherLibrary(), r"requires grad.*images.detach\(\)"),
        (lambda rng: [[[1.0, 2.0], [3.0]], [[1.0]]], "differ in size"),
        (lambda rng: "", "neither a known name nor a path"),
        (lambda rng: "x" * 5000, "neither a known name nor a path"),
        (lambda rng: "nul\0", "neither a known name nor a path"),
        (lambda rng: tf.data.Dataset.from_tensor_slices(np.zeros((4, 8))), r"\(H, W, C\)"),
        (lambda rng: tf.data.Dataset.from_tensors({"a": 1}), r"\(H, W, C\)"),
        (
            lambda rng: tf.data.Dataset.from_tensor_slices(rng.random((4, 8, 8, 1)) * 255),
            "divide by 255",
        ),
        (lambda rng: tf.data.Dataset.from_tensors(np.zeros((8, 8, 1))).take(0), "empty"),
        (
            lambda rng: tf.data.Dataset.from_generator(
                lambda: [], output_signature=tf.TensorSpec((None, None, 3))
            ),
            "one known size",
        ),
    ],
)
def test_wrong_sources_are_refused(rng, source, words):
    with pytest.raises(InputError, match=words) as caught:
        load(source(rng))
    assert "\n" not in str(caught.value)


class FromAnotherLibrary:
    def __array__(self, dtype=None, copy=None):
        raise RuntimeError("Can't call numpy() on Tensor that requires grad.")


@pytest.mark.parametrize("shape", [(3, 32, 32), (1, 28, 28), (4, 24, 40), (13, 48, 48)])
def test_channels_first_is_asked_about(rng, shape, tmp_path):
    pixels = rng.integers(0, 256, (6, *shape), "uint8")
    np.save(tmp_path / "images.npy", pixels)
    expected = np.moveaxis(pixels, 1, -1)
    for source in (
        pixels,
        str(tmp_path / "images.npy"),
        tf.data.Dataset.from_tensor_slices(pixels),
        tf.data.Dataset.from_tensor_slices(pixels).batch(4),
    ):
        with pytest.raises(InputError, match=r"channels first.*data_format='channels_first'"):
            load(source)
        found = load(source, data_format="channels_first")
        np.testing.assert_array_equal(found.images, expected)
        # What was said once holds.
        np.testing.assert_array_equal(load(found).images, expected)
        last = load(source, data_format="channels_last")
        np.testing.assert_array_equal(load(last).images, pixels)


@pytest.mark.parametrize("shape", [(8, 8, 1), (8, 9, 3), (3, 32, 4), (9, 9, 200), (32, 32, 13)])
def test_channels_last_is_taken_as_it_is(rng, shape):
    assert load(rng.random((6, *shape), dtype="float32")).image_shape == shape


def test_arrays_of_other_kinds(rng):
    pixels = images(rng)
    masked = np.ma.masked_array(pixels, mask=False)
    np.testing.assert_array_equal(load(masked).images, pixels)
    column = np.empty(10, object)
    column[:] = list(pixels)
    np.testing.assert_array_equal(load(column).images, pixels)
    half = tf.cast(pixels / 255, tf.bfloat16)
    assert load(half).images.dtype == np.float32
    np.testing.assert_allclose(load(half).images, pixels / 255, atol=2**-8)
    with pytest.raises(InputError, match="`data_format`"):
        load(pixels, data_format="NCHW")


def test_wrong_arguments_are_refused(rng):
    with pytest.raises(InputError, match="Did you mean 'train'"):
        load("digits", split="trian")
    with pytest.raises(InputError, match="`limit`"):
        load("digits", limit=0)
    with pytest.raises(InputError, match="9 for 10 images"):
        load(images(rng), labels=np.arange(9))
    with pytest.raises(InputError, match="zip"):
        load(tf.data.Dataset.from_tensor_slices(images(rng)), labels=np.arange(10))
    with pytest.raises(InputError, match="never ends"):
        load(tf.data.Dataset.from_tensor_slices(images(rng)).repeat())
