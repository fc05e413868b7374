"""The page of several runs, and how all pages look in the dark and on a phone."""

import pathlib
import re

import pytest

from keras_center_ssl.reports.comparison import table_of, write_comparison
from keras_center_ssl.runs.comparing import compare
from tests.reports.test_page import Page, check_self_contained
from tests.runs.test_comparing import make_run

CSS = pathlib.Path(__file__).parents[2] / "keras_center_ssl" / "reports" / "templates" / "page.css"


def test_the_page_is_whole_and_opens_from_disk(tmp_path):
    folders = [
        make_run(tmp_path / "<one>"),
        make_run(tmp_path / "other", evaluated=False, batch_size=64),
        make_run(tmp_path / "begun", history=False),
    ]
    found = compare(folders)
    write_comparison(found, tmp_path / "pages" / "x.html")
    page = Page(tmp_path / "pages" / "x.html")
    check_self_contained(page)
    assert len(page.images) == 1
    for words in ("Comparison of 3 runs", "<one>", "0.900", "0.004", "batch_size", "64"):
        assert words in page.text
    assert "No history yet: begun" in page.text


def test_runs_that_have_not_begun_have_no_curves(tmp_path):
    folders = [make_run(tmp_path / name, history=False) for name in ("a", "b")]
    write_comparison(compare(folders), tmp_path / "x.html")
    page = Page(tmp_path / "x.html")
    assert page.images == [] and "Their recipes are the same" in page.text


def test_the_table_has_a_row_for_each_kind_of_embeddings(tmp_path):
    titles, rows = table_of(compare([make_run(tmp_path / "a"), make_run(tmp_path / "b")]))
    assert len(rows) == 4 and all(len(row) == len(titles) for row in rows)
    assert rows[0][:5] == ["a", "SimCLR", "resnet_small", 3, 843]
    assert rows[1][1:7] == [None] * 6


def luminance(color):
    digits = color.lstrip("#")
    digits = "".join(2 * digit for digit in digits) if len(digits) == 3 else digits
    parts = [int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_words_can_be_read_by_day_and_by_night(mode):
    """WCAG AA: a contrast of at least 4.5."""
    light, dark = re.findall(r":root \{(.*?)\}", CSS.read_text(), re.DOTALL)
    colors = dict(re.findall(r"--([\w-]+): (#\w+)", light))
    if mode == "dark":
        colors |= dict(re.findall(r"--([\w-]+): (#\w+)", dark))
        assert luminance(colors["page"]) < 0.05
    pairs = [("ink", "page"), ("soft", "page"), ("ink", "block"), ("bad", "page"), ("good", "page")]
    pairs += [(k, f"{w}-page") for w in ("good", "bad") for k in (w, "ink", "soft")]
    for ink, paper in pairs:
        low, high = sorted(luminance(colors[name]) for name in (ink, paper))
        assert (high + 0.05) / (low + 0.05) >= 4.5, (ink, paper)


def test_no_colour_stands_outside_of_the_modes():
    text = CSS.read_text().partition("body {")[2]
    # Pictures are drawn on white.
    assert re.findall(r"#[0-9a-fA-F]{3,6}\b", text) == ["#fff"]


def test_nothing_is_wider_than_a_phone():
    text = CSS.read_text()
    assert "max-width: 40rem" in text and "overflow-x: auto" in text
    assert "max-width: 100%" in text and "min(26rem, 100%)" in text
    assert "overflow: auto" in text  # the recipe
