"""Runs side by side, from their files alone: nothing is trained."""

import csv
import json

import pytest
import yaml
from typer.testing import CliRunner

import keras_center_ssl as kcs
from keras_center_ssl import cli
from keras_center_ssl.runs.comparing import compare
from tests.runs.test_recipe import content

COLLAPSE = {
    "projection": {
        "verdict": "healthy",
        "figures": {"center_norm": 0.004, "between_variance": 0.8, "effective_rank": 31.0},
    },
    "features": {
        "verdict": "dimensional_collapse",
        "figures": {"center_norm": 0.7, "between_variance": 0.3, "effective_rank": 2.0},
    },
}


def make_run(folder, epochs=3, evaluated=True, history=True, **changes):
    folder.mkdir(parents=True)
    (folder / "recipe.yaml").write_text(yaml.safe_dump(content(**changes)))
    if history:
        with open(folder / "history.csv", "w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["epoch", "loss", "center_norm", "effective_rank"])
            for epoch in range(epochs):
                writer.writerow([epoch, 1 - 0.1 * epoch, 0.01, 5 + epoch])
    metrics = {"training": {"seconds": 12.5, "images_per_second": 843.2}}
    if evaluated:
        metrics |= {"knn_accuracy": {"trained": 0.9, "untrained": 0.7}, "collapse": COLLAPSE}
    if history:
        (folder / "metrics.json").write_text(json.dumps(metrics))
    return folder


@pytest.fixture
def folders(tmp_path):
    return [
        make_run(tmp_path / "one"),
        make_run(tmp_path / "other", epochs=2, evaluated=False, batch_size=64),
        make_run(tmp_path / "begun", history=False, method={"name": "BYOL"}),
    ]


def invoke(*arguments):
    return CliRunner().invoke(cli.app, ["compare", *map(str, arguments)])


def test_what_each_run_was_and_reached(folders):
    found = compare(folders)
    one, other, begun = found["runs"].values()
    assert list(found["runs"]) == ["one", "other", "begun"]
    assert (one["method"], one["epochs"], one["knn_accuracy"]["trained"]) == ("SimCLR", 3, 0.9)
    assert one["collapse"]["features"]["verdict"] == "dimensional_collapse"
    assert one["history"]["loss"] == [1.0, 0.9, 0.8]
    assert other["collapse"] == {} and other["images_per_second"] == 843.2
    assert (begun["epochs"], begun["history"], begun["seconds"]) == (0, {}, None)
    json.dumps(found, allow_nan=False)


def test_where_their_recipes_differ(folders):
    differences = compare(folders)["differences"]
    assert differences["batch_size"] == {"one": 32, "other": 64, "begun": 32}
    assert differences["method.name"] == {"one": "SimCLR", "other": "SimCLR", "begun": "BYOL"}
    assert differences["method.temperature"]["begun"] is None
    assert "data.source" not in differences and "name" not in differences


def test_runs_of_one_name_are_told_apart_by_their_paths(tmp_path):
    pair = [make_run(tmp_path / place / "run") for place in "ab"]
    assert list(compare(pair)["runs"]) == list(map(str, pair))
    assert compare(pair)["differences"] == {}


def test_less_than_two_runs_and_the_same_twice_are_errors(folders, tmp_path):
    for given in (folders[:1], [folders[0]] * 2, [folders[0], folders[0] / ".." / "one"]):
        with pytest.raises(kcs.InputError, match="two or more runs"):
            compare(given)
    with pytest.raises(kcs.InputError, match="There is no run folder"):
        compare([folders[0], tmp_path / "missing"])


def test_the_command_prints_tables_json_and_a_page(folders, tmp_path):
    page = tmp_path / "page.html"
    result = invoke(*folders, "--out", page)
    assert result.exit_code == 0, result.output
    lines = result.output.splitlines()
    assert lines[0].split()[:3] == ["run", "method", "encoder"]
    assert "one" in lines[1] and "0.900" in lines[1] and "0.004" in lines[1]
    assert "dimensional collapse" in lines[2] and "not evaluated" in lines[3]
    assert any(line.startswith("batch_size") for line in lines)
    assert str(page) in lines[-1]
    result = invoke(*folders[:2], "--json")
    assert json.loads(result.stdout) == json.loads(json.dumps(compare(folders[:2])))
