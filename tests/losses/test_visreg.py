import statistics

import numpy as np
import pytest

import keras_center_ssl as kcs
from tests.helpers.gradient_checks import (
    check_loss,
    rotation,
    unit_rows,
    value_and_gradients,
)

visreg = kcs.losses.visreg
ONE = np.ones((1, 1), "float32")
PARTS = {
    "scale": dict(shape_weight=0.0, center_weight=0.0),
    "shape": dict(scale_weight=0.0, center_weight=0.0),
    "center": dict(scale_weight=0.0, shape_weight=0.0),
}


def part(name, z, directions):
    """One regulariser alone, of one view."""
    z = np.asarray(z, "float32")[None]
    return float(visreg(z, directions, 1, 1.0, **PARTS[name]))


def quantiles(count):
    return [statistics.NormalDist().inv_cdf((i + 1) / (count + 1)) for i in range(count)]


def reference(views, directions, global_views, weight, scale, shape, center, std=None):
    """View by view; `std`, `(V, D)`, stands for what the shape term holds constant."""
    terms = []
    for v, z in enumerate(views):
        deviation = np.sqrt(np.mean((z - z.mean(0)) ** 2, axis=0) + 1e-6)
        y = (z - z.mean(0)) / ((deviation if std is None else std[v]) + 1e-4)
        distances = [
            (value - quantile) ** 2
            for a in directions.T
            for value, quantile in zip(sorted(y @ a), quantiles(len(z)), strict=True)
        ]
        terms.append(
            scale * np.mean((1 - deviation) ** 2)
            + shape * np.mean(distances)
            + center * np.mean(z.mean(0) ** 2)
        )
    mean = views[:global_views].mean(0)
    return (1 - weight) * np.mean((views - mean) ** 2) + weight * np.mean(terms)


@pytest.mark.parametrize(
    "weights", [(0.9, 1, 1, 1), (0.6, 2, 0.5, 3), (1, 0, 1, 0), (1, 1, 0, 0), (0, 1, 1, 1)]
)
@pytest.mark.parametrize("count, global_views", [(2, 2), (4, 2)])
def test_value_and_gradient(rng, weights, count, global_views):
    views = rng.standard_normal((count, 5, 3)) * np.array([0.5, 1.0, 2.0]) + 0.3
    constant = np.sqrt(np.var(views.astype("float32").astype("float64"), axis=1) + 1e-6)
    check_loss(
        lambda z, a: visreg(z, a, global_views, *weights),
        lambda z, a: reference(z, a, global_views, *weights, std=constant),
        views,
        unit_rows(rng.standard_normal((4, 3))).T,
        constant=(1,),
        atol=5e-5,
    )


def test_by_hand_in_one_dimension():
    pair = [[-1.0], [1.0]]
    np.testing.assert_allclose(part("shape", pair, ONE), 0.323957, atol=2e-6)
    np.testing.assert_allclose(part("scale", pair, ONE), 0, atol=1e-9)
    np.testing.assert_allclose(part("center", pair, ONE), 0, atol=1e-9)


@pytest.mark.parametrize("where", [0.0, 2.0])
def test_exact_collapse_has_a_finite_gradient(where, rng):
    """Scale is at its largest and pulls nowhere, the centre to 0, and shape pulls apart."""
    directions = unit_rows(rng.standard_normal((4, 3))).T
    views = np.full((2, 6, 3), where)
    value, (gradient, _) = value_and_gradients(visreg, views, directions)
    assert np.isfinite(value) and np.isfinite(gradient).all()
    _, (gradient, _) = value_and_gradients(
        lambda z, a: visreg(z, a, shape_weight=0.0), views, directions
    )
    np.testing.assert_allclose(gradient, 0.9 * 2 * where / views.size, rtol=1e-3, atol=1e-7)
    np.testing.assert_allclose(part("scale", views[0], directions), 1, rtol=1e-2)
    np.testing.assert_allclose(part("center", views[0], directions), where**2, rtol=1e-5)
    expected = np.mean(np.square(quantiles(6)))
    np.testing.assert_allclose(part("shape", views[0], directions), expected, rtol=1e-4)


def test_near_collapse_the_gradient_is_bounded(rng):
    """By the epsilon in the root: 1 / sqrt(1e-6), over the number of entries."""
    directions = np.eye(3)
    for spread in (1e-3, 1e-6, 1e-12):
        views = spread * rng.standard_normal((2, 6, 3))
        _, (gradient, _) = value_and_gradients(visreg, views, directions)
        assert np.isfinite(gradient).all()
        assert np.abs(gradient).max() < 2 * 4 * 1e3 / views.size


def test_scale_and_shape_are_blind_to_the_center(rng):
    z = rng.standard_normal((8, 3))
    directions = unit_rows(rng.standard_normal((4, 3))).T.astype("float32")
    for name in ("scale", "shape"):
        value = part(name, z, directions)
        assert part(name, z + 3, directions) == pytest.approx(value, rel=1e-4), name
    expected = np.mean(np.square(z.mean(0) + 3))
    assert part("center", z + 3, directions) == pytest.approx(expected, rel=1e-5)


def test_normal_quantiles_have_the_right_shape():
    z = np.array(quantiles(200))[:, None]
    assert part("shape", z / z.std(), ONE) < 1e-3
    assert part("shape", np.sign(z), ONE) > 0.3


def test_invariances(rng):
    views = rng.standard_normal((3, 6, 3)).astype("float32")
    directions = unit_rows(rng.standard_normal((4, 3))).T.astype("float32")
    value = visreg(views, directions)
    swapped = views[[1, 0, 2]]
    for other in (views[:, rng.permutation(6)], swapped, list(views)):
        np.testing.assert_allclose(visreg(other, directions), value, rtol=1e-5)
    # The centre and the invariance do not depend on the axes.
    turn = rotation(3).astype("float32")
    rotated = [visreg(x, directions, 2, 0.5, 0.0, 0.0, 1.0) for x in (views, (views @ turn))]
    np.testing.assert_allclose(rotated[1], rotated[0], rtol=1e-5)


def test_bad_input_is_explained():
    views, directions = np.ones((2, 4, 3), "float32"), np.eye(3, dtype="float32")
    with pytest.raises(kcs.InputError, match="center_weight of 0 or more; received -1"):
        visreg(views, directions, center_weight=-1)
    with pytest.raises(kcs.InputError, match=r"weight is a share .* received 1\.5"):
        visreg(views, directions, weight=1.5)
    with pytest.raises(kcs.InputError, match="at least 2"):
        visreg(views[:, :1], directions)
    with pytest.raises(kcs.InputError, match="1 to 2; received 3"):
        visreg(views, directions, 3)
    with pytest.raises(kcs.InputError, match="unit columns"):
        visreg(views, directions[:2])
