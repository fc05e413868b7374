"""tensorflow-datasets: one built here from files, and `tfds.ImageFolder`."""

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds

from keras_center_ssl.data import batches, load, multi_view, open_source
from keras_center_ssl.errors import InputError


class KcsNumbered(tfds.core.GeneratorBasedBuilder):
    """Images that show their own number."""

    VERSION = tfds.core.Version("1.0.0")
    url_infos = {}  # nothing is downloaded: no file of checksums to look for beside this one

    def _info(self):
        features = {
            "image": tfds.features.Image(shape=(8, 8, 1)),
            "label": tfds.features.ClassLabel(num_classes=3),
        }
        return tfds.core.DatasetInfo(builder=self, features=tfds.features.FeaturesDict(features))

    def _split_generators(self, dl_manager):
        return {"train": self._examples(range(40)), "validation": self._examples(range(100, 108))}

    def _examples(self, values):
        for i in values:
            yield i, {"image": np.full((8, 8, 1), i, "uint8"), "label": i % 3}

    def _generate_examples(self):
        raise NotImplementedError


@pytest.fixture(scope="module", autouse=True)
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tfds")
    tfds.disable_progress_bar()
    config = tfds.download.DownloadConfig(num_shards=4)
    KcsNumbered(data_dir=folder).download_and_prepare(download_config=config)
    tfds.core.add_data_dir(folder)
    return folder


def same(images):
    return images, images


def numbers(images):
    return np.rint(np.asarray(images)[:, 0, 0, 0] * 255).astype(int)


@pytest.mark.parametrize("cache_bytes", [0, 2**30])
def test_a_name_gives_every_image_once_in_a_repeatable_order(cache_bytes):
    def make():
        return multi_view("tfds:kcs_numbered", same, 8, cache_bytes=cache_bytes, with_labels=True)

    def epoch(dataset):
        found = [(numbers(views[0]), labels.numpy()) for views, labels in dataset]
        return [np.concatenate(part) for part in zip(*found, strict=True)]

    dataset = make()
    assert int(dataset.cardinality()) == 5
    first, labels = epoch(dataset)
    second, _ = epoch(dataset)
    assert sorted(first) == sorted(second) == list(range(40)) and (first != second).any()
    np.testing.assert_array_equal(labels, first % 3)
    again = make()
    again.position.set(1, 0)
    np.testing.assert_array_equal(epoch(again)[0], second)


def test_files_come_in_another_order_for_every_seed():
    found = open_source("tfds:kcs_numbered")
    first = {
        tuple(
            image.numpy()[0, 0, 0]
            for image, _ in found.shuffled_files(tf.constant(seed, tf.int64)).take(3)
        )
        for seed in range(8)
    }
    assert len(first) > 2
    assert found.take(3).shuffled_files is None


def test_splits():
    assert numbers(load("tfds:kcs_numbered", "test").images / 255).min() == 100
    assert load("tfds:kcs_numbered[train[:10%]]").images.shape == (4, 8, 8, 1)
    assert open_source("tfds:kcs_numbered[validation]").count == 8


def test_a_builder_and_its_dataset_are_sources(folder):
    builder = tfds.builder("kcs_numbered", data_dir=folder)
    expected = load("tfds:kcs_numbered")
    for source in (builder, builder.as_dataset(split="train")):
        found = load(source)
        np.testing.assert_array_equal(found.images, expected.images)
        np.testing.assert_array_equal(found.labels, expected.labels)


def test_image_folder(tmp_path, rng):
    for number in range(6):
        path = tmp_path / "train" / "ab"[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.full((8 + number, 12, 3), number, "uint8")
        path.write_bytes(tf.io.encode_png(pixels).numpy())
    builder = tfds.ImageFolder(str(tmp_path))
    with pytest.raises(InputError, match=r"one known size.*image_size"):
        open_source(builder)
    for source in (builder, builder.as_dataset(split="train")):
        found = load(source, image_size=8)
        order = numbers(found.images / 255)
        assert sorted(order) == list(range(6))
        np.testing.assert_array_equal(found.labels, order % 2)
    dataset = multi_view(builder, same, 3, image_size=8, cache_bytes=0)
    assert dataset.element_spec[0][0].shape == (3, 8, 8, 3)
    assert sorted(np.concatenate([numbers(views[0]) for (views,) in dataset])) == list(range(6))
    assert [len(batch) for batch in batches(builder, 4, image_size=8)] == [4, 2]


def test_files_that_tensorflow_cannot_be_trusted_with(tmp_path):
    from PIL import Image

    frames = [Image.fromarray(np.full((8, 8, 3), value, "uint8")) for value in (77, 0)]
    for split in ("train", "test"):
        (tmp_path / split / "a").mkdir(parents=True)
        name = tmp_path / split / "a" / "moving.png"
        frames[0].save(name, "WEBP", save_all=True, append_images=frames[1:], lossless=True)
    (tmp_path / "test" / "a" / "broken.png").write_bytes(b"x")
    builder = tfds.ImageFolder(str(tmp_path), shape=(8, 8, 3))
    assert numbers(load(builder).images / 255).tolist() == [77]
    with pytest.raises(InputError, match=r"An image of tfds:.*no image of a known format"):
        load(builder, "test")


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("tfds:kcs_numberd", "knows no 'kcs_numberd'. Did you mean 'kcs_numbered'"),
        ("tfds:kcs_numbered[tran]", "Did you mean 'train'"),
        ("tfds:kcs_numbered[train", "brackets at the end"),
        ("tfds:kcs_numbered[train[:q]]", "cannot be opened"),
        ("tfds:kcs_numbered:9.9.9", "only: 1.0.0"),
        ("tfds:kcs_numbered/large", "BuilderConfig large not found"),
    ],
)
def test_wrong_names_are_refused(source, words):
    with pytest.raises(InputError, match=words) as caught:
        open_source(source)
    assert "\n" not in str(caught.value)


def test_data_that_cannot_be_prepared(monkeypatch, tmp_path):
    def fail(self, **options):
        raise ConnectionError("no network")

    monkeypatch.setattr(KcsNumbered, "download_and_prepare", fail)
    with pytest.raises(InputError, match=r"could not be prepared: no network.*connect"):
        open_source("tfds:kcs_numbered")
