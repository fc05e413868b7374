"""Half precision trains every method to the verdict of single precision."""

import keras
import numpy as np
import pytest

import keras_center_ssl as kcs
from tests.helpers.method_checks import build, digits_views

HEADS = {"hidden_dim": 64, "output_dim": 32}
# Arguments and learning rate: of the ones in the gallery, smaller.
METHODS = {
    "SimCLR": ({**HEADS, "temperature": 0.2}, 0.1),
    "MoCo": ({**HEADS, "queue_size": 256, "momentum": 0.99}, 0.05),
    "BYOL": ({**HEADS, "predictor_dim": 64, "momentum": 0.9}, 0.05),
    "SimSiam": ({**HEADS, "predictor_dim": 16}, 0.05),
    "SwAV": ({**HEADS, "num_prototypes": 32, "frozen_epochs": 0}, 0.05),
    "DINO": (
        {
            "hidden_dim": 64,
            "bottleneck_dim": 32,
            "output_dim": 64,
            "momentum": 0.99,
            "batch_norm": True,
            "frozen_epochs": 0,
            "gradient_clip": 3.0,
        },
        0.1,
    ),
    "BarlowTwins": ({**HEADS, "loss_scale": 0.1}, 0.05),
    "VICReg": (HEADS, 0.01),
    "Triplet": ({**HEADS, "margin": 0.5}, 0.1),
    "CenterSSL": ({**HEADS, "decorrelation_weight": 2.5}, 0.1),
}


@pytest.fixture
def policy():
    """Sets a dtype policy for the length of a test."""
    before = keras.config.dtype_policy()
    yield keras.config.set_dtype_policy
    keras.config.set_dtype_policy(before)


def trained(name, epochs, dataset):
    arguments, rate = METHODS[name]
    optimizer = keras.optimizers.SGD(rate, momentum=0.9)
    model = build(getattr(kcs.methods, name), optimizer, **arguments)
    history = model.fit(dataset, epochs=epochs, verbose=0).history
    return model, history


def check_finite(model, history):
    assert all(np.isfinite(values).all() for values in history.values()), history
    assert all(np.isfinite(np.asarray(v, "float32")).all() for v in model.variables)


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=() if name == "DINO" else pytest.mark.slow) for name in METHODS],
)
def test_float16_scales_the_loss_and_agrees_with_float32(policy, name):
    _, expected = trained(name, 1, digits_views(steps=2))
    policy("mixed_float16")
    model, history = trained(name, 1, digits_views(steps=2))
    assert isinstance(model.optimizer, keras.optimizers.LossScaleOptimizer)
    # A step whose gradients overflow is left out, and the scale halved: the first ones may be.
    assert model.encoder.compute_dtype == "float16"
    assert all(v.dtype == "float32" for v in model.trainable_variables)
    check_finite(model, history)
    np.testing.assert_allclose(history["loss"], expected["loss"], rtol=0.05)


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
@pytest.mark.parametrize("name", METHODS)
def test_half_precision_has_the_verdict_of_float32(policy, name, precision):
    verdicts = {}
    for kind in ("float32", precision):
        policy(kind)
        model, history = trained(name, 12, digits_views(steps=20))
        check_finite(model, history)
        pairs = [
            [np.asarray(z, "float32") for z in next(iter(model.branches(views, False)[1].values()))]
            for (views,) in digits_views(batch_size=120, steps=4, seed=9)
        ]
        embeddings = [np.concatenate(view) for view in zip(*pairs, strict=True)]
        verdicts[kind] = kcs.diagnose(*embeddings).verdict
    assert verdicts[precision] == verdicts["float32"] == "healthy", verdicts
