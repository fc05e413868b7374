"""Files that could not be read: every command says how many, and where the list is."""

import csv
import json

import numpy as np
import yaml
from typer.testing import CliRunner

from keras_center_ssl import data
from keras_center_ssl.cli import app
from keras_center_ssl.runs.skipped import note_skipped
from tests.helpers.image_folders import BROKEN, good_and_broken
from tests.runs.test_recipe import content


def same(images):
    return images, images


def listed(path):
    with open(path, newline="", encoding="utf-8", errors="surrogateescape") as file:
        return dict(csv.reader(file))


def test_a_whole_pass_replaces_the_list_and_a_part_adds_to_it(tmp_path):
    said = []
    path = tmp_path / "skipped_test_files.csv"
    note_skipped(tmp_path, "test", {"a.png": "damaged", "b\udcff.png": "empty, it is"}, said.append)
    assert listed(path) == {"file": "reason", "a.png": "damaged", "b\udcff.png": "empty, it is"}
    note_skipped(tmp_path, "test", {"c.png": "gone"}, said.append, whole=False)
    assert set(listed(path)) == {"file", "a.png", "b\udcff.png", "c.png"}
    note_skipped(tmp_path, "test", {}, said.append, whole=False)
    assert path.exists() and len(said) == 2
    assert said[0] == f"2 files could not be read and left out: see {path}"
    assert said[1].startswith("1 file could not be read")
    note_skipped(tmp_path, "test", {}, said.append)
    assert not path.exists() and len(said) == 2


def test_where_the_list_cannot_be_written_the_files_are_said(tmp_path):
    said = []
    (tmp_path / "skipped_files.csv").mkdir()
    note_skipped(tmp_path, "train", {"a.png": "damaged"}, said.append)
    assert said == ["1 file could not be read and left out:", "a.png: damaged"]


def test_every_command_says_what_it_skipped(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    good_and_broken(tmp_path / "set" / "train", (8, 8), count=32)
    values = good_and_broken(tmp_path / "set" / "test", (8, 8), count=20)
    recipe = content(epochs=1, batch_size=16, data={"source": "set"})
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(recipe))

    def said(*words):
        done = CliRunner().invoke(app, words, catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return done.output

    lost = f"{len(BROKEN)} files could not be read"
    assert f"{lost} and left out: see run/skipped_files.csv" in said(
        "train", "recipe.yaml", "--out", "run"
    )
    assert set(listed("run/skipped_files.csv")) == {"file", *BROKEN}
    output = said("evaluate", "run")
    assert "see run/skipped_files.csv" in output and "see run/skipped_test_files.csv" in output
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())
    for split in ("train", "test"):
        assert {entry["file"] for entry in metrics["skipped"][split]} == set(BROKEN)
    done = CliRunner().invoke(app, ("diagnose", "run", "--json"), catch_exceptions=False)
    assert set(json.loads(done.stdout)) == {"projection", "features"}
    assert "see run/skipped_test_files.csv" in done.stderr
    assert lost in said("export", "run", "--out", "bundle", "--format", "onnx")
    for encoder, out in (("run", "keras.npz"), ("bundle/encoder.onnx", "onnx.npz")):
        assert f"{lost} and left out: see `skipped` in {out}" in said(
            "embed", encoder, "--data", "set", "--out", out
        )
    with np.load("keras.npz") as by_keras, np.load("onnx.npz") as by_onnx:
        assert by_keras["paths"].tolist() == list(values) == by_onnx["paths"].tolist()
        for name in ("labels", "class_names", "skipped"):
            np.testing.assert_array_equal(by_keras[name], by_onnx[name])
        np.testing.assert_allclose(by_keras["features"], by_onnx["features"], rtol=1e-3, atol=1e-4)


def test_views_are_of_the_images_that_can_be_read(tmp_path):
    """One row for each, in their order, and none twice in place of a broken one."""
    values = good_and_broken(tmp_path, (8, 8), count=20)
    source = data.open_source(tmp_path)
    assert source.count == len(values) + len(BROKEN)
    readable = source.readable()
    assert readable.files == tuple(values) == source.files
    assert readable.labels.tolist() == source.labels.tolist()
    seen = [views[0] for (views,) in data.multi_view(readable, same, 4, shuffle=False)]
    brightness = np.rint(np.concatenate(seen)[:, 0, 0, 0] * 255).astype(int)
    assert brightness.tolist() == list(values.values())
    # What was a broken link when it was listed may be there when it is read.
    (tmp_path / "b" / "nowhere").write_bytes((tmp_path / "a" / "00.png").read_bytes())
    again = data.load(source)
    assert "b/pipe.jpg" in again.files and "b/pipe.jpg" not in again.skipped
    assert len(again.images) == len(again.files) == len(values) + 1
