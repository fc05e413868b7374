"""The accelerator benchmark: its table, and its programs on tiny networks."""

import importlib
import pathlib
import subprocess
import sys

import pytest

FOLDER = pathlib.Path(__file__).parents[2] / "training" / "benchmarks"


@pytest.fixture
def accelerator(monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    return importlib.import_module("accelerator")


def test_the_table_has_rates_ratio_and_share_of_the_peak(accelerator):
    measured = {"images_per_second": [900.0, 1000.0, 1100.0], "GiB": 21.3}
    row = {"case": "a step", "flops_per_image": 2e10, "ours": measured}
    row["peer"] = {"images_per_second": [500.0], "GiB": 20.0}
    lines = accelerator.table({"device": "a card", "peak_flops": 1e14, "cases": [row]}).splitlines()
    assert "100 TFLOP/s" in lines[0]
    assert lines[-1] == "| a step | 1,000 | 500 | 2.00 | 20 % | 10 % | 21 | 20 |"


def test_a_contestant_that_failed_says_why(accelerator):
    row = {"case": "a step", "flops_per_image": 2e10, "ours": {"failed": "out of memory"}}
    lines = accelerator.table({"device": "a card", "peak_flops": 1e14, "cases": [row]}).splitlines()
    assert lines[-1].startswith("| a step | out of memory |")


def test_both_sides_are_asked_for_the_same_step(accelerator):
    for case in accelerator.large() + accelerator.tiny():
        ours, peer = case.job("ours"), case.job("peer")
        ours.pop("image_size", None), peer.pop("image_size", None)
        peer["network"][1].pop("image_size", None)
        assert ours == peer


def test_a_teacher_costs_one_more_forward_pass(accelerator):
    assert accelerator.Case("SimCLR", "resnet50", 1).forward_passes() == 3
    assert accelerator.Case("DINO", "resnet50", 1).forward_passes() == 4


@pytest.mark.slow
def test_our_programs_run_on_tiny_networks(tmp_path):
    """The peer's need PyTorch, which is not in this environment."""
    code = """
import sys; sys.path.insert(0, sys.argv[1])
import accelerator
sides = accelerator.Sides.__new__(accelerator.Sides)
sides.pythons, sides.log = {"ours": sys.executable}, sys.stderr
for case in accelerator.tiny():
    found = accelerator._contestant(sides, "ours", case, 0.1, {})
    assert found["parameters"] > 1000 and min(found["images_per_second"]) > 0, found
"""
    done = subprocess.run([sys.executable, "-c", code, str(FOLDER)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
