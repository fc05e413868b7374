"""Tables at every width: names are never cut."""

import io

import pytest

from keras_center_ssl.cli.tables import print_table
from keras_center_ssl.cli.terminal import Terminal

NAME = "an-encoder-with-a-long-name-[v2]-:smile:"
ROWS = [
    [NAME, "CenterSSL", 64, 0.5, None],
    ["short", "a data set with a name of some length", 1024, 0.25, "healthy"],
]
TITLES = ("name", "data", "features", "k-NN", "verdict")


def printed(**options):
    raw = io.BytesIO()
    file = io.TextIOWrapper(raw, encoding=options.pop("encoding", "utf-8"), write_through=True)
    print_table(Terminal(file=file, color_system=None, **options), TITLES, ROWS, title="A title")
    return raw.getvalue().decode()


@pytest.mark.parametrize("width", [20, 40, 80, 200])
@pytest.mark.parametrize("terminal", [True, False])
@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_nothing_is_cut(width, terminal, encoding):
    lines = printed(width=width, force_terminal=terminal, encoding=encoding).splitlines()
    assert lines[0] == "A title"
    for row in ROWS:
        for entry in row:
            text = f"{entry:.3f}" if isinstance(entry, float) else str(entry or "")
            assert any(text in line for line in lines), text
    assert all(line == line.rstrip() for line in lines)


def test_columns_are_aligned_where_they_fit_and_in_pipes():
    wide = printed(width=200, force_terminal=True).splitlines()
    assert wide == printed(width=20, force_terminal=False).splitlines()
    _, head, first, second = wide
    assert head.index("data") == first.index("CenterSSL") == second.index("a data set")
    assert head.index("features") + len("features") == first.index("64") + 2
    assert "0.500" in first and "1024  0.250  healthy" in second


def test_a_narrow_terminal_gets_rows_one_below_the_other():
    lines = printed(width=40, force_terminal=True).splitlines()
    assert lines[1:5] == [NAME, "  data      CenterSSL", "  features  64", "  k-NN      0.500"]
    assert lines[5] == "short", "what has no value is left out"


def test_no_rows():
    file = io.StringIO()
    print_table(Terminal(file=file), TITLES, [])
    assert file.getvalue().split() == list(TITLES)
