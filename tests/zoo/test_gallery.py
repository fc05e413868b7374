"""Galleries: written beside an encoder, within their bytes, and read with care."""

import hashlib
import io
import json

import numpy as np
import pytest
from PIL import Image

import keras_center_ssl as kcs
from keras_center_ssl.zoo.gallery_files import LARGEST, write_gallery
from keras_center_ssl.zoo.gallery_record import read_gallery
from tests.helpers.zoos import bundle, tiny_encoder


@pytest.fixture
def zoo(tmp_path):
    kcs.zoo.publish(bundle(tmp_path / "bundle"), tmp_path / "zoo", name="tiny")
    return tmp_path / "zoo"


def gallery_of(zoo, name="tiny"):
    folder = zoo / name / "gallery"
    content = json.loads((folder / "gallery.json").read_text())
    return content, np.load(folder / "features.npy"), Image.open(folder / content["images"])


def test_features_and_pictures_are_those_of_the_images(zoo, rng):
    images = rng.integers(0, 256, (20, 8, 8, 1), dtype=np.uint8)
    labels = np.arange(20) % 2
    entry = kcs.zoo.add_gallery(
        "tiny", zoo, images, labels=labels, class_names=["even", "odd"], data="noise", license="mit"
    )
    content, features, picture = gallery_of(zoo)
    assert content["count"] == 20 and content["tile"] == [8, 8] and content["columns"] == 16
    assert content["class_names"] == ["even", "odd"] and content["license"] == "mit"
    # Which image stands where is found by its pixels; then its features and label have to be its.
    matrix = tiny_encoder(zoo / "unused.onnx")
    sprite = np.asarray(picture)
    assert sprite.shape == (16, 128)
    for place in range(20):
        row, column = divmod(place, 16)
        tile = sprite[8 * row : 8 * row + 8, 8 * column : 8 * column + 8]
        (number,) = np.flatnonzero((images[..., 0] == tile).all(axis=(1, 2)))
        assert content["labels"][place] == labels[number]
        expected = images[number].ravel().astype("float32") / 255 @ matrix
        np.testing.assert_allclose(features[place], expected / np.linalg.norm(expected), atol=2e-3)
    assert features.dtype == np.float16
    onnx = (zoo / "tiny" / "encoder.onnx").read_bytes()
    assert content["encoder_sha256"] == hashlib.sha256(onnx).hexdigest()
    assert "gallery/gallery.json" in entry.files
    assert kcs.zoo.verify(source=zoo) == {"tiny": []}


def test_a_new_gallery_replaces_the_old_one(zoo, rng):
    kcs.zoo.add_gallery("tiny", zoo, rng.random((30, 8, 8)), count=8)
    kcs.zoo.add_gallery("tiny", zoo, rng.random((12, 8, 8, 1)))
    content, features, _ = gallery_of(zoo)
    assert content["count"] == len(features) == 12 and content["labels"] is None
    assert len(list((zoo / "tiny" / "gallery").iterdir())) == 3


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_it_never_takes_more_than_its_bytes(tmp_path, channels):
    tiny_encoder(tmp_path / "encoder.onnx", (96, 80, channels), 16)
    noise = np.random.default_rng(1).integers(0, 256, (150, 96, 80, channels), dtype=np.uint8)
    count = write_gallery(tmp_path, noise, count=150)
    assert count == 150 if channels == 1 else 8 <= count < 150
    assert sum(path.stat().st_size for path in (tmp_path / "gallery").iterdir()) <= LARGEST
    content = json.loads((tmp_path / "gallery" / "gallery.json").read_text())
    assert content["tile"] == [64, 53]  # the longer side, and in proportion
    image = Image.open(io.BytesIO((tmp_path / "gallery" / content["images"]).read_bytes()))
    assert image.size == (16 * 53, -(-count // 16) * 64)


def test_a_folder_of_images_brings_its_labels(zoo, tmp_path, rng):
    for number in range(10):
        folder = tmp_path / "photographs" / ("cats" if number % 2 else "dogs")
        folder.mkdir(parents=True, exist_ok=True)
        pixels = rng.integers(0, 256, (12, 12), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")
    kcs.zoo.add_gallery("tiny", zoo, tmp_path / "photographs")
    content, _, _ = gallery_of(zoo)
    assert content["class_names"] == ["cats", "dogs"]
    assert sorted(content["labels"]) == [0] * 5 + [1] * 5


@pytest.mark.parametrize(
    ("images", "options", "message"),
    [
        (np.zeros((3, 8, 8, 1), "uint8"), {}, "at least 8 images"),
        (np.zeros((9, 7, 8, 1), "uint8"), {}, "encoder that takes"),
        (np.full((9, 8, 8, 1), 200.0), {}, "Divide by 255"),
        (np.full((9, 8, 8, 1), np.nan), {}, "finite"),
        (np.zeros((9, 8, 8, 1), "uint8"), {"count": 2}, "count=2"),
        (np.zeros((9, 8, 8, 1), "uint8"), {"labels": [1, 2]}, "one label for each"),
    ],
)
def test_images_that_make_no_gallery(zoo, images, options, message):
    with pytest.raises(kcs.InputError, match=message):
        kcs.zoo.add_gallery("tiny", zoo, images, **options)
    assert not (zoo / "tiny" / "gallery").exists()
    assert kcs.zoo.verify(source=zoo) == {"tiny": []}


def test_entries_that_cannot_have_one(zoo, tmp_path):
    images = np.zeros((9, 8, 8, 1), "uint8")
    with pytest.raises(kcs.InputError, match="Unknown encoder"):
        kcs.zoo.add_gallery("other", zoo, images)
    (zoo / "tiny" / "README.md").write_text("changed")
    with pytest.raises(kcs.InputError, match="does not match the index"):
        kcs.zoo.add_gallery("tiny", zoo, images)


@pytest.mark.parametrize(
    "change",
    [
        {"encoder_sha256": "0" * 64},
        {"schema_version": 2},
        {"count": "many"},
        {"count": 10**9},
        {"images": "../../secret.png"},
        {"labels": ["<b>"] * 9},
        {"labels": [1]},
        {"tile": [0, 8]},
    ],
)
def test_records_that_cannot_be_are_refused(zoo, change):
    kcs.zoo.add_gallery("tiny", zoo, np.zeros((9, 8, 8, 1), "uint8"))
    (entry,) = kcs.zoo.list_models(zoo)
    path = zoo / "tiny" / "gallery" / "gallery.json"
    assert read_gallery(zoo / "tiny", entry)["images"] == "gallery/images.png"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(kcs.InputError):
        read_gallery(zoo / "tiny", entry)
