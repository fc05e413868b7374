"""A method is saved, cloned, pickled, copied and written as JSON, compiled or not."""

import copy
import pickle

import keras
import numpy as np
import pytest

import keras_center_ssl as kcs
from tests.helpers.method_checks import tiny_encoder

METHODS = kcs.methods.METHODS
IMAGES = np.random.default_rng(0).random((4, 8, 8, 1)).astype("float32")


def uncompiled(method):
    return getattr(kcs.methods, method)(tiny_encoder(), hidden_dim=8, output_dim=8)


@pytest.mark.parametrize("method", METHODS)
def test_uncompiled_to_a_file_and_to_json(method, tmp_path):
    model = uncompiled(method)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert type(loaded) is type(model) and not loaded.compiled
    np.testing.assert_array_equal(loaded(IMAGES), model(IMAGES))
    again = keras.models.model_from_json(model.to_json())
    assert type(again) is type(model)
    configs = [{k: v for k, v in m.get_config().items() if k != "encoder"} for m in (again, model)]
    assert configs[0] == configs[1]


@pytest.mark.parametrize("compiled", [False, True])
def test_copies(compiled):
    model = uncompiled("SimCLR")
    if compiled:
        model.compile(keras.optimizers.SGD(0.125))
    for same in (copy.deepcopy(model), copy.copy(model), pickle.loads(pickle.dumps(model))):
        assert same.compiled == compiled
        np.testing.assert_allclose(same(IMAGES), model(IMAGES), atol=1e-6)
    clone = keras.models.clone_model(model)
    assert type(clone) is type(model) and clone.compiled == compiled
    if compiled:
        assert float(clone.optimizer.learning_rate) == 0.125


def test_a_config_of_0_1_0():
    """SwAV's `learned_prototypes` was `prototypes`, "learned" or "fixed"."""
    config = uncompiled("SwAV").get_config()
    del config["learned_prototypes"]
    for word, learned in (("learned", True), ("fixed", False)):
        model = kcs.methods.SwAV.from_config({**config, "prototypes": word})
        assert model.learned_prototypes is learned is model.prototype_layer.trainable
