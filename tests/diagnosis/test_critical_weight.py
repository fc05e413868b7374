"""The critical centre weight: simulations with a known answer, and real training on digits."""

import json
import subprocess
import sys

import numpy as np
import pytest

import keras_center_ssl as kcs
from keras_center_ssl.diagnosis.critical_weight import CriticalCenterWeight, critical_center_weight


def two_views(n, d, shares, seed=0, rest=0.3):
    """Two views of `n` samples whose features have known shares, seen through a random mixture."""
    rng = np.random.default_rng(seed)
    shares = np.r_[shares, np.full(d - len(shares), rest)]
    sample = rng.normal(size=(n, d)) * np.sqrt(shares)
    mixture, offset = rng.normal(size=(d, d)), 3 * rng.normal(size=d)
    return [
        (sample + rng.normal(size=(n, d)) * np.sqrt(1 - shares)) @ mixture + offset
        for _ in range(2)
    ]


@pytest.mark.parametrize(
    ("n", "d", "tolerance"),
    [(200, 3, 0.03), (256, 16, 0.04), (1000, 64, 0.02), (1500, 200, 0.04)],
)
def test_shares_of_9_6_3_tenths_give_a_critical_weight_of_a_tenth(n, d, tolerance):
    result = critical_center_weight(*two_views(n, d, [0.9, 0.6, 0.3]))
    assert result.critical_center_weight == pytest.approx(0.1, abs=tolerance)
    assert result.low <= 0.1 <= result.high
    assert result.rho_max == pytest.approx(1 - float(result))
    assert (result.samples, result.dimension, result.warnings) == (n, d, [])


@pytest.mark.parametrize("share", [0.0, 0.5, 0.99])
def test_other_shares(share):
    results = [critical_center_weight(*two_views(1000, 8, [share], s, rest=0.0)) for s in range(4)]
    assert np.mean([float(r) for r in results]) == pytest.approx(1 - share, abs=0.05)
    assert all(r.low <= r.critical_center_weight <= r.high for r in results)


def test_interval_holds_the_truth_and_narrows_with_samples():
    widths, hits = {}, []
    for n in (64, 256, 1024):
        results = [critical_center_weight(*two_views(n, 12, [0.8, 0.5], s)) for s in range(10)]
        widths[n] = np.mean([r.high - r.low for r in results])
        hits += [r.low <= 0.2 <= r.high for r in results]
    assert widths[64] > widths[256] > widths[1024]
    assert np.mean(hits) > 0.85


def test_noise_is_not_taken_for_a_feature():
    """As many dimensions as samples: fitted and measured on the same samples, the share is 1."""
    x, y = np.random.default_rng(0).normal(size=(2, 100, 100))
    total, between = (x.T @ x + y.T @ y) / 200, (x.T @ y + y.T @ x) / 200
    naive = np.linalg.eigvals(np.linalg.solve(total, between)).real.max()
    assert naive > 0.9
    result = critical_center_weight(x, y)
    assert result.high > 0.9
    assert any("100 samples of 100 dimensions" in warning for warning in result.warnings)


def test_does_not_depend_on_frame_scale_offset_order_or_view():
    x, y = two_views(400, 10, [0.9, 0.5])
    reference = critical_center_weight(x, y)
    rng = np.random.default_rng(1)
    rotation = np.linalg.qr(rng.normal(size=(10, 10)))[0]
    for a, b in ((y, x), (x @ rotation, y @ rotation), (1e3 * x + 7, 1e3 * y + 7)):
        assert float(critical_center_weight(a, b)) == pytest.approx(float(reference), abs=0.01)
    shuffled = rng.permutation(400)
    assert float(critical_center_weight(x[shuffled], y[shuffled])) == pytest.approx(
        float(reference), abs=0.03
    )
    assert critical_center_weight(x, y) == reference


@pytest.mark.slow
def test_more_dimensions_than_are_kept(rng):
    sample = rng.normal(size=(600, 4))
    x, y = (
        np.concatenate([sample + 0.1 * rng.normal(size=(600, 4)), 0.01 * noise], axis=1)
        for noise in rng.normal(size=(2, 600, 500))
    )
    assert float(critical_center_weight(x, y)) == pytest.approx(0.01, abs=0.01)


def test_feature_maps_and_constant_dimensions(rng):
    x, y = two_views(300, 6, [0.9])
    maps = [np.repeat(z, 4, axis=0).reshape(300, 2, 2, 6) for z in (x, y)]
    assert float(critical_center_weight(*maps)) == pytest.approx(
        float(critical_center_weight(x, y)), abs=1e-6
    )
    wider = [np.c_[z, np.ones((300, 3)), np.zeros((300, 2))] for z in (x, y)]
    assert float(critical_center_weight(*wider)) == pytest.approx(
        float(critical_center_weight(x, y)), abs=1e-3
    )


def test_result_speaks_and_judges():
    result = CriticalCenterWeight(0.1, 0.07, 0.15, 0.9, 500, 32, ["Mind this."])
    assert [result.says(w) for w in (0.0, 0.1, 0.2)] == ["collapses", "unclear", "holds"]
    text = str(result)
    assert "0.100" in text and "0.070 to 0.150" in text and "90.0 %" in text
    assert text.endswith("Warning: Mind this.")
    assert json.loads(json.dumps(result.to_dict()))["samples"] == 500


@pytest.mark.parametrize(
    ("features", "message"),
    [
        ((np.ones((50, 3)), None), "two views"),
        ((np.ones((50, 3)), np.ones((50, 3))), "same for all samples"),
        ((np.eye(4), np.eye(4)), "Received 4 samples"),
        ((np.eye(50), np.eye(50)[:40]), "both shapes must be equal"),
        ((np.full((50, 3), np.nan), np.ones((50, 3))), r"features1 with 50 row\(s\) with NaN"),
    ],
)
def test_refuses(features, message):
    with pytest.raises(kcs.InputError, match=message):
        critical_center_weight(*features)


def test_needs_neither_keras_nor_tensorflow():
    code = (
        "import sys, numpy as np, keras_center_ssl as kcs;"
        "kcs.critical_center_weight(*np.random.default_rng(0).normal(size=(2, 40, 3)));"
        "print([m for m in ('keras', 'tensorflow', 'sklearn', 'matplotlib') if m in sys.modules])"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"


class TestTraining:
    """The estimate from an *untrained* encoder separates the weights that collapse."""

    def trained(self, center_weight, epochs, area, brightness):
        import keras

        from tests.helpers.method_checks import digits_views, small_encoder

        views = kcs.views.simclr(
            8, area=area, flip=0.0, blur=0.0, grey=0.0, brightness=brightness, contrast=0.3
        )
        dataset = digits_views(steps=20, views=views).cache()
        keras.utils.set_random_seed(0)
        model = kcs.methods.CenterSSL(
            small_encoder(),
            center_weight=center_weight,
            decorrelation_weight=0.0,
            hidden_dim=32,
            output_dim=16,
        )
        model.compile(keras.optimizers.SGD(0.05, momentum=0.9))
        features = [[model(view) for view in pair] for ((*pair,),) in dataset]
        estimate = critical_center_weight(*(np.concatenate(v) for v in zip(*features, strict=True)))
        history = model.fit(dataset, epochs=epochs, verbose=0).history
        return estimate, history["center_norm"][-1] ** 2

    def test_far_below_and_above(self):
        for center_weight, says in ((0.05, "collapses"), (1.0, "holds")):
            estimate, share = self.trained(center_weight, 4, (0.5, 1.0), 0.3)
            assert estimate.says(center_weight) == says
            assert (share > 0.98) == (says == "collapses"), share

    @pytest.mark.slow
    @pytest.mark.parametrize(
        ("area", "brightness"), [((0.5, 1.0), 0.3), ((0.3, 1.0), 0.5), ((0.1, 1.0), 0.8)]
    )
    def test_separates_weights_that_collapse(self, area, brightness):
        found = {"collapses": [], "holds": [], "unclear": []}
        for center_weight in (0.0, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0):
            estimate, share = self.trained(center_weight, 20, area, brightness)
            found[estimate.says(center_weight)].append(share)
        assert len(found["collapses"]) >= 2 and len(found["holds"]) >= 1, found
        assert min(found["collapses"]) > 0.98, found
        assert max(found["holds"]) < 0.9, found


def test_views_that_are_equal(rng):
    """Rounding leaves the share of noise a little below 0."""
    for d in (1, 8, 40):
        z = rng.normal(size=(80, d))
        found = kcs.critical_center_weight(z, z)
        assert 0 <= float(found) < 1e-6 and found.says(0.5) == "holds"
