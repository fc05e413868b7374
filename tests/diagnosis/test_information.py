"""What tells samples apart: views that share nothing, and long common means."""

import numpy as np
import pytest

from keras_center_ssl.diagnosis import CollapseReport, diagnose


def low_rank(rng, n, d):
    return rng.normal(size=(n, 30)) @ rng.normal(size=(30, d)) * np.arange(1, d + 1) ** -0.25


SPREADS = {
    "even": lambda rng, n, d: rng.normal(size=(n, d)),
    "low rank": low_rank,
    "off centre": lambda rng, n, d: rng.normal(size=(n, d)) + 0.5,
    "after a ReLU": lambda rng, n, d: np.maximum(rng.normal(size=(n, d)), 1e-9),
}


@pytest.mark.parametrize("spread", SPREADS)
@pytest.mark.parametrize(("n", "d"), [(64, 8), (64, 128), (1000, 64), (3000, 16)])
class TestViews:
    def test_views_that_share_nothing_are_not_healthy(self, rng, spread, n, d):
        first, second = (SPREADS[spread](rng, n, d) for _ in range(2))
        for views in ((first, second), (first, rng.permutation(first))):
            report = diagnose(*views)
            assert report.verdict == "complete_collapse", str(report)
            assert any("no information about the sample is left" in r for r in report.reasons)
            assert any("in the same order" in text for text in report.warnings)

    def test_views_that_share_a_part_are(self, rng, spread, n, d):
        z = SPREADS[spread](rng, n, d)
        report = diagnose(z, z + 0.5 * z.std() * rng.normal(size=z.shape))
        assert report.healthy, str(report)
        assert not any("no more alike" in text for text in report.warnings)


@pytest.mark.parametrize("share", [0.982, 0.99, 0.997])
def test_full_rank_with_a_long_common_mean(rng, share):
    """As GloVe's word vectors: the mean hides embeddings that are healthy without it."""
    z = rng.normal(size=(1000, 64))
    z += np.sqrt(64 * share / (1 - share)) * np.eye(64)[3]
    one, two = diagnose(z), diagnose(z, z + 0.3 * rng.normal(size=z.shape))
    for report in (one, two):
        assert report.figures["center_norm_squared"] == pytest.approx(share, abs=0.01)
        assert report.verdict == "complete_collapse"
        assert report.centered_verdict == "healthy"
    (text,) = [text for text in one.warnings if "Subtracting the mean recovers" in text]
    assert "one view cannot tell" in text
    (text,) = [text for text in two.warnings if "Subtracting the mean recovers" in text]
    assert "two views agree" in text
    assert CollapseReport.from_json(two.to_json()).centered_verdict == "healthy"
    assert diagnose(z - z.mean(axis=0)).healthy


def test_what_does_not_recover(rng):
    mean = 70 * np.eye(64)[3]
    noise = diagnose(*(mean + rng.normal(size=(1000, 64)) for _ in range(2)))
    circle = diagnose(mean + rng.normal(size=(1000, 2)) @ rng.normal(size=(2, 64)) / 10)
    point = diagnose(np.ones((100, 8)))
    assert noise.centered_verdict == "complete_collapse"
    assert circle.centered_verdict == "dimensional_collapse"
    assert point.centered_verdict is None
    for report in (noise, circle, point):
        assert report.verdict == "complete_collapse"
        assert not any("recovers" in text for text in report.warnings)


def test_the_mean_is_subtracted_where_half_of_the_samples_lie_on_it(rng):
    z = np.tile(100 * np.eye(8)[0], (200, 1))
    z[:50] += 1.0 * np.eye(8)[1]
    z[50:100] -= 1.0 * np.eye(8)[1]
    report = diagnose(z)
    assert report.verdict == "complete_collapse" and report.centered_verdict == "cluster_collapse"


def test_without_a_long_mean_there_is_nothing_to_say(rng):
    assert diagnose(rng.normal(size=(100, 8))).centered_verdict is None
