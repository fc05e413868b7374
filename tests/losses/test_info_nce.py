import numpy as np
import pytest

import keras_center_ssl as kcs
from tests.helpers.gradient_checks import check_loss, rotation, unit_rows, value_and_gradients


def reference(query, key, queue, temperature=0.2, valid=None):
    query, key, queue = unit_rows(query), unit_rows(key), unit_rows(queue)[:valid]
    losses = []
    for q, k in zip(query, key, strict=True):
        positive = np.exp(q @ k / temperature)
        negatives = [np.exp(q @ other / temperature) for other in queue]
        losses.append(-np.log(positive / (positive + sum(negatives))))
    return np.mean(losses)


def random_arguments(rng, batch=4, keys=6, dim=5):
    return [rng.standard_normal(shape) for shape in ((batch, dim), (batch, dim), (keys, dim))]


@pytest.mark.parametrize("temperature, valid", [(0.2, None), (1.0, 3), (0.07, 5)])
def test_value_and_gradient(rng, temperature, valid):
    check_loss(
        lambda *args: kcs.losses.info_nce(*args, temperature, valid=valid),
        lambda *args: reference(*args, temperature, valid),
        *random_arguments(rng),
    )


def test_known_values():
    eye = np.eye(4, dtype="float32")
    # A perfect match among orthogonal keys.
    value = float(kcs.losses.info_nce(eye[:2], eye[:2], eye[2:], 0.5))
    assert value == pytest.approx(np.log(1 + 2 * np.exp(-2)), rel=1e-5)
    # Query, key and queue mutually orthogonal: a guess among three.
    value = float(kcs.losses.info_nce(eye[:1], eye[1:2], eye[2:]))
    assert value == pytest.approx(np.log(3), rel=1e-5)
    # Collapsed.
    ones = np.ones((5, 4), "float32")
    value = float(kcs.losses.info_nce(ones[:2], ones[:2], ones))
    assert value == pytest.approx(np.log(6), rel=1e-5)


def test_rows_that_are_not_valid_yet_have_no_part(rng):
    query, key, queue = random_arguments(rng)
    junk = np.concatenate([queue[:2], np.zeros((4, 5))])
    part = float(kcs.losses.info_nce(query, key, queue, valid=2))
    assert float(kcs.losses.info_nce(query, key, junk, valid=2)) == pytest.approx(part, rel=1e-5)
    assert float(kcs.losses.info_nce(query, key, queue[:2])) == pytest.approx(part, rel=1e-5)
    value, gradients = value_and_gradients(
        lambda *args: kcs.losses.info_nce(*args, valid=0), query, key, np.zeros((6, 5))
    )
    assert abs(value) < 1e-6 and all(np.abs(g).max() < 1e-6 for g in gradients)


def test_order_scale_and_rotation_do_not_matter(rng):
    query, key, queue = random_arguments(rng)
    value = float(kcs.losses.info_nce(query, key, queue))
    rows, keys, turn = rng.permutation(4), rng.permutation(6), rotation(5)
    for arguments in (
        (query[rows], key[rows], queue),
        (query, key, queue[keys]),
        (3 * query, 0.1 * key, 7 * queue),
        (query @ turn, key @ turn, queue @ turn),
    ):
        assert float(kcs.losses.info_nce(*arguments)) == pytest.approx(value, rel=1e-5)


def test_a_low_temperature_stays_finite(rng):
    value, gradients = value_and_gradients(
        lambda *args: kcs.losses.info_nce(*args, 1e-3), *random_arguments(rng)
    )
    assert np.isfinite(value) and all(np.isfinite(g).all() for g in gradients)


def test_bad_input_is_named(rng):
    query, key, queue = random_arguments(rng)
    with pytest.raises(kcs.InputError, match="query and key"):
        kcs.losses.info_nce(query[:3], key, queue)
    with pytest.raises(kcs.InputError, match="queue of keys"):
        kcs.losses.info_nce(query, key, queue[:, :3])
    with pytest.raises(kcs.InputError, match="temperature"):
        kcs.losses.info_nce(query, key, queue, 0)
