"""The benchmark's tables: ratios, goals and files from results with known answers."""

import csv
import json
import pathlib
import sys

import pytest

FOLDER = pathlib.Path(__file__).parents[2] / "training" / "benchmarks"


@pytest.fixture
def modules(monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    import ratios
    import tables

    yield ratios, tables
    for name in ("ratios", "tables", "pictures"):
        sys.modules.pop(name, None)


def row(section, case, contestant, seconds, images=100, **facts):
    return {
        "section": section,
        "case": case,
        "contestant": contestant,
        "images": images,
        "seconds": seconds,
        "facts": facts,
    }


@pytest.fixture
def results():
    return {
        "date": "2026-01-01",
        "machine": {"cpu": "A CPU", "cores": 2, "load_before": 0.1},
        "settings": {"threads": 2, "repetitions": 3, "seconds": 1.0, "quick": False, "minutes": 1},
        "versions": {"keras": "3", "torchvision": None},
        "results": [
            row("views", "32 px", "ours", [1.0, 2.0, 1.0]),
            row("views", "32 px", "torchvision", [13.0, 26.0, 14.0]),
            row("views", "96 px", "ours", [1.0, 1.0, 1.0]),
            row("views", "96 px", "torchvision", [8.0, 8.0, 8.0]),
            row("step", "SimCLR", "ours", [1.07] * 3, parameters=42),
            row("step", "SimCLR", "encoder alone", [1.0] * 3),
            row("step", "SimCLR", "centre tracking alone", [0.0107] * 3),
            row("memory", "SimCLR", "ours", [], peak=900.0, before=600.0),
            row("memory", "SimCLR", "PyTorch", [], peak=600.0, before=300.0),
        ],
        "skipped": [
            {"section": "views", "case": c, "contestant": "KerasCV", "why": "not installed"}
            for c in ("32 px", "96 px")
        ],
    }


def test_a_ratio_is_the_median_of_the_turns_ratios(modules, results):
    ratios, _ = modules
    ratio = ratios.SECTIONS["views"].ratios[0]
    both = ratios.cases(results["results"], "views")
    # 13, 13 and 14; of the medians it would be 14 / 1.
    assert ratios.value(ratio, both["32 px"]) == 13.0
    assert ratio.met(13.0, "32 px, colour") and ratio.met(8.0, "32 px, colour") is False
    assert ratio.met(13.0, "96 px, colour") is None  # the goal is for 32 pixels
    assert ratios.value(ratios.SECTIONS["views"].ratios[1], both["32 px"]) is None


def test_forms(modules, results):
    ratios, _ = modules
    step = ratios.cases(results["results"], "step")["SimCLR"]
    peer, _, overhead, tracking = ratios.SECTIONS["step"].ratios
    assert ratios.value(peer, step) is None
    assert overhead.text(ratios.value(overhead, step)) == "7.0 %"
    assert overhead.goal() == "≤ 10.0 %" and overhead.met(1.07) and not overhead.met(1.2)
    assert tracking.text(ratios.value(tracking, step)) == "1.0 %"


def test_memory_compares_peaks(modules, results):
    ratios, _ = modules
    section = ratios.SECTIONS["memory"]
    found = ratios.value(section.ratios[0], ratios.cases(results["results"], "memory")["SimCLR"])
    assert found == 1.5 and section.ratios[0].met(found) is False
    net = ratios.value(section.ratios[1], ratios.cases(results["results"], "memory")["SimCLR"])
    assert net == 1.0 and section.ratios[1].met(net)


def test_every_ratio_names_contestants_that_are_compared(modules, monkeypatch):
    ratios, _ = modules
    import comparisons

    present = {}
    for c in comparisons.on_the_cpu(2):
        present.setdefault(c.section, set()).update(x.name for x in c.contestants)
    assert set(present) == set(ratios.SECTIONS)
    for name, section in ratios.SECTIONS.items():
        for ratio in section.ratios:
            assert {ratio.slow, ratio.fast} <= present[name]
        assert set(section.columns) <= present[name]


def test_without_what_a_comparison_needs_all_are_left_out_for_its_reason(modules):
    import benchmark
    import comparisons

    class Unable:
        def ask(self, **job):
            assert job["task"] == "methods.fast_bfloat16"
            raise benchmark.Failed("no bfloat16 here")

    one = next(c for c in comparisons.on_the_cpu(2, quick=True) if c.section == "bfloat16")
    rows, skipped = benchmark._in_turn({"ours": Unable()}, one, 1, 0.0)
    assert not rows and {s["why"] for s in skipped} == {"no bfloat16 here"}
    assert [s["contestant"] for s in skipped] == [c.name for c in one.contestants]


def test_summary_tells_the_least_favourable_case(modules, results):
    _, tables = modules
    lines = tables.summary(results).splitlines()
    views = next(line for line in lines if "torchvision" in line)
    assert views.split("|")[2:6] == [
        " 10.5x ",
        " 8.00x (96 px) ",
        " ≥ 12.0x at 32 px ",
        " 1 of 1 (13.0x) ",
    ]
    assert "A CPU, 2 cores, 2 threads" in lines[-1] and "torchvision" not in lines[-1]


def test_files(modules, results, tmp_path):
    _, tables = modules
    readme = tmp_path / "README.md"
    readme.write_text(f"top\n{tables.BEGIN}\nold\n{tables.END}\nbottom\n")
    short = tables.write(results, tmp_path, readme)
    page = (tmp_path / "results.md").read_text()
    assert "**1.50x**" in page and "| 13.0x |" in page  # bold where the goal is missed
    assert "| 8.00x |" in page  # no goal at 96 pixels
    assert "900 (600)" in page
    assert page.count("not installed") == 1
    text = readme.read_text()
    assert text.startswith("top\n") and text.endswith("bottom\n")
    assert short in text and "old" not in text
    with open(tmp_path / "results.csv", newline="") as file:
        lines = list(csv.DictReader(file))
    assert [line["images_per_second"] for line in lines[:2]] == ["100", "7.14286"]
    assert lines[4]["parameters"] == "42" and lines[7]["peak_mib"] == "900"
    assert (tmp_path / "results.png").stat().st_size > 1000


def test_a_page_without_markers_is_not_touched(modules, tmp_path):
    _, tables = modules
    page = tmp_path / "README.md"
    page.write_text("nothing here\n")
    with pytest.raises(SystemExit, match="benchmark"):
        tables.replace(page, "table")
    assert page.read_text() == "nothing here\n"


def test_cost_sentences(modules):
    import cost

    rows = [
        {"growth": "batch", "what": what, "size": size, "seconds": seconds}
        for what, size, seconds in (
            ("step, SimCLR", 64, 0.1),
            ("step, SimCLR", 128, 0.2),
            ("loss, nt_xent", 64, 0.001),
            ("loss, nt_xent", 128, 0.004),
            ("centre tracking", 64, 0.001),
            ("centre tracking", 128, 0.002),
        )
    ]
    text = cost.sentences(rows)
    assert (
        "loss, nt_xent: 1 ms at 64, 4 ms at 128: 4.0 times the time for 2 times the batch" in text
    )
    assert "1.0 % and 1.0 % at 64; 2.0 % and 1.0 % at 128" in text


def test_an_update_keeps_the_other_figures_and_says_so(modules, results, tmp_path):
    _, tables = modules
    import benchmark

    (tmp_path / "results.json").write_text(json.dumps(results))
    row = {**results["results"][0], "seconds": [2.0, 2.0, 2.0]}
    run = {"date": "2031-02-03", "machine": {"cpu": "Z80", "vectors": "none"}}
    new = {**run, "results": [row], "skipped": []}
    merged = benchmark.updated(tmp_path / "results.json", new)
    same_case = [r for r in merged["results"] if r["section"] == row["section"]]
    assert same_case[0] == row and len([r for r in same_case if r["case"] == row["case"]]) == 1
    others = [r for r in results["results"] if r["section"] != row["section"]]
    assert [r for r in merged["results"] if r["section"] != row["section"]] == others
    said = f"Measured anew in later runs: {row['section']} (2031-02-03, Z80 with none)."
    assert tables.caption(merged).endswith(said)
    # A third run keeps what the second said of itself.
    (tmp_path / "results.json").write_text(json.dumps(merged))
    other = {**others[0], "seconds": [1.0]}
    again = benchmark.updated(
        tmp_path / "results.json", {**new, "date": "2031-02-04", "results": [other]}
    )
    assert again["updated"][row["section"]]["date"] == "2031-02-03"
    assert again["updated"][other["section"]]["date"] == "2031-02-04"
