"""Features of every kind of source, and which image each row is of."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_center_ssl as kcs
from tests.helpers.image_folders import BROKEN, good_and_broken


@pytest.fixture(scope="module")
def encoder():
    """Gives each image's mean brightness, and a number that is always 1."""
    images = keras.Input((8, 8, 1))
    mean = keras.layers.GlobalAveragePooling2D()(images)
    return keras.Model(images, keras.ops.concatenate([mean, keras.ops.ones_like(mean)], axis=-1))


def brightness(found):
    return np.rint(found.features[:, 0] * 255).astype(int).tolist()


def test_rows_of_a_folder_find_their_files(encoder, tmp_path):
    values = good_and_broken(tmp_path / "data", (8, 8))
    found = kcs.evaluation.embed_source(encoder, tmp_path / "data", batch_size=4)
    assert dict(zip(found.paths, brightness(found), strict=True)) == values
    assert [found.class_names[label] for label in found.labels] == [file[0] for file in values]
    assert found.skipped.keys() == BROKEN.keys()
    found.save(tmp_path / "z.npz")
    with np.load(tmp_path / "z.npz", allow_pickle=False) as file:
        assert file["paths"].tolist() == list(values)
        assert file["skipped"].tolist() == sorted(BROKEN)
        assert "indices" not in file
    # In memory, the images keep their files.
    loaded = kcs.data.load(tmp_path / "data")
    assert list(loaded.files) == list(values)
    np.testing.assert_array_equal(kcs.evaluation.embed(encoder, loaded, 4), found.features)
    again = kcs.evaluation.embed_source(encoder, loaded)
    assert again.paths == found.paths and again.class_names == found.class_names
    np.testing.assert_allclose(again.features, found.features, rtol=1e-5)


def test_rows_of_other_sources_have_numbers(encoder, tmp_path):
    images = np.arange(7, dtype="uint8").repeat(64).reshape(7, 8, 8) * 20
    np.savez(tmp_path / "x.npz", images=images, labels=np.arange(7) % 3)
    sources = [(images, np.arange(7) % 3), tmp_path / "x.npz"]
    # A data set that comes in another order each time keeps each image's own label.
    shuffled = tf.data.Dataset.from_tensor_slices((images[..., None], np.arange(7))).shuffle(7)
    for source in (*sources, shuffled):
        found = kcs.evaluation.embed_source(encoder, source, batch_size=3)
        assert found.paths is None and found.skipped == {}
        if source is shuffled:
            assert brightness(found) == (found.labels * 20).tolist()
        else:
            assert brightness(found) == list(range(0, 140, 20))
            assert found.labels.tolist() == [0, 1, 2, 0, 1, 2, 0]
    found.save(tmp_path / "z.npz")
    with np.load(tmp_path / "z.npz") as file:
        assert file["indices"].tolist() == list(range(7)) and len(file["skipped"]) == 0
