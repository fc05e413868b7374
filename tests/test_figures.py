"""The table of figures: complete, in use, and the same in README."""

import pathlib

import numpy as np
import pytest

import keras_center_ssl as kcs
from keras_center_ssl import figures
from tests.helpers.light_python import run_without

ROOT = pathlib.Path(__file__).parents[1]


@pytest.fixture(scope="module")
def report():
    z = np.random.default_rng(0).normal(size=(80, 8))
    return kcs.diagnose(z, z + 0.1)


def test_holds_every_figure_of_a_report(report):
    assert set(report.figures) <= set(figures.FIGURES)
    assert set(figures.LIMIT_SIGNS) <= set(report.thresholds)
    for key in figures.LOGGED:
        assert figures.FIGURES[key].healthy and figures.FIGURES[key].collapsed


def test_every_row_says_all_and_no_two_are_alike():
    for key, figure in figures.FIGURES.items():
        assert figure.key == key and figure.label and figure.meaning and figure.range
    assert len({figure.label for figure in figures.FIGURES.values()}) == len(figures.FIGURES)
    words = " ".join(f"{f.label} {f.meaning}" for f in figures.FIGURES.values())
    assert "center" not in words and "normaliz" not in words  # prose is British


def test_labels():
    assert figures.label("center_norm") == "centre norm"
    assert figures.title("between_variance") == "Between-sample variance"
    assert figures.label("raw_pixels") == "raw pixels"
    assert figures.title("") == ""


def test_readme_shows_the_table():
    assert figures.markdown_table() in (ROOT / "README.md").read_text("utf-8")


def test_report_text_speaks_of_figures_by_label(report):
    text = str(report)
    for key in report.figures:
        assert figures.FIGURES[key].label in text
    assert "center_norm" not in text


def test_nobody_names_figures_of_their_own():
    """Labels that are not plain words of the key stand in `figures` alone."""
    labels = ("centre norm", "between-sample variance", "normalised standard deviation")
    for path in (ROOT / "keras_center_ssl").rglob("*.py"):
        if path.parent.name == "figures":
            continue
        source = path.read_text("utf-8").lower()
        for label in labels:
            assert f'"{label}"' not in source and f'"{label}:' not in source, path


def test_light_rooms_need_neither_keras_nor_tensorflow():
    program = """
import numpy as np, keras_center_ssl as kcs
z = np.random.default_rng(0).normal(size=(80, 8))
assert kcs.diagnose(z, z).healthy
kcs.geometry.effective_rank(z), kcs.figures.FIGURES, kcs.critical_center_weight(z, z)
assert kcs.CollapseReport.from_json(kcs.diagnose(z).to_json()).verdict
print([m for m in ("keras", "tensorflow", "jax", "matplotlib", "jinja2") if m in sys.modules])
"""
    done = run_without(program)
    assert done.stdout.strip() == "[]", done.stderr


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.5, "0.500"),
        (0.0, "0.000"),
        (0.0031, "0.0031"),
        (-0.00001, "-1e-05"),
        (153.6472, "153.647"),
    ],
)
def test_small_numbers_do_not_read_as_nothing(value, shown):
    assert figures.number(value) == shown
