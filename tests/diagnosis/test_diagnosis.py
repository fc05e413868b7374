"""Verdicts on cases with a known answer, and the report that carries them."""

import json
import subprocess
import sys

import numpy as np
import pytest

import keras_center_ssl as kcs
from keras_center_ssl import diagnosis, geometry
from keras_center_ssl.diagnosis import (
    CollapseReport,
    diagnose,
    diagnose_file,
    measure,
    rules,
    sources,
)
from keras_center_ssl.errors import InputError

SIZES = [(64, 8), (64, 512), (256, 64), (2000, 8), (2000, 64)]


def low_rank(rng, n, d, rank, noise=0.0):
    z = rng.normal(size=(n, rank)) @ rng.normal(size=(rank, d)) / np.sqrt(rank)
    return z + noise * rng.normal(size=(n, d))


def power_law(rng, n, d, exponent):
    return rng.normal(size=(n, d)) * np.arange(1, d + 1) ** (-exponent / 2)


def clusters(rng, n, d, groups, spread):
    return rng.normal(size=(groups, d))[np.arange(n) % groups] + spread * rng.normal(size=(n, d))


def antipodal(rng, n, d):
    return np.where(np.arange(n) % 2, 1, -1)[:, None] * rng.normal(size=d)


def random_relu_network(rng, n, d, layers=4):
    """Features of an untrained network on smooth inputs: large centre, and still structure."""
    z = power_law(rng, n, 64, 1.0) + 1.0
    for _ in range(layers):
        weights = rng.normal(size=(z.shape[1], max(d, 64))) * np.sqrt(2 / z.shape[1])
        z = np.maximum(z @ weights, 0.0)
    return z[:, :d] + 1e-9


CASES = {
    "healthy": {
        "uniform on the sphere": lambda r, n, d: r.normal(size=(n, d)),
        "half-normal, as after a ReLU": lambda r, n, d: abs(r.normal(size=(n, d))),
        "sparse, as after a ReLU": lambda r, n, d: np.maximum(r.normal(size=(n, d)), 1e-9),
        "uniform in the unit cube": lambda r, n, d: r.uniform(size=(n, d)),
        "spectrum 1/sqrt(i)": lambda r, n, d: power_law(r, n, d, 0.5),
        "spectrum 1/i": lambda r, n, d: power_law(r, n, d, 1.0),
        "spectrum 1/i, off centre": lambda r, n, d: power_law(r, n, d, 1.0) + 0.3,
        "ten classes that overlap": lambda r, n, d: clusters(r, n, d, 10, 1.0),
        "ten classes well apart": lambda r, n, d: clusters(r, n, d, 10, 0.5),
    },
    "complete_collapse": {
        "one point": lambda r, n, d: np.tile(r.normal(size=d), (n, 1)),
        "one point, float32": lambda r, n, d: np.tile(r.normal(size=d), (n, 1)).astype("f4"),
        "one point and 1e-4 of noise": lambda r, n, d: 1 + 1e-4 * r.normal(size=(n, d)),
        "one point and 1 % of noise": lambda r, n, d: 1 + 1e-2 * r.normal(size=(n, d)),
        "one point and 10 % of noise": lambda r, n, d: 1 + 0.1 * r.normal(size=(n, d)),
        "one point and 1 % of structure": lambda r, n, d: 1 + 1e-2 * power_law(r, n, d, 1.0),
    },
    "dimensional_collapse": {
        "a circle": lambda r, n, d: low_rank(r, n, d, 2),
        "a sphere": lambda r, n, d: low_rank(r, n, d, 3),
        "a circle and 2 % of noise": lambda r, n, d: low_rank(r, n, d, 2, 0.02),
        "an arc": lambda r, n, d: 2 * r.normal(size=d) + low_rank(r, n, d, 1),
        "two dimensions, copied": lambda r, n, d: np.repeat(r.normal(size=(n, 2)), d // 2, 1),
        "spectrum i^-4": lambda r, n, d: power_law(r, n, d, 4.0),
    },
    "cluster_collapse": {
        "+v and -v": antipodal,
        "rank one": lambda r, n, d: low_rank(r, n, d, 1),
        "two tight groups": lambda r, n, d: clusters(r, n, d, 2, 0.01),
        "ten tight groups": lambda r, n, d: clusters(r, n, d, 10, 0.01),
        "three points": lambda r, n, d: clusters(r, n, d, 3, 0.0),
        "97 % here and 3 % there": lambda r, n, d: np.where(
            np.arange(n)[:, None] < 0.97 * n, np.eye(d)[0], np.eye(d)[1]
        ),
    },
}
TABLE = [
    pytest.param(verdict, case, id=name)
    for verdict, cases in CASES.items()
    for name, case in cases.items()
]


@pytest.mark.parametrize(("n", "d"), SIZES)
@pytest.mark.parametrize(("verdict", "case"), TABLE)
def test_known_cases(verdict, case, n, d):
    report = diagnose(case(np.random.default_rng(n + d), n, d))
    assert report.verdict == verdict, str(report)


@pytest.mark.parametrize("verdict", CASES)
@pytest.mark.parametrize(("n", "d"), [(64, 8192), (600, 512)])
def test_known_cases_in_many_dimensions(verdict, n, d):
    case = list(CASES[verdict].values())[3 if verdict == "complete_collapse" else 2]
    assert diagnose(case(np.random.default_rng(0), n, d)).verdict == verdict


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize(("n", "d"), [(64, 8), (128, 64)])
def test_no_false_verdict_in_repeated_draws(seed, n, d):
    """Small samples scatter most; an arc or circle must not pass for groups, nor noise for rank."""
    rng = np.random.default_rng(seed)
    for case, verdict in (
        (rng.normal(size=(n, d)), "healthy"),
        (power_law(rng, n, d, 1.0), "healthy"),
        (low_rank(rng, n, d, 2), "dimensional_collapse"),
        (
            np.c_[np.ones(n), rng.uniform(-1, 1, size=n), np.zeros((n, d - 2))],
            "dimensional_collapse",
        ),
        (clusters(rng, n, d, 5, 0.02), "cluster_collapse"),
    ):
        assert diagnose(case).verdict == verdict


@pytest.mark.parametrize(
    ("n", "d", "rank"), [(2000, 64, 8), (1000, 128, 12), (300, 512, 10), (64, 512, 8)]
)
def test_rank_is_judged_against_the_dimension(rng, n, d, rank):
    assert diagnose(low_rank(rng, n, d, rank)).verdict == "dimensional_collapse"
    assert diagnose(low_rank(rng, n, d, rank, noise=0.01)).verdict == "dimensional_collapse"
    assert diagnose(low_rank(rng, n, d, 4 * rank)).verdict == "healthy"


def test_participation_ratio_of_simplified_objective_without_decorrelation(rng):
    """One direction dominates, a long tail keeps the effective rank up."""
    spectrum = np.r_[1.0, 0.05, 0.002 * np.ones(10), 0.0001 * np.ones(116)]
    report = diagnose(rng.normal(size=(1000, 128)) * np.sqrt(spectrum))
    assert 1.4 < report.figures["participation_ratio"] < 2.0
    assert report.figures["effective_rank"] > 40
    assert report.verdict == "dimensional_collapse"


@pytest.mark.parametrize("layers", [1, 4, 8])
def test_untrained_relu_networks_are_not_collapsed(rng, layers):
    report = diagnose(random_relu_network(rng, 500, 128, layers))
    assert report.verdict == "healthy", str(report)
    assert report.figures["center_norm_squared"] > 0.7


def test_structure_beside_a_large_offset_is_a_warning_and_noise_is_a_collapse(rng):
    structure, noise = power_law(rng, 1000, 64, 1.0), rng.normal(size=(1000, 64))
    for spread, verdict in ((structure, "healthy"), (noise, "complete_collapse")):
        spread = spread / np.linalg.norm(spread, axis=1).mean()
        report = diagnose(10 * np.eye(64)[5] + spread)
        assert 0.985 < report.figures["center_norm_squared"] < 0.995
        assert report.verdict == verdict
        assert any("subtract the mean" in text for text in report.warnings) == (
            verdict == "healthy"
        )


@pytest.mark.parametrize("case", [case for _, cases in CASES.items() for case in cases.values()])
def test_verdict_does_not_depend_on_the_frame(case):
    rng = np.random.default_rng(3)
    z = np.asarray(case(rng, 200, 16), dtype=float)
    report = diagnose(z)
    rotation = np.linalg.qr(rng.normal(size=(16, 16)))[0]
    for same in (z @ rotation, rng.permutation(z), z * rng.uniform(0.1, 10, size=(200, 1))):
        other = diagnose(same)
        assert other.verdict == report.verdict
        for name in ("center_norm_squared", "participation_ratio", "effective_rank"):
            assert other.figures[name] == pytest.approx(report.figures[name], abs=1e-4)


class TestTwoViews:
    def test_figures(self, rng):
        z1 = rng.normal(size=(500, 32))
        z2 = z1 + 0.5 * rng.normal(size=z1.shape)
        report = diagnose(z1, z2)
        assert report.verdict == "healthy"
        assert report.views == 2
        assert report.warnings == []
        for name in ("positive_cosine", "between_variance", "alignment", "center_norm_squared"):
            expected = getattr(geometry, name)(z1, z2)
            assert report.figures[name] == pytest.approx(expected, abs=1e-12)
        assert report.figures["augmentation_noise"] == pytest.approx(
            1 - report.figures["positive_cosine"]
        )

    def test_views_that_do_not_agree_are_named(self, rng):
        report = diagnose(rng.normal(size=(500, 32)), rng.normal(size=(500, 32)))
        assert any("no more alike than two random samples" in text for text in report.warnings)

    def test_centre_and_augmentation_noise_alone_are_a_collapse(self, rng):
        z1, z2 = (2.0 * np.eye(32)[0] + 0.2 * rng.normal(size=(500, 32)) for _ in range(2))
        assert diagnose(z1).verdict == "healthy"  # one view cannot tell noise from information
        report = diagnose(z1, z2)
        assert report.verdict == "complete_collapse"
        assert "augmentation noise" in report.reasons[0]

    def test_collapse_in_both_views(self, rng):
        z = np.ones((100, 16))
        assert diagnose(z, z).verdict == "complete_collapse"
        z = antipodal(rng, 100, 16)
        assert diagnose(z, z).verdict == "cluster_collapse"
        z = low_rank(rng, 300, 64, 2)
        assert diagnose(z, z).verdict == "dimensional_collapse"


class TestReport:
    def test_speaks_plainly(self, rng):
        report = diagnose(1 + 0.05 * rng.normal(size=(300, 32)), name="epoch 3")
        assert isinstance(report, kcs.CollapseReport)
        assert not report.healthy
        assert "100" in report.reasons[0] or "99.7" in report.reasons[0]
        assert "of the squared length of every embedding is the common centre" in report.reasons[0]
        text = str(report)
        assert text.startswith("Collapse report of epoch 3: complete collapse\n300 samples, 32")
        assert "< 0.98" in text
        assert max(map(len, text.splitlines())) <= 88

    @pytest.mark.parametrize("verdict", CASES)
    def test_json_round_trip(self, rng, verdict):
        case = next(iter(CASES[verdict].values()))
        report = diagnose(case(rng, 100, 16), name="run 7")
        assert CollapseReport.from_json(report.to_json()) == report
        assert json.loads(report.to_json()) == report.to_dict()
        assert report.verdict in diagnosis.VERDICTS
        assert all(type(value) is float for value in report.figures.values())
        assert all(np.isfinite(list(report.figures.values())))

    def test_is_frozen(self, rng):
        with pytest.raises(AttributeError):
            diagnose(rng.normal(size=(80, 8))).verdict = "healthy"

    def test_states_thresholds_that_follow_size(self):
        small, large = diagnosis.thresholds(64, 8), diagnosis.thresholds(10_000, 512)
        assert small["center_norm_squared"] == large["center_norm_squared"] == 0.98
        assert 2 < small["dimensions_99"] < 4 < 28 < large["dimensions_99"] < 32
        assert 2 < small["participation_ratio"] < large["participation_ratio"] < 2.5
        assert "0.98" in rules.__doc__

    @pytest.mark.parametrize(("n", "d"), [(64, 8), (100, 400), (1000, 30)])
    def test_null_distribution(self, rng, n, d):
        draws = [geometry.participation_ratio(rng.normal(size=(n, d))) for _ in range(10)]
        assert np.mean(draws) == pytest.approx(diagnosis.participation_ratio_null(n, d), rel=0.03)

    def test_power_law(self):
        assert diagnosis.participation_ratio_of_power_law(10**6) == pytest.approx(2.5, rel=1e-4)
        assert diagnosis.participation_ratio_of_power_law(5, 0) == pytest.approx(5)

    def test_standard_error_of_the_centre(self):
        reports = [
            diagnose(0.5 + np.random.default_rng(seed).normal(size=(64, 8))) for seed in range(60)
        ]
        shares = [report.figures["center_norm_squared"] for report in reports]
        errors = [report.figures["center_norm_squared_error"] for report in reports]
        assert np.mean(errors) == pytest.approx(np.std(shares), rel=0.3)

    def test_warns_about_few_samples(self, rng):
        assert any("Only 20 samples" in w for w in diagnose(rng.normal(size=(20, 8))).warnings)
        assert any("at most 99 of 512" in w for w in diagnose(rng.normal(size=(100, 512))).warnings)
        assert diagnose(rng.normal(size=(600, 512))).warnings == []

    @pytest.mark.parametrize("n", [2, 3, 5])
    def test_stands_very_few_samples(self, rng, n):
        assert diagnose(rng.normal(size=(n, 8))).verdict in diagnosis.VERDICTS
        assert diagnose(np.ones((n, 8))).verdict == "complete_collapse"


class TestInput:
    def test_feature_maps_are_averaged_with_a_note(self, rng):
        maps = rng.normal(size=(100, 3, 3, 8)).astype("f4")
        report, pooled = diagnose(maps), diagnose(maps.astype(float).mean(axis=(1, 2)))
        assert report.figures == pytest.approx(pooled.figures)
        assert any("(100, 3, 3, 8)" in w for w in report.warnings)

    def test_integers_and_lists(self, rng):
        z = rng.integers(1, 256, size=(100, 8), dtype=np.uint8)
        assert diagnose(z).figures == diagnose(z.tolist()).figures == diagnose(z / 1.0).figures

    @pytest.mark.parametrize("shape", [(), (8,), (4, 5, 6), (100, 0), (1, 8), (3, 0, 2, 4)])
    def test_refuses_shapes(self, shape):
        with pytest.raises(InputError, match="Accepted"):
            diagnose(np.ones(shape))

    def test_refuses_bad_rows_and_mismatched_views(self, rng, monkeypatch):
        monkeypatch.setattr(sources, "_BLOCK_ENTRIES", 8 * 30)
        z = rng.normal(size=(100, 8))
        for value, words in ((np.nan, "NaN"), (0.0, "zero length")):
            broken = z.copy()
            broken[[40, 41, 90]] = value
            with pytest.raises(InputError, match=rf"z with 3 row\(s\).*{words}.*first is row 40"):
                diagnose(broken)
            with pytest.raises(InputError, match=r"z2 with 3 row\(s\)"):
                diagnose(z, broken)
        with pytest.raises(InputError, match=r"\(100, 8\) and z2 of shape \(99, 8\)"):
            diagnose(z, z[:99])


class TestFiles:
    @pytest.fixture(autouse=True)
    def _small_blocks(self, monkeypatch):
        monkeypatch.setattr(sources, "_BLOCK_ENTRIES", 16 * 37)

    @pytest.fixture
    def z(self, rng):
        return power_law(rng, 500, 16, 1.0).astype("f4")

    def test_npy_equals_array(self, z, tmp_path):
        np.save(tmp_path / "z.npy", z)
        report = diagnose_file(tmp_path / "z.npy")
        assert report.figures == pytest.approx(diagnose(z).figures)
        assert report.name == "z.npy"
        assert diagnose_file(str(tmp_path / "z.npy"), name="mine").name == "mine"

    @pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
    @pytest.mark.parametrize("key", ["z", "features", "embeddings", "anything"])
    def test_npz_by_name(self, z, tmp_path, save, key):
        save(tmp_path / "z.npz", labels=np.arange(500), **{key: z})
        assert diagnose_file(tmp_path / "z.npz").figures == pytest.approx(diagnose(z).figures)

    def test_npz_prefers_known_names(self, z, tmp_path):
        np.savez(tmp_path / "z.npz", images=np.ones((500, 4)), features=z)
        assert diagnose_file(tmp_path / "z.npz").dimension == 16

    def test_npz_of_two_views_in_either_memory_order(self, z, tmp_path):
        other = np.asfortranarray(z + np.float32(0.1))
        np.savez(tmp_path / "z.npz", z2=other, z1=z)
        report = diagnose_file(tmp_path / "z.npz")
        assert report.views == 2
        assert report.figures == pytest.approx(diagnose(z, other).figures)

    def test_feature_maps(self, rng, tmp_path):
        maps = rng.normal(size=(80, 2, 2, 8))
        np.savez(tmp_path / "z.npz", z=maps)
        np.save(tmp_path / "z.npy", maps)
        expected = diagnose(maps).figures
        assert diagnose_file(tmp_path / "z.npz").figures == pytest.approx(expected)
        assert diagnose_file(tmp_path / "z.npy").figures == pytest.approx(expected)

    def test_more_samples_than_the_subsample(self, z, tmp_path, monkeypatch):
        """Centre and spectrum still come from all rows; only groups and uniformity from some."""
        np.savez(tmp_path / "z.npz", z=z)
        whole = diagnose(z).figures
        monkeypatch.setattr(measure, "_SUBSAMPLE_ENTRIES", 1)
        report = diagnose_file(tmp_path / "z.npz")
        assert report.figures["subsample"] == 256
        assert report.verdict == "healthy"
        for name in ("center_norm_squared", "participation_ratio", "effective_rank"):
            assert report.figures[name] == pytest.approx(whole[name])
        assert report.figures["uniformity"] == pytest.approx(whole["uniformity"], abs=0.1)
        monkeypatch.setattr(measure, "_EXACT_DIMENSIONS", 8)
        report = diagnose_file(tmp_path / "z.npz")
        assert report.figures["center_norm_squared"] == pytest.approx(whole["center_norm_squared"])
        assert report.figures["participation_ratio"] == pytest.approx(
            whole["participation_ratio"], rel=0.1
        )
        assert any("subsample of 256" in w for w in report.warnings)

    def test_refuses(self, z, tmp_path):
        with pytest.raises(InputError, match=r"no file"):
            diagnose_file(tmp_path / "missing.npy")
        (tmp_path / "text.npy").write_text("1,2,3")
        (tmp_path / "text.npz").write_text("1,2,3")
        (tmp_path / "empty.npy").write_bytes(b"")
        np.save(tmp_path / "objects.npy", np.array([{}, {}]), allow_pickle=True)
        for name in ("text.npy", "text.npz", "empty.npy", "objects.npy"):
            with pytest.raises(InputError, match="cannot be read as a NumPy file"):
                diagnose_file(tmp_path / name)
        np.savez(tmp_path / "labels.npz", labels=np.arange(5))
        with pytest.raises(InputError, match=r"labels \(5,\)"):
            diagnose_file(tmp_path / "labels.npz")
        np.savez(tmp_path / "views.npz", z1=z, z2=z[:9])
        with pytest.raises(InputError, match="z2 of shape"):
            diagnose_file(tmp_path / "views.npz")
        z[470] = 0
        np.savez(tmp_path / "zero.npz", z=z)
        with pytest.raises(InputError, match=r"among 500 .*first is row 470"):
            diagnose_file(tmp_path / "zero.npz")

    def test_refuses_a_truncated_archive(self, z, tmp_path):
        np.savez(tmp_path / "z.npz", z=z)
        whole = (tmp_path / "z.npz").read_bytes()
        (tmp_path / "z.npz").write_bytes(whole[: len(whole) // 2])
        with pytest.raises(InputError, match="cannot be read"):
            diagnose_file(tmp_path / "z.npz")


def test_needs_neither_keras_nor_tensorflow():
    code = (
        "import sys, numpy as np, keras_center_ssl as kcs;"
        "kcs.diagnose(np.eye(80)), kcs.geometry.center(np.eye(3)), kcs.evaluation.knn_accuracy;"
        "print([m for m in ('keras', 'tensorflow', 'sklearn', 'matplotlib') if m in sys.modules])"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"


def test_the_rule_works_on_what_sums_hold(rng):
    """Without neighbours a few groups show as few dimensions; all else stays as it is."""
    rank_figures = ("center_norm_squared", "participation_ratio", "dimensions_99")
    for verdict, cases in CASES.items():
        report = diagnose(list(cases.values())[2](rng, 300, 16))
        figures = {name: report.figures[name] for name in rank_figures}
        found, reasons = diagnosis.judge(figures, report.thresholds, 300, 16)
        expected = "dimensional_collapse" if verdict == "cluster_collapse" else verdict
        assert found == expected and reasons
        assert not any("groups" in reason for reason in reasons)
    found, _ = diagnosis.judge({"center_norm_squared": 0.5}, diagnosis.thresholds(300, 16), 300, 16)
    assert found == "healthy"
