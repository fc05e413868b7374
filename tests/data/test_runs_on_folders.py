"""A recipe on a folder of images: what could not be read is listed in the run."""

import csv

import numpy as np
import pytest
import tensorflow as tf

from keras_center_ssl import cli, runs
from keras_center_ssl.errors import InputError
from keras_center_ssl.runs import evaluating
from keras_center_ssl.runs.recipe import parse_recipe
from tests.runs.test_recipe import content


def fill(root, count, seed):
    """Noise on top of a ramp downwards (class a) or to the right (class b), 9 to 12 pixels high."""
    rng = np.random.default_rng(seed)
    for i in range(count):
        ramp = np.indices((9 + i % 4, 10))[i % 2, ..., None] * 20
        pixels = ramp + rng.integers(0, 30, ramp.shape)
        path = root / "ab"[i % 2] / f"{i}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(tf.io.encode_png(pixels.astype("uint8")).numpy())


def recipe(**data):
    return parse_recipe(content(epochs=1, batch_size=16, data={"image_size": 8, **data}))


def test_train_and_evaluate_a_folder(tmp_path, monkeypatch):
    fill(tmp_path / "set" / "train", 48, seed=0)
    fill(tmp_path / "set" / "test", 24, seed=1)
    (tmp_path / "set" / "train" / "a" / "broken.jpg").write_bytes(b"x")
    monkeypatch.chdir(tmp_path)
    run = runs.train(recipe(source="set"), tmp_path / "run")
    with open(run.folder / "skipped_files.csv", newline="") as file:
        assert list(csv.reader(file)) == [
            ["file", "reason"],
            ["a/broken.jpg", "no image of a known format"],
        ]
    assert run.metrics["training"]["skipped_files"] == 1
    metrics = runs.evaluate(run)
    assert metrics["held_out"] and metrics["samples"] == {"train": 48, "test": 24}
    assert metrics["knn_accuracy"]["raw_pixels"] > 0.9
    assert set(metrics["collapse"]) == {"projection", "features"}
    # Images too many for memory are read batch by batch, with the same result.
    monkeypatch.setattr(evaluating, "in_memory", lambda source: source)
    streamed = runs.evaluate(run)
    assert set(streamed["knn_accuracy"]) == {"trained", "untrained"}
    assert streamed["knn_accuracy"]["trained"] == pytest.approx(metrics["knn_accuracy"]["trained"])
    assert streamed["collapse"] == metrics["collapse"]


@pytest.mark.slow
def test_without_test_images_no_accuracy_is_claimed(tmp_path, capsys):
    fill(tmp_path / "set", 32, seed=0)
    np.save(tmp_path / "test.npy", np.zeros((16, 9, 9), "uint8"))
    run = runs.train(recipe(source=str(tmp_path / "set")), tmp_path / "run")
    metrics = runs.evaluate(run)
    assert not metrics["held_out"] and "knn_accuracy" not in metrics
    cli.print_metrics(metrics)
    said = capsys.readouterr().out
    assert "No accuracy" in said and "has no test images" in said
    assert "two views of the training images" in said and "of the test images" not in said
    test = recipe(source=str(tmp_path / "set"), test_source=str(tmp_path / "test.npy")).data
    assert test.open("test").count == 16 and test.open("test").image_shape == (8, 8, 1)
    assert test.open("train").count == 32


def test_what_is_wrong_with_a_folder_ends_a_training_in_one_paragraph(tmp_path):
    with pytest.raises(InputError, match="neither a known name nor a path"):
        runs.train(recipe(source=str(tmp_path / "none")), tmp_path / "run")
    values = np.full((300, 8, 8, 1), 0.5, "float32")
    values[1] = 7
    np.save(tmp_path / "images.npy", values)
    with pytest.raises(InputError, match="divide by 255") as caught:
        runs.train(recipe(source=str(tmp_path / "images.npy")), tmp_path / "run")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "run").exists()


def test_the_data_section_is_checked():
    with pytest.raises(InputError, match=r"data\.channels"):
        recipe(source="digits", channels=2)
    with pytest.raises(InputError, match="Did you mean 'image_size'"):
        recipe(source="digits", imagesize=2)
