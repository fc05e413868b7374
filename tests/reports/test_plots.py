"""Pictures: what is drawn is what was given, and stands hard cases."""

import matplotlib.image
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from keras_center_ssl import geometry
from keras_center_ssl.reports import plots

HARD = {
    "one point": lambda rng: np.ones((80, 8)),
    "nearly one point": lambda rng: 1 + 1e-5 * rng.normal(size=(80, 8)),
    "two points": lambda rng: np.where(np.arange(80) % 2, 1, -1)[:, None] * np.ones(8),
    "one dimension": lambda rng: rng.choice([-1.0, 1.0], size=(80, 1)),
    "two dimensions": lambda rng: rng.normal(size=(80, 2)),
    "two samples": lambda rng: rng.normal(size=(2, 8)),
    "more dimensions than samples": lambda rng: rng.normal(size=(20, 300)),
}


def texts(figure):
    found = []
    for axis in figure.axes:
        legend = axis.get_legend()
        found += [axis.get_title(loc="left"), axis.get_xlabel(), axis.get_ylabel()]
        found += [text.get_text() for text in legend.get_texts()] if legend else []
    return found


def is_inside(figure):
    """Whether all titles, labels and legends lie within the picture."""
    renderer = FigureCanvasAgg(figure).get_renderer()
    figure.draw_without_rendering()
    width, height = figure.bbox.width, figure.bbox.height
    boxes = [axis.get_tightbbox(renderer) for axis in figure.axes if axis.get_visible()]
    return all(
        box.x0 >= -1 and box.y0 >= -1 and box.x1 <= width + 1 and box.y1 <= height + 1
        for box in boxes
    )


class TestTrainingCurves:
    history = {
        "loss": [2.0, 1.5, 1.2],
        "center_norm": [0.9, 0.4, 0.2],
        "positive_cosine": [0.5, 0.6, 0.7],
        "between_variance": [0.1, 0.3, 0.5],
        "effective_rank": [3.0, 8.0, 20.0],
        "participation_ratio": [2.0, 4.0, 6.0],
        "learning_rate": [0.1, 0.1, 0.1],
    }

    def test_draws_every_figure_and_marks_collapse(self, tmp_path):
        figure = plots.training_curves(self.history, tmp_path / "training.png")
        assert matplotlib.image.imread(tmp_path / "training.png").shape[1] == 1512
        assert len(figure.axes) == 6 and is_inside(figure)
        for axis, (name, values) in zip(figure.axes, self.history.items(), strict=False):
            np.testing.assert_array_equal(axis.lines[0].get_ydata(), values, err_msg=name)
        marks = {a.get_title(loc="left"): [t.get_text() for t in a.texts] for a in figure.axes}
        assert marks["Centre norm"] == marks["Effective rank"] == ["collapsed"]
        assert marks["Loss"] == marks["Positive cosine"] == []

    def test_the_word_is_off_the_axis_of_the_ranks(self):
        for scale in (0.3, 20.0):
            ranks = {k: [scale * v for v in self.history[k]] for k in ("effective_rank",)}
            (axis,) = plots.training_curves(ranks).axes
            axis.figure.draw_without_rendering()
            (word,) = axis.texts
            assert word.get_window_extent().y0 > axis.get_window_extent().y0 + 4
            shown = [t.get_text() for t in axis.get_yticklabels()]
            assert not any(text.startswith(("-", "\N{MINUS SIGN}")) for text in shown)

    def test_a_tiny_centre_norm_is_drawn_on_a_log_scale(self):
        values = [0.3, 0.004, 0.0, 0.0007]
        (axis,) = plots.training_curves({"center_norm": values}).axes
        assert axis.get_yscale() == "log"
        # What has no place on the scale lies at its bottom, which says so.
        np.testing.assert_allclose(axis.lines[0].get_ydata(), [0.3, 0.004, 1e-4, 0.0007])
        assert axis.get_ylabel() == "log scale; bottom: under 0.0001"
        low, high = axis.get_ylim()
        assert low <= 1e-4 * 1.01 and high > 1
        assert [text.get_text() for text in axis.texts] == ["collapsed"]
        for linear in ([0.9, 0.8], [0.0, 0.0], [np.nan, np.nan]):
            (axis,) = plots.training_curves({"center_norm": linear}).axes
            assert axis.get_yscale() == "linear"

    def test_several_trainings_lie_over_each_other(self, tmp_path):
        shorter = {"loss": [1.0, 0.5], "center_norm": [0.2, 0.1]}
        histories = {"one": self.history, "other": shorter}
        figure = plots.compared_curves(histories, tmp_path / "curves.png")
        assert (tmp_path / "curves.png").stat().st_size > 0
        assert is_inside(figure)
        assert [len(axis.lines) >= 2 for axis in figure.axes] == [True] * 6
        (legend,) = figure.legends
        assert [text.get_text() for text in legend.get_texts()] == ["one", "other"]
        np.testing.assert_array_equal(figure.axes[0].lines[1].get_ydata(), shorter["loss"])

    @pytest.mark.parametrize("scale", [0.3, 3.0, 1000.0])
    def test_the_word_lies_within_its_panel(self, scale):
        """Where a rank runs into the hundreds the line of a collapse lies just above the axis."""
        ranks = ("effective_rank", "participation_ratio")
        history = {
            key: [scale * value for value in values] if key in ranks else values
            for key, values in self.history.items()
        }
        figure = plots.training_curves(history)
        figure.draw_without_rendering()
        words = [(text, axis) for axis in figure.axes for text in axis.texts]
        assert len(words) == 4
        for text, axis in words:
            box, frame = text.get_window_extent(), axis.get_window_extent()
            assert frame.y0 <= box.y0 and box.y1 <= frame.y1
            assert frame.x0 <= box.x0 and box.x1 <= frame.x1

    def test_the_word_is_at_the_end_where_the_curve_is_not(self):
        for values, side in (([0.9, 0.5, 0.1], "right"), ([0.1, 0.5, 0.98], "left")):
            (axis,) = plots.training_curves({"center_norm": values}).axes
            assert axis.texts[0].get_horizontalalignment() == side

    @pytest.mark.parametrize("names", [["loss"], ["loss", "center_norm"]])
    def test_takes_what_there_is(self, names):
        figure = plots.training_curves({name: self.history[name] for name in names})
        assert len([axis for axis in figure.axes if axis.get_visible()]) == len(names)

    def test_one_epoch_and_values_that_are_not_finite(self):
        plots.training_curves({name: values[:1] for name, values in self.history.items()})
        figure = plots.training_curves(
            {name: [values[0], float("nan")] for name, values in self.history.items()}
        )
        assert is_inside(figure)


class TestSpectrum:
    def test_draws_shares_on_log_axes(self, rng):
        z = rng.normal(size=(300, 16)) * np.arange(1, 17) ** -1.0
        figure = plots.spectrum({"projection": z, "features": rng.normal(size=(300, 8))})
        (axis,) = figure.axes
        assert (axis.get_xscale(), axis.get_yscale()) == ("log", "log")
        values = geometry.covariance_spectrum(z)
        np.testing.assert_allclose(axis.lines[0].get_ydata(), values / values.sum())
        held = 1 + np.sum(np.cumsum(values / values.sum()) < 0.99)
        assert f"projection: 99 % in {held} of 16" in texts(figure)
        assert is_inside(figure)

    @pytest.mark.parametrize("count", [1, 6, 7, 13, 25])
    def test_any_number_of_lines_with_and_without_variance(self, rng, count):
        """More lines than colours: they are taken in turns."""
        flat = {f"flat {k}": np.ones((20, 4)) for k in range(count)}
        spread = {f"spread {k}": rng.normal(size=(20, 4)) for k in range(count)}
        for draw in (plots.spectrum, plots.cosines):
            assert len(draw(flat | spread).axes[0].lines) >= 2 * count

    def test_says_that_there_is_no_variance(self):
        assert "No variance at all" in texts(plots.spectrum(np.ones((50, 4))))


class TestProjection:
    def test_principal_components(self, rng):
        z = rng.normal(size=(200, 6)) * [5, 2, 1, 1, 1, 1]
        figure = plots.projection(z)
        points = np.asarray(figure.axes[0].collections[0].get_offsets())
        unit = geometry.unit_rows(z)
        values = np.sort(np.linalg.eigvalsh(np.cov(unit.T, bias=True)))[::-1]
        np.testing.assert_allclose(points.var(axis=0), values[:2], rtol=1e-6)
        share = 100 * values[0] / values.sum()
        assert f"1st principal component, {share:.0f} % of the variance" in texts(figure)
        assert is_inside(figure)

    def test_same_by_either_gram_matrix(self, rng):
        unit = geometry.unit_rows(rng.normal(size=(40, 39)))
        wide = np.c_[unit, np.zeros((40, 5))]
        for one, two in zip(
            plots.principal_components(unit), plots.principal_components(wide), strict=True
        ):
            np.testing.assert_allclose(np.abs(one), np.abs(two), atol=1e-8)

    @pytest.mark.parametrize("classes", [3, 10, 20])
    def test_colours_by_label(self, rng, classes):
        labels = np.arange(400) % classes
        figure = plots.projection(rng.normal(size=(400, 8)), labels=labels)
        (axis,) = figure.axes
        assert [t.get_text() for t in axis.get_legend().get_texts()] == [
            str(c) for c in range(classes)
        ]
        looks = {
            (tuple(c.get_facecolor()[0]), c.get_paths()[0].vertices.tobytes())
            for c in axis.collections
        }
        assert len(looks) == classes
        assert [len(c.get_offsets()) for c in axis.collections] == list(np.bincount(labels))
        assert is_inside(figure)

    @pytest.mark.parametrize("labels", [None, np.arange(400)])
    def test_colours_by_density_where_there_are_no_classes(self, rng, labels):
        z = np.r_[np.eye(8)[:1] + 0.01 * rng.normal(size=(200, 8)), rng.normal(size=(200, 8))]
        figure = plots.projection(z, labels=labels)
        points, bar = figure.axes
        assert bar.get_ylabel() == "mean cosine to the 10 nearest"
        density = points.collections[0].get_array()
        assert (np.diff(density) >= 0).all()
        assert density[-150:].min() > 0.99 > density[:150].max()

    def test_draws_a_part_of_many(self, rng):
        figure = plots.projection(rng.normal(size=(2500, 4)), labels=np.arange(2500) % 2)
        assert sum(len(c.get_offsets()) for c in figure.axes[0].collections) == 2000

    def test_rounding_noise_does_not_look_like_a_cloud(self, rng):
        left, right = plots.projection(HARD["nearly one point"](rng)).axes[0].get_xlim()
        assert right - left >= 0.02


class TestCosines:
    @pytest.mark.parametrize("d", [2, 3, 8, 128, 4096])
    def test_uniform_shares(self, rng, d):
        bins = np.linspace(-1, 1, 41)
        shares = plots.uniform_cosine_shares(d, bins)
        assert shares.sum() == pytest.approx(1) and (shares >= 0).all()
        np.testing.assert_allclose(shares, shares[::-1], atol=1e-6)
        # One coordinate of a uniform vector: two independent chi-square variables.
        first = rng.normal(size=200_000)
        cosine = first / np.sqrt(first**2 + rng.chisquare(d - 1, size=len(first)))
        drawn = np.histogram(cosine, bins=bins)[0] / len(first)
        np.testing.assert_allclose(shares, drawn, atol=0.005)

    def test_in_three_dimensions_cosines_are_uniform(self):
        shares = plots.uniform_cosine_shares(3, np.linspace(-1, 1, 11))
        np.testing.assert_allclose(shares, 0.1, atol=1e-6)

    def test_draws_pairs(self, rng):
        z = np.where(np.arange(100) % 2, 1, -1)[:, None] * np.ones(8)
        figure = plots.cosines({"one": z, "other": rng.normal(size=(100, 8))})
        heights = figure.axes[0].patches[0].get_data().values
        assert heights[0] == pytest.approx(2500 / 4950)
        assert heights[-1] == pytest.approx(2450 / 4950)
        assert texts(figure)[3:] == ["one", "other", "uniform in 8 dimensions"]
        assert is_inside(figure)


@pytest.mark.parametrize("case", HARD)
def test_hard_cases(rng, tmp_path, case):
    z = HARD[case](rng)
    paths = plots.embedding_pictures(z, tmp_path / "new" / "folder")
    assert [p.name for p in paths] == ["spectrum.png", "cosines.png", "projection.png"]
    for path in paths:
        assert np.ptp(matplotlib.image.imread(path)) > 0.5


def test_names_and_labels(rng, tmp_path):
    z = {"projection": rng.normal(size=(60, 8)), "features": rng.normal(size=(60, 12))}
    plots.embedding_pictures(z, tmp_path, labels=np.arange(60) % 4)
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "cosines.png",
        "projection_features.png",
        "projection_projection.png",
        "spectrum.png",
    ]
