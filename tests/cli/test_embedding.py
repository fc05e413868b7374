"""`center-ssl embed` and `neighbours`, with the published ONNX encoder, without Keras."""

import json
import os
import pathlib

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

import keras_center_ssl as kcs
from keras_center_ssl import cli
from keras_center_ssl.cli.counting import ImageProgress
from keras_center_ssl.cli.terminal import Terminal
from tests.helpers.image_folders import good_and_broken
from tests.helpers.light_python import run_without

ENCODER = pathlib.Path(__file__).parents[2] / "zoo" / "quickstart-fashion-mnist" / "encoder.onnx"


def invoke(*arguments):
    return CliRunner().invoke(cli.app, list(map(str, arguments)))


@pytest.fixture
def photos(tmp_path, monkeypatch, rng):
    """12 images, two of which are one, in a folder that is named relative to where one is."""
    monkeypatch.chdir(tmp_path)
    good_and_broken(tmp_path / "photos", count=4)
    for number in range(8):
        pixels = rng.integers(0, 256, (40, 30 + number), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / "photos" / "a" / f"n{number}.png")
        if number == 3:
            Image.fromarray(pixels).save(tmp_path / "photos" / "b" / "copy.png")
    return tmp_path


def embedded(photos):
    result = invoke("embed", ENCODER, "--data", "photos", "--out", "z.npz")
    assert result.exit_code == 0, result.output
    return result


def test_features_paths_and_labels_are_written(photos):
    result = embedded(photos)
    assert "13 x 256 features in z.npz" in result.output and "images/s" in result.output
    with np.load("z.npz") as file:
        assert file["features"].shape == (13, 256)
        assert file["paths"].tolist() == sorted(file["paths"].tolist())
        assert [file["class_names"][n] for n in file["labels"]] == [
            path[0] for path in file["paths"]
        ]
        assert str(file["source"]) == "photos"


def test_json_and_parquet(photos):
    pytest.importorskip("pyarrow", reason="pyarrow (extra `parquet`) is not installed")
    result = invoke("embed", ENCODER, "--data", "photos", "--out", "z.parquet", "--json")
    content = json.loads(result.stdout)
    assert (content["images"], content["dimensions"]) == (13, 256)
    assert content["paths"] and content["labels"] and len(content["skipped"]) == 4
    assert kcs.embedded.Embedded.load("z.parquet").features.shape == (13, 256)


def test_another_kind_of_file_is_refused_before_the_work(photos):
    result = invoke("embed", ENCODER, "--data", "photos", "--out", "z.csv")
    assert "is an .npz or a .parquet file" in str(result.exception)


def test_neighbours_are_said_and_drawn(photos):
    embedded(photos)
    result = invoke("neighbours", "z.npz", "--query", "n3.png", "-k", 2, "--out", "sheet.png")
    assert result.exit_code == 0, result.output
    assert result.output.startswith("a/n3.png (a)\n  1.000  b/copy.png (b)\n")
    assert "Near-duplicates: 2 images in 1 group\n  a/n3.png (a), b/copy.png (b)" in result.output
    assert "Odd ones out" in result.output and "Sheet: sheet.png" in result.output
    with Image.open("sheet.png") as sheet:
        assert sheet.width > 3 * 96 and sheet.height > 3 * 96
        assert len(sheet.convert("L").getcolors(1000) or range(1000)) > 50, "an empty sheet"


def test_neighbours_as_json(photos):
    embedded(photos)
    result = invoke("neighbours", "z.npz", "--json", "--rows", 3, "-k", 2, "--odd", 1)
    content = json.loads(result.stdout)
    assert content["images"] == 13 and content["exact"] and len(content["queries"]) == 3
    assert len(content["queries"][0]["neighbours"]) == 2
    assert [one["path"] for one in content["near_duplicates"][0]] == ["a/n3.png", "b/copy.png"]
    assert len(content["odd_ones_out"]) == 1


def test_neighbours_by_an_index(photos):
    pytest.importorskip("usearch")
    embedded(photos)
    result = invoke("neighbours", "z.npz", "--query", "n3.png", "-k", 2, "--approximate")
    assert result.exit_code == 0, result.output
    assert result.output.startswith("Found by an index, which may have missed some (--exact")
    assert "a/n3.png (a)\n  1.000  b/copy.png (b)\n" in result.output


def test_images_that_are_gone_are_grey_squares(photos):
    embedded(photos)
    (photos / "photos" / "a" / "n3.png").unlink()
    assert invoke("neighbours", "z.npz", "--out", "sheet.png").exit_code == 0
    (photos / "photos").rename(photos / "elsewhere")
    result = invoke("neighbours", "z.npz", "--out", "sheet.png")
    assert "Name it with --data" in str(result.exception)
    result = invoke("neighbours", "z.npz", "--out", "sheet.png", "--data", "elsewhere")
    assert result.exit_code == 0, result.output


def test_images_in_an_array(tmp_path, monkeypatch, rng):
    monkeypatch.chdir(tmp_path)
    np.save("x.npy", rng.integers(0, 256, (9, 28, 28), dtype=np.uint8))
    assert invoke("embed", ENCODER, "--data", "x.npy", "--out", "z.npz").exit_code == 0
    result = invoke("neighbours", "z.npz", "--query", 8, "--out", "sheet.png")
    assert result.exit_code == 0 and result.output.startswith("image 8\n")
    np.save("x.npy", np.zeros((5, 28, 28), "uint8"))
    result = invoke("neighbours", "z.npz", "--out", "sheet.png")
    assert "has 5 images for 9 rows" in str(result.exception)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--query", "13"], "a number from 0 to 12"),
        (["--query", "a/n33.png"], r"Did you mean 'a/n3.png'"),
        (["--out", "sheet.jpg"], "--out is a .png file"),
    ],
)
def test_what_cannot_be_shown_is_said(photos, arguments, message):
    embedded(photos)
    assert message in str(invoke("neighbours", "z.npz", *arguments).exception)


def test_a_light_install_is_enough(photos):
    embedded(photos)
    program = "from keras_center_ssl import cli\ncli.main()"
    root = str(pathlib.Path(cli.__file__).parents[2])
    words = ["neighbours", "z.npz", "--out", "sheet.png"]
    done = run_without(program, *words, env={**os.environ, "PYTHONPATH": root})
    assert (done.returncode, done.stderr) == (0, "") and "Sheet: " in done.stdout


def test_progress_says_how_fast_and_how_long(capsys):
    now = [0.0]
    progress = ImageProgress(Terminal(), clock=lambda: now[0])
    with progress:
        for done, at in ((100, 5.0), (600, 10.0), (1100, 21.0)):
            now[0] = at
            progress.report(done, 2000)
    lines = capsys.readouterr().out.splitlines()
    assert lines == [
        "Embedding: 600 of 2,000 images, 100 images/s, 14 s left",
        "Embedding: 1,100 of 2,000 images, 62 images/s, 14 s left",
    ]
