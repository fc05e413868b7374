"""Beam's client on its DirectRunner: the features of the encoder, and a list of what it left out.

Beam has an environment of its own, `.venv-beam`: `.ci/runtimes --slow` makes it.
"""

import csv
import os
import pathlib
import subprocess

import numpy as np
import pytest
from PIL import Image

import keras_center_ssl as kcs
from tests.helpers import runtimes

ROOT = pathlib.Path(__file__).parents[2]
PROGRAM = ROOT / "export" / "clients" / "beam_python" / "embed_collection.py"
ENCODER = ROOT / "zoo" / "quickstart-fashion-mnist" / "encoder.onnx"

pytestmark = pytest.mark.slow


def test_a_collection_with_broken_files_becomes_parquet(tmp_path, rng):
    parquet = pytest.importorskip("pyarrow.parquet")
    folder = tmp_path / "pictures" / "deep"
    folder.mkdir(parents=True)
    pixels = rng.integers(0, 256, (70, 28, 28), dtype="uint8")  # more than a batch
    for number, image in enumerate(pixels):
        Image.fromarray(image).save(folder / f"{number:02}.png")
    (folder / "broken.png").write_bytes((folder / "00.png").read_bytes()[:60])
    (folder / "notes, and more.txt").write_text("no image")
    done = subprocess.run(
        [
            runtimes.python_with("apache_beam"),
            PROGRAM,
            ENCODER,
            f"{tmp_path}/pictures/**",
            "--out",
            f"{tmp_path}/features",
        ],
        capture_output=True,
        text=True,
        env={k: v for k, v in os.environ.items() if k != "PYTHONPATH"},
    )
    assert done.returncode == 0, done.stderr[-3000:]
    rows = [
        r for f in tmp_path.glob("features-*.parquet") for r in parquet.read_table(f).to_pylist()
    ]
    found = {pathlib.Path(row["path"]).stem: row["features"] for row in rows}
    expected = kcs.OnnxEncoder(ENCODER).embed(pixels[..., None])
    assert sorted(found) == [f"{number:02}" for number in range(70)]
    features = np.array([found[f"{number:02}"] for number in range(70)])
    np.testing.assert_allclose(features, expected, rtol=1e-4, atol=1e-4)
    with open(tmp_path / "features-unread.csv", newline="") as file:
        unread = {pathlib.Path(row["path"]).name: row["reason"] for row in csv.DictReader(file)}
    assert set(unread) == {"broken.png", "notes, and more.txt"}
    assert unread["notes, and more.txt"] == "cannot identify image file"
