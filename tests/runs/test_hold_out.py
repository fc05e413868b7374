"""Settings are chosen on images that are kept out of the training."""

import keras
import numpy as np
import pytest

import keras_center_ssl as kcs
from keras_center_ssl import runs
from keras_center_ssl.runs.recipe import parse_recipe
from tests.runs.test_recipe import content


def recipe(**data):
    return parse_recipe(content(data={"source": "digits", **data}))


def test_training_and_held_out_images_share_none_and_are_all():
    data = recipe(hold_out=300).data
    whole = kcs.data.load("digits")
    kept, held = (kcs.data.load(data.open(split)) for split in ("train", "hold_out"))
    np.testing.assert_array_equal(np.concatenate([kept.images, held.images]), whole.images)
    assert held.count == 300 and kept.fingerprint != whole.fingerprint
    assert data.open("test").count == kcs.data.open_source("digits", "test").count


def test_without_a_hold_out_there_is_a_sentence():
    with pytest.raises(kcs.InputError, match=r"held no images out.*data\.hold_out"):
        recipe().data.open("hold_out")
    with pytest.raises(kcs.InputError, match=r"from 1 to \d+, two fewer than 'digits"):
        recipe(hold_out=10**6).data.open("train")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Whitened features, settings to be chosen, and a quarter of the images held out."""
    described = parse_recipe(
        content(
            epochs=1,
            batch_size=64,
            data={"source": "digits", "limit": 400, "hold_out": 100},
            features={"whiten": True, "dimensions": 8},
        )
    )
    return runs.train(described, tmp_path_factory.mktemp("runs") / "run")


def test_the_held_out_images_are_judged_unless_told_otherwise(run):
    assert runs.evaluate(run, protocols=["knn"])["samples"] == {"train": 300, "test": 100}
    assert run.metrics["split"] == "hold_out"
    tested = runs.evaluate(run, split="test", protocols=["knn"])
    assert tested["split"] == "test" and tested["samples"]["train"] == 300
    assert "linear_accuracy" not in tested
    with pytest.raises(kcs.InputError, match="'tests'"):
        runs.evaluate(run, split="tests")
    with pytest.raises(kcs.InputError, match="protocol"):
        runs.evaluate(run, protocols=["knm"])


def test_published_features_are_whitened_and_diagnosed_before_it(run, tmp_path):
    metrics = runs.evaluate(run, protocols=["knn"])
    assert metrics["whitening"] == {"dimensions": 8, "of": run.load_model().encoder.output_shape[1]}
    assert metrics["collapse"]["features"]["dimension"] == metrics["whitening"]["of"]
    bundle, parity = runs.export_run(run, tmp_path / "bundle", formats=("keras", "onnx"))
    images = kcs.data.load("digits", "test", limit=16).images.astype("float32") / 255
    features = kcs.OnnxEncoder(bundle / "encoder.onnx").embed(images)
    assert features.shape == (16, 8)
    whole = kcs.data.load(run.recipe.data.open("train"))
    mean = kcs.OnnxEncoder(bundle / "encoder.onnx").embed(whole.images).mean(axis=0)
    np.testing.assert_allclose(mean, 0, atol=1e-2)
    card = (bundle / "README.md").read_text()
    assert "The last layer whitens" in card and "8 of" in card and "before it" in card
    assert parity["onnx"]["max_absolute_error"] < 1e-4


def test_a_collapsed_encoder_is_named_although_its_features_are_whitened(tmp_path):
    """The last layer would make any direction that is left look like all others."""
    images = kcs.data.load("digits", limit=256).images.astype("float32") / 255
    # One direction of the pixels, and next to nothing else: what a dimensional collapse looks like.
    inputs = keras.Input((8, 8, 1))
    layer = keras.layers.Dense(16)
    model = keras.Model(inputs, layer(keras.layers.Flatten()(inputs)))
    rng = np.random.default_rng(0)
    kernel = np.outer(rng.normal(size=64), rng.normal(size=16)) + 1e-4 * rng.normal(size=(64, 16))
    layer.set_weights([kernel, np.zeros(16)])
    whitened = kcs.encoders.whitened(model, images, shrinkage=0)
    path = tmp_path / "bundle"
    kcs.export.export_bundle(whitened, path, formats=("keras",), images=images)
    assert "dimensional collapse" in (path / "README.md").read_text()
    assert kcs.diagnose(whitened.predict(images, verbose=0)).verdict == "healthy"
