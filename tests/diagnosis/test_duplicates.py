"""Samples that share their embedding: how many are counted, and what the verdict makes of it."""

import numpy as np
import pytest

from keras_center_ssl.diagnosis import diagnose
from keras_center_ssl.diagnosis.groups import fingerprints


def points(rng, n, d, count, noise=0.0):
    """`n` samples of `count` points."""
    return rng.normal(size=(count, d))[np.arange(n) % count] + noise * rng.normal(size=(n, d))


def one_point_and_a_cloud(rng, n, d, share, noise=0.0):
    z = rng.normal(size=(n, d))
    z[: int(share * n)] = z[0] + noise * rng.normal(size=(int(share * n), d))
    return rng.permutation(z)


def speaks_of_duplicates(report):
    return any("duplicates" in text for text in report.warnings)


@pytest.mark.parametrize("d", [8, 128])
@pytest.mark.parametrize("noise", [0.0, 1e-5, 1e-3])
def test_most_rows_in_one_point_are_a_collapse(rng, d, noise):
    report = diagnose(one_point_and_a_cloud(rng, 1000, d, 0.9, noise))
    assert report.verdict == "cluster_collapse", str(report)
    assert speaks_of_duplicates(report)
    assert "90 % of them" in " ".join(report.reasons) or "one distinct point" in report.reasons[0]
    assert not any("classifier" in text for text in report.warnings)


@pytest.mark.parametrize("count", [2, 16, 63, 64, 65, 66, 100, 200])
@pytest.mark.parametrize("noise", [0.0, 1e-4])
def test_no_cliff_between_few_points_and_some_more(rng, count, noise):
    report = diagnose(points(rng, 1000, 64, count, noise))
    assert report.verdict == "cluster_collapse", str(report)
    # Two groups lie on a line, on which chance alone brings a thousand samples near each other.
    if count > 2 or not noise:
        assert report.figures["distinct_share"] == count / 1000


def test_unequal_groups_without_a_gap_are_counted(rng):
    """Chains of near duplicates of any width leave no gap for single linkage to cut at."""
    z = rng.normal(size=(100, 64))[np.arange(1000) % 100]
    z += (10.0 ** rng.uniform(-5, -2, size=1000))[:, None] * rng.normal(size=z.shape)
    assert diagnose(z).verdict == "cluster_collapse"


@pytest.mark.parametrize(("share", "spoken"), [(0.02, False), (0.3, True), (0.6, True)])
def test_a_part_of_the_rows_is_a_warning(rng, share, spoken):
    report = diagnose(one_point_and_a_cloud(rng, 1000, 64, share))
    assert report.verdict == "healthy"
    assert report.figures["duplicate_share"] == share
    assert report.figures["distinct_points"] == 1001 - 1000 * share
    assert speaks_of_duplicates(report) == spoken


def test_a_data_set_that_holds_everything_twice_is_a_warning(rng):
    z = rng.normal(size=(500, 32))
    report = diagnose(np.concatenate([z, 3 * z]))
    assert report.verdict == "healthy" and speaks_of_duplicates(report)
    assert report.figures["duplicate_share"] == report.figures["near_duplicate_share"] == 1
    assert report.figures["distinct_points"] == 500


def test_exact_duplicates_are_counted_in_all_rows(rng):
    """More rows than the subsample: it would see few of them."""
    z = rng.normal(size=(9000, 8))
    z[6000:] = z[:3000]
    figures = diagnose(z).figures
    assert figures["subsample"] < 9000
    assert figures["distinct_points"] == 6000
    assert figures["duplicate_share"] == pytest.approx(2 / 3)
    assert figures["near_duplicate_share"] >= figures["duplicate_share"]


@pytest.mark.parametrize("d", [2, 3, 4, 8, 64])
def test_a_cloud_has_no_duplicates(rng, d):
    """Nor in few dimensions, where thousands of samples are near each other by chance."""
    report = diagnose(rng.normal(size=(2000, d)))
    assert report.healthy and not speaks_of_duplicates(report)
    assert report.figures["distinct_points"] == 2000


def test_fingerprints_are_those_of_values(rng):
    unit = np.array([[0.0, 1.0], [-0.0, 1.0], [0.0, -1.0], [1e-12, 1.0]])
    prints = fingerprints(unit)
    assert prints[0] == prints[1] and len(set(prints)) == 3


class TestClasses:
    """Tight classes are what a classifier makes of its features, however many there are."""

    @pytest.mark.parametrize("count", [3, 10, 100, 200])
    @pytest.mark.parametrize("spread", [0.02, 0.1])
    def test_verdict_and_hint_do_not_depend_on_their_number(self, rng, count, spread):
        report = diagnose(points(rng, 1000, 128, count, spread))
        assert report.verdict == "cluster_collapse"
        assert report.figures["groups"] == count
        (hint,) = [text for text in report.warnings if "neural collapse" in text]
        assert f"{count} classes" in hint and "without labels it is a collapse" in hint

    def test_classes_that_are_not_tight_are_healthy(self, rng):
        for count in (10, 100):
            report = diagnose(points(rng, 1000, 128, count, 0.5))
            assert report.healthy and not any("classifier" in text for text in report.warnings)
