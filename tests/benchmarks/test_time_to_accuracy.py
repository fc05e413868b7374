"""Time to accuracy: tables with known answers, resuming, and a tiny training of both sides."""

import json
import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest

ROOT = pathlib.Path(__file__).parents[2]
FOLDER = ROOT / "training" / "benchmarks"
TORCH = ROOT / ".venv-torch" / "bin" / "python"
RECIPE = """
name: tiny
epochs: 1
batch_size: 16
data: {source: digits}
views: {name: simclr, area: [0.5, 1.0], interpolation: bilinear, flip: 0.0}
encoder: {name: resnet_small, width: 4, grid: 2}
method: {name: CenterSSL, hidden_dim: 8, output_dim: 4, batch_norm: true}
optimizer: {name: sgd, learning_rate: 0.1, momentum: 0.9}
features: {whiten: true, dimensions: 8}
"""
MODULES = ("accuracy_tables", "time_to_accuracy", "translation", "venvs", "workers")


@pytest.fixture
def module(monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    import time_to_accuracy

    if hasattr(os, "sched_setaffinity"):  # the other tests keep their cores
        monkeypatch.setattr(os, "sched_setaffinity", lambda *_: None)
    yield time_to_accuracy
    for name in MODULES:
        sys.modules.pop(name, None)


@pytest.fixture
def recipe(tmp_path):
    path = tmp_path / "tiny.yaml"
    path.write_text(RECIPE)
    return path


def row(contestant, minutes, accuracy, seed=0):
    return {
        "contestant": contestant,
        "minutes": minutes,
        "seed": seed,
        "accuracy": accuracy,
        "dimensions": 8,
        "seconds": 60 * minutes,
        "start_seconds": 3.0,
        "steps": 10,
        "precision": "float32",
        "parameters": 42,
        "images_per_second": 1234.4,
    }


@pytest.fixture
def results():
    return {
        "date": "2026-01-01",
        "machine": {"cpu": "A CPU", "cores": 2, "system": "Linux"},
        "settings": {
            "recipe": {"method": {"name": "CenterSSL"}, "data": {"source": "fashion_mnist"}},
            "images": 60000,
            "held_out": 10000,
            "threads": 2,
            "warm_up": 10,
        },
        "versions": {"keras": "3", "torchvision": None},
        "baselines": {"raw pixels": 0.8, "whitened pixels": 0.82},
        "results": [
            row("ours", 2.0, 0.87),
            row("ours", 1.0, 0.85),
            row("PyTorch", 1.0, 0.84),
            row("PyTorch", 2.0, 0.85, seed=0),
            row("PyTorch", 2.0, 0.87, seed=1),
        ],
        "skipped": {"PyTorch as usual": "no network"},
    }


def test_page_and_picture(module, results, tmp_path):
    tables = module.accuracy_tables
    page = tables.write(results, tmp_path)
    assert "| 1, 1 seed | .850 (1,234) | .840 (1,234) |" in page
    assert "| 2, 2 seeds | .870 (1,234) | .860, .850 to .870 (1,234) |" in page
    assert "| raw pixels | .800 |  |" in page
    assert "PyTorch, same features reaches .860 in 2 minutes; ours is there within 2." in page
    assert "- PyTorch, global average: no network" in page
    assert "A CPU, 2 threads" in page and "50,000 as neighbours" in page
    assert page == (tmp_path / "time_to_accuracy.md").read_text()
    assert json.loads((tmp_path / "time_to_accuracy.json").read_text()) == results
    assert (tmp_path / "time_to_accuracy.png").stat().st_size > 1000


def test_a_peer_that_is_never_reached(module):
    lines = module.accuracy_tables.sentences({"ours": {1.0: [0.8]}, "PyTorch": {1.0: [0.9]}})
    assert lines[0].endswith("ours is there not within 1.")


def test_contestants_take_turns_and_finished_budgets_are_kept(module, results):
    assert module.missing(results, [1.0, 2.0], 1) == [
        ("PyTorch as usual", 1.0, 0),
        ("PyTorch as usual", 2.0, 0),
    ]
    names = [name for name, _, _ in module.missing({"results": []}, [1.0, 2.0], 1)]
    assert names == [*module.SIDES, *reversed(module.SIDES)]


@pytest.mark.parametrize("text", ["", "0", "1,x", "-1", "nan"])
def test_minutes_are_positive_numbers(module, text):
    with pytest.raises(module.argparse.ArgumentTypeError, match="1,2,4,8"):
        module._budgets(text)


def test_results_of_other_settings_are_not_mixed(module, results, tmp_path):
    path = tmp_path / "time_to_accuracy.json"
    path.write_text(json.dumps(results))
    settings, machine = results["settings"], results["machine"]
    assert module.kept(path, settings, machine) == results
    with pytest.raises(SystemExit, match="--results"):
        module.kept(path, {**settings, "threads": 1}, machine)
    with pytest.raises(SystemExit, match="another machine"):
        module.kept(path, settings, {**machine, "cpu": "Another"})


def test_the_quickstart_has_words_for_the_peer(module):
    recipe = module.load_recipe(module.RECIPE)
    found = module.peer_options(recipe, (28, 28, 1))
    assert found["network"]["width"] == 16 and found["optimizer"] == {"lr": 0.3, "momentum": 0.9}
    assert found["method"][0] == "CenterSSL" and found["method"][1]["decorrelation_weight"] == 2.5
    views = found["views"]
    assert views["size"] == 28 and views["brightness"] == 0.8 and views["hue"] == 0.0  # grey
    assert module.peer_options(recipe, (28, 28, 3))["views"]["hue"] == 0.2
    other = module.load_recipe(module.RECIPE, ["optimizer.weight_decay=0.1"])
    with pytest.raises(module.kcs.errors.InputError, match="weight_decay"):
        module.peer_options(other, (28, 28, 1))


def test_a_judge_knows_a_feature_that_tells_classes_apart(module, recipe):
    images, labels = module.loaded("digits", 200)
    assert images.dtype == np.uint8 and images.max() == 255
    judge = module.Judge(module.load_recipe(recipe), images, labels, 50)
    noise = np.random.default_rng(0).normal(size=(200, 30)).astype("float32")
    perfect = np.eye(10, dtype="float32")[labels]
    assert judge(perfect + 0.01 * noise[:, :10], whiten=False) == (1.0, 10)
    # A long common mean and one loud direction of noise: gone after whitening to the recipe's 8.
    loud = np.concatenate([3 * perfect[:, :7], 20 + 30 * noise[:, :1]], axis=1)
    assert judge(loud, whiten=True)[0] > judge(loud, whiten=False)[0]
    assert judge(np.concatenate([loud, noise], axis=1), whiten=True)[1] == 8
    baselines = judge.baselines()
    assert set(baselines) == {"raw pixels", "whitened pixels"} and min(baselines.values()) > 0.5


def test_a_second_run_trains_only_what_is_missing(module, recipe, tmp_path, monkeypatch):
    done = []

    def trained(workers, side, job, versions):
        if side == "peer":
            raise module.Failed("no PyTorch here")
        done.append(job["seconds"])
        images = np.load(job["images"])
        np.save(job["features"], images.reshape(len(images), -1).astype("float32"))
        return {"precision": "float32", "images_per_second": 1.0}

    monkeypatch.setattr(module, "trained", trained)
    command = ["", "--recipe", str(recipe), "--results", str(tmp_path), "--images", "200"]
    for minutes in ("1", "1,2"):
        monkeypatch.setattr(sys, "argv", [*command, "--hold-out", "50", "--minutes", minutes])
        module.main()
    assert done == [60.0, 120.0]
    results = json.loads((tmp_path / "time_to_accuracy.json").read_text())
    assert [r["contestant"] for r in results["results"]] == ["ours", "ours"]
    assert results["skipped"] == dict.fromkeys(("PyTorch", "PyTorch as usual"), "no PyTorch here")


@pytest.mark.slow
def test_all_three_train_alike(recipe, tmp_path):
    if not TORCH.exists():
        pytest.skip("PyTorch's environment is made by `make time-to-accuracy`")
    command = [sys.executable, str(FOLDER / "time_to_accuracy.py"), "--minutes", "0.02"]
    command += ["--recipe", str(recipe), "--results", str(tmp_path), "--images", "300"]
    subprocess.run([*command, "--hold-out", "100"], check=True, capture_output=True, timeout=600)
    results = json.loads((tmp_path / "time_to_accuracy.json").read_text())
    rows = {row["contestant"]: row for row in results["results"]}
    assert not results["skipped"] and set(rows) == {"ours", "PyTorch", "PyTorch as usual"}
    assert rows["ours"]["parameters"] == rows["PyTorch"]["parameters"]
    assert [rows[name]["dimensions"] for name in rows] == [8, 8, 16]
    for found in rows.values():
        assert found["steps"] > 0 and found["seconds"] >= 1.2 and found["accuracy"] > 0.2
