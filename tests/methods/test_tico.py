import numpy as np
import pytest

import keras_center_ssl as kcs
from tests.helpers.method_checks import build, check_round_trip, check_trains, digits_views

SMALL = dict(hidden_dim=32, output_dim=16, momentum=0.9)


def views_of(dataset):
    (views,) = next(iter(dataset))[:1]
    return views


@pytest.mark.slow  # test_jax.py trains five steps of every method
def test_trains_without_collapse():
    """The second moment fills from 0, so that the loss rises at first: measured once it is full."""
    model = build(kcs.methods.TiCo, **SMALL)
    model.fit(digits_views(), epochs=2, verbose=0)
    history = check_trains(model)
    assert history["effective_rank"][-1] > 3


@pytest.mark.slow  # test_jax.py saves and loads every method, too
def test_round_trip(tmp_path):
    model = build(kcs.methods.TiCo, rho=4.0, symmetric=True, **SMALL)
    loaded = check_round_trip(model, tmp_path / "model.keras")
    assert loaded.rho == 4.0 and loaded.symmetric
    assert np.asarray(loaded.second_moment.average).any()


@pytest.mark.parametrize("symmetric", [False, True])
def test_its_loss_is_that_of_student_and_teacher(symmetric):
    model = build(kcs.methods.TiCo, symmetric=symmetric, **SMALL)
    view1, view2 = views_of(digits_views(steps=1))
    loss, embeddings = model.branches((view1, view2), training=False)
    z1, z2 = embeddings["projection"]
    students = np.concatenate([z1, z2]) if symmetric else np.asarray(z1)
    rows = students / np.linalg.norm(students, axis=1, keepdims=True)
    moment = (0.1 * rows.T @ rows / len(rows)).astype("float32")
    np.testing.assert_allclose(embeddings["second_moment"], moment, rtol=1e-4, atol=1e-6)
    expected = kcs.losses.tico(z1, model.teacher(view2), moment)
    if symmetric:
        expected = (expected + kcs.losses.tico(z2, model.teacher(view1), moment)) / 2
    np.testing.assert_allclose(loss, expected, rtol=1e-5)


def test_the_moment_takes_in_each_training_step_and_no_other():
    model = build(kcs.methods.TiCo, **SMALL)
    model.run_eagerly = True
    views = views_of(digits_views(steps=1))
    model.test_on_batch(views)
    assert not np.asarray(model.second_moment.average).any()
    for step in (1, 2):
        model.train_on_batch(views)
        # Unit embeddings have a second moment of trace 1.
        trace = np.trace(np.asarray(model.second_moment.average))
        assert trace == pytest.approx(1 - 0.9**step, rel=1e-4)


@pytest.mark.parametrize(
    "arguments, count",
    [({}, 0), ({"centered": True}, 1), ({"rho": 0.5}, 1), ({"beta": 0.999}, 1)],
)
def test_what_usually_collapses_it(arguments, count):
    model = build(kcs.methods.TiCo, **arguments, **SMALL)
    causes = model.collapse_causes("complete_collapse")
    assert len(causes) == count
    assert all(text.startswith(f"{name}=") for text in causes for name in arguments)


def test_bad_arguments_are_named():
    with pytest.raises(kcs.InputError, match=r"beta .* received 2\. Published: 0\.9"):
        build(kcs.methods.TiCo, beta=2, **SMALL)
