import keras
import numpy as np
import pytest

import keras_center_ssl as kcs
from tests.helpers.method_checks import build, check_round_trip, check_trains

SMALL = dict(hidden_dim=32, output_dim=16, momentum=0.9)


def batch(*sizes):
    """Views of 16 made-up images, of these sizes."""
    rng = np.random.default_rng(0)
    return tuple(rng.random((16, size, size, 1), "float32") for size in sizes)


@pytest.mark.slow  # test_jax.py trains five steps of every method
def test_trains_without_collapse():
    history = check_trains(build(kcs.methods.SimDINO, **{**SMALL, "momentum": 0.99}))
    assert history["effective_rank"][-1] > 3


@pytest.mark.slow  # test_jax.py saves and loads every method, too
def test_round_trip(tmp_path):
    model = build(kcs.methods.SimDINO, gamma=0.5, epsilon=0.1, **SMALL)
    loaded = check_round_trip(model, tmp_path / "model.keras")
    assert loaded.gamma == 0.5 and loaded.epsilon == 0.1


@pytest.mark.parametrize("gamma", [None, 0.3, 0.0])
def test_its_loss_is_of_all_views_but_pairs_of_a_view_with_itself(gamma):
    keras.utils.set_random_seed(0)
    encoder = kcs.encoders.resnet_small((12, 12, 1), width=4)
    model = kcs.methods.SimDINO(encoder, gamma=gamma, **SMALL)
    # Not the student's own weights any more.
    for weight in model.teacher.models[1].weights:
        weight.assign(weight + 0.1)
    views = batch(12, 12, 8, 8)
    loss, embeddings = model.branches(views, training=True)
    students = [
        np.asarray(model.projector(kcs.encoders.encode(model.encoder, v, training=True)))
        for v in views
    ]
    teachers = [np.asarray(model.teacher(v, training=True)) for v in views[:2]]
    cosines = [
        np.mean(np.sum(_unit(students[j]) * _unit(teachers[i]), axis=1))
        for i, j in ((0, 1), (0, 2), (0, 3), (1, 0), (1, 2), (1, 3))
    ]
    weight = (16 + 16) / (16 * 16) if gamma is None else gamma
    rates = [kcs.losses.coding_rate(z) for z in students[:2]]
    assert float(loss) == pytest.approx(-np.mean(cosines) - weight * np.mean(rates), rel=1e-3)
    assert len(embeddings["projection"]) == 2


def _unit(z):
    return z / np.linalg.norm(z, axis=1, keepdims=True)


def test_local_crops_of_another_size_train_a_resnet():
    model = kcs.methods.SimDINO(kcs.encoders.resnet_small((12, 12, 1), width=4), **SMALL)
    model.compile("adam")
    model.run_eagerly = True
    before = np.array(model.encoder.trainable_variables[0])
    logs = model.train_on_batch(batch(12, 12, 8), return_dict=True)
    assert np.isfinite(list(logs.values())).all()
    assert not np.array_equal(model.encoder.trainable_variables[0], before)


def test_nan_in_a_pixel_is_a_loss_of_nan():
    """And not the end of the program, where the matrix is factorised."""
    model = build(kcs.methods.SimDINO, **SMALL)
    first, second = batch(8, 8)
    first[0, 0, 0, 0] = np.nan
    assert np.isnan(model.test_on_batch((first, second), return_dict=True)["loss"])


@pytest.mark.parametrize(
    "arguments, count",
    [({}, 0), ({"gamma": 0.0}, 1), ({"gamma": 1.0}, 0), ({"epsilon": 2.0}, 1)],
)
def test_what_usually_collapses_it(arguments, count):
    model = build(kcs.methods.SimDINO, **arguments, **SMALL)
    causes = model.collapse_causes("complete_collapse")
    assert len(causes) == count
    assert all(text.startswith(f"{name}=") for text in causes for name in arguments)


def test_bad_arguments_are_named():
    for name, value in (("momentum", 2), ("gamma", -1), ("epsilon", 0)):
        with pytest.raises(kcs.InputError, match=name):
            build(kcs.methods.SimDINO, **{**SMALL, name: value})
