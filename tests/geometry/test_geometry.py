"""Every figure against an independent NumPy reference and against cases with a known answer."""

import numpy as np
import pytest

from keras_center_ssl import geometry
from keras_center_ssl.errors import InputError
from keras_center_ssl.geometry import rows as row_reading


def unit(z):
    return z / np.linalg.norm(z, axis=1, keepdims=True)


def pair_cosines(groups):
    """Mean cosine over all pairs of embeddings that belong to different samples: the long way."""
    total, count = 0.0, 0
    for i, a in enumerate(groups):
        for j, b in enumerate(groups):
            if i != j:
                total += sum(x @ y for x in a for y in b)
                count += len(a) * len(b)
    return total / count


@pytest.fixture
def views(rng):
    z1 = rng.normal(size=(23, 7)) + 0.5
    return z1, z1 + 0.4 * rng.normal(size=z1.shape)


class TestReference:
    def test_center(self, views):
        np.testing.assert_allclose(geometry.center(views[0]), unit(views[0]).mean(axis=0))

    def test_center_norm_squared_is_the_mean_cosine_of_different_samples(self, views):
        u1, u2 = unit(views[0]), unit(views[1])
        one, two = pair_cosines([[a] for a in u1]), pair_cosines(list(zip(u1, u2, strict=True)))
        assert geometry.center_norm_squared(views[0]) == pytest.approx(one, abs=1e-12)
        assert geometry.center_norm_squared(*views) == pytest.approx(two, abs=1e-12)
        assert geometry.center_norm(*views) == pytest.approx(np.sqrt(two))

    def test_two_view_formula_of_the_theory(self, views):
        u1, u2 = unit(views[0]), unit(views[1])
        n, c = len(u1), (unit(views[0]) + unit(views[1])).mean(axis=0) / 2
        expected = (4 * n**2 * c @ c - 2 * n - 2 * np.sum(u1 * u2)) / (4 * n * (n - 1))
        assert geometry.center_norm_squared(*views) == pytest.approx(expected, abs=1e-12)

    def test_budget_of_two_views(self, views):
        a = np.mean(np.sum(unit(views[0]) * unit(views[1]), axis=1))
        assert geometry.positive_cosine(*views) == pytest.approx(a)
        assert geometry.alignment(*views) == pytest.approx(
            np.mean(np.sum((unit(views[0]) - unit(views[1])) ** 2, axis=1))
        )
        budget = geometry.center_norm_squared(*views) + geometry.between_variance(*views) + 1 - a
        assert budget == pytest.approx(1.0)

    def test_normalized_std(self, views):
        expected = unit(views[0]).std(axis=0).mean() * np.sqrt(7)
        assert geometry.normalized_std(views[0]) == pytest.approx(expected)

    @pytest.mark.parametrize("shape", [(40, 6), (6, 40)], ids=["tall", "wide"])
    @pytest.mark.parametrize("centered", [True, False])
    def test_spectrum_and_ranks(self, rng, shape, centered):
        z = rng.normal(size=shape) + 1.0
        u = unit(z) - (unit(z).mean(axis=0) if centered else 0.0)
        singular = np.linalg.svd(u, compute_uv=False)
        spectrum = geometry.covariance_spectrum(z, center=centered)
        np.testing.assert_allclose(spectrum, singular**2 / len(z), atol=1e-14)
        p = singular[singular > 1e-7] / singular.sum()
        expected = np.exp(-np.sum(p * np.log(p)))
        assert geometry.effective_rank(z, center=centered) == pytest.approx(expected, rel=1e-5)
        if centered:
            c = np.cov(u.T)
            expected = np.trace(c) ** 2 / np.trace(c @ c)
            assert geometry.participation_ratio(z) == pytest.approx(expected)

    def test_uniformity(self, views):
        u = unit(views[0])
        kernel = np.exp(-2 * np.sum((u[:, None] - u[None]) ** 2, axis=2))
        expected = np.log(kernel[~np.eye(len(u), dtype=bool)].mean())
        assert geometry.uniformity(views[0]) == pytest.approx(expected)

    def test_uniformity_in_blocks_and_on_a_subsample(self, rng, monkeypatch):
        z = rng.normal(size=(300, 5))
        whole = geometry.uniformity(z)
        assert geometry.uniformity(z, max_samples=200) == pytest.approx(whole, abs=0.1)
        assert geometry.uniformity(z, max_samples=200) != whole
        monkeypatch.setattr(row_reading, "BLOCK_BYTES", 8 * 300 * 7)
        assert geometry.uniformity(z) == pytest.approx(whole, abs=1e-12)

    def test_center_cosine(self, views):
        a, b = unit(views[0]).mean(axis=0), unit(views[1]).mean(axis=0)
        expected = a @ b / np.linalg.norm(a) / np.linalg.norm(b)
        assert geometry.center_cosine(*views) == pytest.approx(expected)
        assert geometry.center_cosine(views[0], -views[0]) == pytest.approx(-1)
        assert geometry.center_cosine([[1.0], [-1.0]], [[1.0], [1.0]]) == 0


class TestKnownAnswers:
    def test_identical_samples(self, rng):
        z = np.tile(rng.normal(size=16), (10, 1))
        assert geometry.center_norm_squared(z) == pytest.approx(1)
        assert geometry.center_norm_squared(z, z) == pytest.approx(1)
        assert geometry.between_variance(z, z) == pytest.approx(0, abs=1e-12)
        assert geometry.participation_ratio(z) == 0
        assert geometry.effective_rank(z) == geometry.effective_rank(z.tolist()) == 1
        assert geometry.effective_rank(z, center=False) == pytest.approx(1, abs=1e-3)
        assert geometry.normalized_std(z) == pytest.approx(0, abs=1e-6)
        assert geometry.uniformity(z) == pytest.approx(0, abs=1e-9)

    def test_antipodal_samples(self, rng):
        n, v = 400, rng.normal(size=16)
        z = np.where(np.arange(n) % 2, 1, -1)[:, None] * v
        assert geometry.center_norm_squared(z) == pytest.approx(-1 / (n - 1))
        assert geometry.center_norm(z) == 0
        assert geometry.participation_ratio(z) == pytest.approx(1)
        assert geometry.effective_rank(z) == pytest.approx(1, abs=1e-4)
        assert geometry.uniformity(z) == pytest.approx(np.log(0.5), abs=0.01)

    def test_orthonormal_basis(self):
        basis = np.eye(12, dtype=int)
        assert geometry.center_norm_squared(basis) == pytest.approx(0, abs=1e-12)
        assert geometry.effective_rank(basis, center=False) == pytest.approx(12)
        assert geometry.effective_rank(basis) == pytest.approx(11, abs=1e-4)
        assert geometry.participation_ratio(basis) == pytest.approx(11)
        assert geometry.uniformity(basis) == pytest.approx(-4)

    def test_uniform_on_the_sphere(self, rng):
        z = rng.normal(size=(4000, 32))
        assert geometry.center_norm_squared(z) == pytest.approx(0, abs=0.01)
        assert geometry.normalized_std(z) == pytest.approx(1, abs=0.01)
        assert geometry.participation_ratio(z) == pytest.approx(32, rel=0.02)
        assert geometry.effective_rank(z) == pytest.approx(32, rel=0.01)
        assert geometry.uniformity(z) == pytest.approx(-4 + 8 / 32, abs=0.03)

    def test_duplicated_dimensions_show_in_the_rank_only(self, rng):
        z = np.repeat(rng.normal(size=(500, 4)), 16, axis=1)
        assert geometry.normalized_std(z) == pytest.approx(1, abs=0.02)
        assert geometry.participation_ratio(z) == pytest.approx(4, rel=0.02)

    def test_scale_of_rows_does_not_matter(self, rng):
        z = rng.normal(size=(50, 8))
        # Squares of these over- and underflow in float64.
        scaled = z * np.logspace(-300, 300, 50)[:, None]
        for figure in (geometry.center_norm_squared, geometry.effective_rank, geometry.uniformity):
            assert figure(scaled) == pytest.approx(figure(z))


def test_center_norm_squared_is_unbiased(rng):
    """The mean over many small batches is the squared centre of the distribution."""
    mean = np.array([0.8, 0.0, 0.0, 0.0])
    truth = geometry.center_norm_squared(mean + rng.normal(size=(200_000, 4)))
    one, two = [], []
    for _ in range(4000):
        latent = mean + np.sqrt(0.5) * rng.normal(size=(5, 4))
        z1, z2 = (latent + np.sqrt(0.5) * rng.normal(size=(5, 4)) for _ in range(2))
        one.append(geometry.center_norm_squared(z1))
        two.append(geometry.center_norm_squared(z1, z2))
    for estimates in (one, two):
        error = np.std(estimates) / np.sqrt(len(estimates))
        assert error < 0.005
        assert np.mean(estimates) == pytest.approx(truth, abs=4 * error)
    naive = truth + (1 - truth) / 5  # what the squared length of the batch mean would give
    assert abs(np.mean(one) - truth) < 0.1 * (naive - truth)


class TestMoments:
    @pytest.mark.parametrize("two", [False, True])
    def test_merged_blocks_equal_the_whole(self, views, two):
        z1, z2 = views if two else (views[0], None)
        whole = geometry.Moments.of(z1, z2)
        parts = []
        for rows in (slice(0, 3), slice(3, 20), slice(20, 23)):
            part = geometry.Moments(7, views=2 if two else 1)
            part.update(z1[rows], z2[rows] if two else None)
            parts.append(part)
        merged = parts[0] + parts[1] + parts[2]
        assert merged.count == whole.count == 23
        assert parts[0].count == 3
        names = ["center_norm_squared", "normalized_std"] + ["between_variance", "alignment"] * two
        for name in names:
            assert getattr(merged, name) == pytest.approx(getattr(whole, name), abs=1e-12)
        np.testing.assert_allclose(merged.spectrum(), whole.spectrum(), atol=1e-12)

    def test_covariance(self, views):
        expected = np.cov(unit(views[0]).T, bias=True)
        np.testing.assert_allclose(geometry.Moments.of(views[0]).covariance, expected, atol=1e-14)

    def test_reads_a_float32_memory_map_in_blocks(self, rng, tmp_path, monkeypatch):
        z = rng.normal(size=(100, 8)).astype(np.float32)
        np.save(tmp_path / "z.npy", z)
        mapped = np.load(tmp_path / "z.npy", mmap_mode="r")
        whole = geometry.center_norm_squared(z)
        seen = []
        read = geometry.unit_rows
        monkeypatch.setattr(row_reading, "BLOCK_BYTES", 8 * 8 * 30)
        monkeypatch.setattr(
            row_reading, "unit_rows", lambda z, *args: (seen.append(len(z)), read(z, *args))[1]
        )
        assert geometry.center_norm_squared(mapped) == pytest.approx(whole, abs=1e-12)
        assert seen == [30, 30, 30, 10]

    def test_says_what_it_cannot_give(self, views):
        one = geometry.Moments.of(views[0], second_moment=False)
        with pytest.raises(InputError, match="z2"):
            _ = one.positive_cosine
        with pytest.raises(InputError, match="second_moment=True"):
            one.spectrum()
        with pytest.raises(InputError, match="merge"):
            one.merge(geometry.Moments.of(*views))
        with pytest.raises(InputError, match="2 view"):
            one.update(*views)
        with pytest.raises(InputError, match="block of shape"):
            one.update(views[0][:, :3])
        with pytest.raises(InputError, match="views=3"):
            geometry.Moments(4, views=3)
        with pytest.raises(InputError, match="0 sample"):
            _ = geometry.Moments(4).center_norm_squared


ONE_VIEW = [
    geometry.center,
    geometry.center_norm_squared,
    geometry.center_norm,
    geometry.normalized_std,
    geometry.effective_rank,
    geometry.participation_ratio,
    geometry.covariance_spectrum,
    geometry.uniformity,
]
TWO_VIEWS = [geometry.positive_cosine, geometry.between_variance, geometry.alignment]


@pytest.mark.parametrize("figure", ONE_VIEW, ids=lambda figure: figure.__name__)
class TestBadInput:
    @pytest.mark.parametrize("shape", [(), (8,), (3, 4, 5), (3, 2, 2, 5), (4, 0), (1, 8), (0, 8)])
    def test_refuses_shapes(self, figure, shape):
        with pytest.raises(InputError, match=r"Accepted"):
            figure(np.ones(shape))

    @pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
    def test_counts_rows_that_are_not_finite(self, figure, value):
        z = np.ones((6, 3))
        z[2:4, 1] = value
        with pytest.raises(InputError, match=r"2 row\(s\) with NaN.*first is row 2"):
            figure(z)

    def test_counts_zero_rows(self, figure):
        z = np.ones((6, 3))
        z[[1, 3, 5]] = 0
        with pytest.raises(InputError, match=r"3 row\(s\) of zero length.*first is row 1"):
            figure(z)

    @pytest.mark.parametrize(
        "z", [[["a", "b"], ["c", "d"]], [[1, 2], [3]], [[1j, 2], [3, 4]], None, object()]
    )
    def test_refuses_what_is_not_numbers(self, figure, z):
        with pytest.raises(InputError, match="Accepted"):
            figure(z)

    def test_takes_integers_lists_and_half_precision(self, figure, rng):
        z = rng.integers(-9, 10, size=(12, 4)) * 2 + 1
        expected = figure(z.astype(float))
        for same in (z, z.astype(np.int8), z.astype(np.float16), z.tolist()):
            np.testing.assert_allclose(figure(same), expected)

    def test_leaves_its_input_alone(self, figure, rng):
        z = rng.normal(size=(12, 4))
        before = z.copy()
        figure(z)
        np.testing.assert_array_equal(z, before)


def test_counts_bad_rows_of_all_blocks(monkeypatch):
    monkeypatch.setattr(row_reading, "BLOCK_BYTES", 8 * 3 * 2)
    z = np.ones((9, 3))
    z[[3, 8]] = 0
    with pytest.raises(InputError, match=r"2 row\(s\) of zero length among 9 .*first is row 3"):
        geometry.center_norm_squared(z)


@pytest.mark.parametrize("figure", TWO_VIEWS, ids=lambda figure: figure.__name__)
def test_refuses_views_that_do_not_match(figure):
    with pytest.raises(InputError, match=r"z1 of shape \(4, 3\) and z2 of shape \(5, 3\)"):
        figure(np.ones((4, 3)), np.ones((5, 3)))
    with pytest.raises(InputError, match="z2 with 1 row"):
        figure(np.ones((2, 3)), np.array([[1.0, 1, 1], [np.nan, 1, 1]]))


def test_center_cosine_takes_batches_of_different_size_but_one_space():
    assert geometry.center_cosine(np.ones((4, 3)), np.ones((5, 3))) == pytest.approx(1)
    with pytest.raises(InputError, match="3 and of 2 dimensions"):
        geometry.center_cosine(np.ones((4, 3)), np.ones((4, 2)))


def test_pairwise_cosines(rng):
    z = rng.normal(size=(30, 5))
    unit = z / np.linalg.norm(z, axis=1, keepdims=True)
    expected = [unit[i] @ unit[j] for i in range(30) for j in range(i + 1, 30)]
    np.testing.assert_allclose(geometry.pairwise_cosines(z), expected, atol=1e-12)
    assert geometry.pairwise_cosines(z).mean() == pytest.approx(geometry.center_norm_squared(z))
    assert len(geometry.pairwise_cosines(z, max_samples=10)) == 45
