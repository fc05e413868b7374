"""From a recipe to a run folder, a bundle and a zoo, on digits; and the command line around it."""

import csv
import json
import pathlib
import shutil
import subprocess
import sys

import keras
import numpy as np
import onnxruntime
import pytest
import yaml
from typer.testing import CliRunner

import keras_center_ssl as kcs
from keras_center_ssl import cli, runs
from keras_center_ssl.runs.publishing import export_run
from keras_center_ssl.runs.recipe import parse_recipe
from tests.runs.test_recipe import content


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    recipe = parse_recipe(content(epochs=2, batch_size=64, data={"source": "digits", "limit": 512}))
    finished = runs.train(recipe, tmp_path_factory.mktemp("runs") / "run")
    runs.evaluate(finished)
    return finished


def test_a_run_folder_holds_what_the_readme_says(run):
    for name in (
        "recipe.yaml",
        "history.csv",
        "encoder.keras",
        "metrics.json",
        "report.html",
        "checkpoints/model.keras",
        "plots/training.png",
        "plots/spectrum.png",
    ):
        assert (run.folder / name).stat().st_size > 0, name
    assert list((run.folder / "tensorboard").rglob("events*"))
    with open(run.folder / "history.csv") as file:
        assert len(list(csv.DictReader(file))) == 2
    assert len(run.history["center_norm"]) == len(run.history["effective_rank"]) == 2


def test_metrics_are_those_of_the_saved_model(run):
    metrics = json.loads((run.folder / "metrics.json").read_text())
    assert set(metrics["knn_accuracy"]) == {
        "trained",
        "untrained",
        "whitened_pixels",
        "raw_pixels",
    }
    assert set(metrics["linear_accuracy"]) == set(metrics["knn_accuracy"])
    assert metrics["knn_accuracy"]["raw_pixels"] > 0.9
    assert set(metrics["collapse"]) == {"projection", "features"}
    train, test = (kcs.data.load("digits", split) for split in ("train", "test"))
    encoder = keras.saving.load_model(run.folder / "encoder.keras")
    features = [kcs.evaluation.embed(encoder, x.images) for x in (train.take(512), test)]
    accuracy = kcs.evaluation.knn_accuracy(
        features[0], train.labels[:512], features[1], test.labels
    )
    assert accuracy == pytest.approx(metrics["knn_accuracy"]["trained"], abs=0.01)


def test_the_same_recipe_trains_the_same_weights(run, tmp_path):
    again = runs.train(run.recipe, tmp_path / "again")
    for name, values in run.history.items():
        assert again.history[name] == pytest.approx(values, rel=1e-4), name


def test_report_opens_from_disk(run):
    page = (run.folder / "report.html").read_text()
    assert page.count("data:image/png;base64,") >= 2
    assert "http://" not in page and "https://" not in page
    assert "k-NN accuracy" in page and "tiny" in page


def test_bundle_and_zoo_give_the_trained_features_back(run, tmp_path):
    bundle, parity = export_run(run, tmp_path / "tiny")
    assert set(parity) == {"keras", "saved_model", "onnx"}
    record = json.loads((bundle / "metrics.json").read_text())
    assert record["embedding_collapse"]["name"] == "projection"
    assert record["evaluation"]["knn_accuracy"] == pytest.approx(run.metrics["knn_accuracy"])
    kcs.zoo.publish(bundle, tmp_path / "zoo")
    (entry,) = kcs.zoo.list_models(tmp_path / "zoo")
    assert (entry.name, entry.method, entry.dataset) == ("tiny", "SimCLR", "digits")
    images = np.random.default_rng(0).random((5, 8, 8, 1), "float32")
    expected = run.load_model().predict(images, verbose=0)
    loaded = kcs.zoo.load("tiny", source=tmp_path / "zoo")
    np.testing.assert_allclose(loaded.predict(images, verbose=0), expected, atol=1e-5)
    onnx = kcs.zoo.download("tiny", format="onnx", source=tmp_path / "zoo", cache_dir=tmp_path)
    (features,) = onnxruntime.InferenceSession(onnx).run(["features"], {"images": images})
    np.testing.assert_allclose(features, expected, atol=1e-4)


def test_formats_of_fewer_bits_are_calibrated_and_measured_on_the_data(run, tmp_path):
    words = ["--out", str(tmp_path / "b"), "--format", "onnx", "--format", "onnx_int8", "--heads"]
    result = CliRunner().invoke(cli.app, ["export", str(run.folder), *words])
    assert result.exit_code == 0, result.output
    record = json.loads((tmp_path / "b" / "metrics.json").read_text())
    int8 = record["parity"]["onnx_int8"]
    assert f"onnx_int8: centred cosine to Keras {int8['centered_cosine']:.4f}" in result.output
    # Every other image calibrates, the others vote and are classified.
    assert int8["real_images"] and 64 < int8["images"] <= 256
    assert int8["knn"]["float32"] > 0.2  # of ten classes, 45 images after two epochs
    assert abs(int8["knn"]["change"]) < 0.15
    assert record["projector"]["formats"] == {"onnx": "projector.onnx"}


def test_diagnosing_a_run_prints_one_json_document(run):
    result = CliRunner().invoke(cli.app, ["diagnose", str(run.folder), "--json"])
    assert result.exit_code == 0, result.output
    reports = json.loads(result.stdout)
    assert {name: report["name"] for name, report in reports.items()} == {
        "projection": "projection",
        "features": "features",
    }
    verdicts = {name: report["verdict"] for name, report in run.metrics["collapse"].items()}
    assert {name: report["verdict"] for name, report in reports.items()} == verdicts


@pytest.mark.parametrize("content", ["{", "[]"])
def test_damaged_metrics_are_named(run, tmp_path, content):
    shutil.copyfile(run.folder / "recipe.yaml", tmp_path / "recipe.yaml")
    (tmp_path / "metrics.json").write_text(content)
    with pytest.raises(kcs.InputError, match=r"metrics\.json.*evaluate writes it anew"):
        runs.Run(tmp_path).metrics  # noqa: B018


def test_an_occupied_folder_is_kept(run, tmp_path):
    precious = tmp_path / "run" / "precious.txt"
    precious.parent.mkdir()
    precious.write_text("mine")
    with pytest.raises(kcs.InputError, match="exists and is not empty"):
        runs.train(run.recipe, precious.parent)
    assert [p.name for p in precious.parent.iterdir()] == ["precious.txt"]


def test_a_training_that_fails_at_once_leaves_no_folder(run, tmp_path):
    class Broken(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            raise RuntimeError("power cut")

    with pytest.raises(RuntimeError, match="power cut"):
        runs.train(run.recipe, tmp_path / "broken", callbacks=[Broken()])
    assert not (tmp_path / "broken").exists()


@pytest.mark.parametrize("damage", ["cut", "noise", "empty"])
def test_a_damaged_model_file_is_named(run, tmp_path, damage):
    whole = run.checkpoint.read_bytes()
    broken = tmp_path / "model.keras"
    broken.write_bytes({"cut": whole[: len(whole) // 2], "noise": b"x" * 99, "empty": b""}[damage])
    with pytest.raises(kcs.InputError, match=r"cannot be read as a Keras model.*damaged"):
        runs.load_model(broken)
    with pytest.raises(kcs.InputError, match="There is no file"):
        runs.load_model(tmp_path / "none.keras")


def center_ssl(*arguments, cwd):
    command = [sys.executable, "-m", "keras_center_ssl.cli", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=cwd)
    return done.returncode, done.stdout, done.stderr


def test_command_line_from_recipe_to_verdict(tmp_path):
    recipe = tmp_path / "tiny.yaml"
    recipe.write_text(yaml.safe_dump(content(batch_size=64)))
    code, out, err = center_ssl("train", recipe, "--set", "epochs=1", "--out", "run", cwd=tmp_path)
    assert code == 0, err
    assert "epoch 1/1" in out and "centre norm" in out and "Next: center-ssl evaluate run" in out
    assert "TF_ENABLE_ONEDNN" not in err
    code, out, err = center_ssl("embed", "run", "--data", "digits", "--out", "z.npz", cwd=tmp_path)
    assert code == 0, err
    features = np.load(tmp_path / "z.npz")["features"]
    code, out, err = center_ssl("diagnose", "z.npz", "--json", cwd=tmp_path)
    assert code == 0, err
    report = json.loads(out)
    assert report["samples"] == len(features)
    assert report["verdict"] == kcs.diagnose(features).verdict


@pytest.mark.parametrize(
    "arguments, code, message",
    [
        (["train", "none.yaml"], 1, "There is no recipe 'none.yaml'"),
        (["evaluate", "nowhere"], 1, "There is no run folder"),
        (["diagnose", "none.npy"], 1, "none.npy"),
        (["zoo", "list", "--source", "http://127.0.0.1:9"], 1, "127.0.0.1:9"),
        (["zoo", "show", "none", "--source", "nowhere"], 1, "nowhere"),
        (["trian"], 2, "No such command"),
        (["embed", "run", "--data", "digits", "--out", "z.txt"], 1, ".npz"),
    ],
)
def test_bad_use_ends_in_one_paragraph(tmp_path, arguments, code, message):
    returned, _, err = center_ssl(*arguments, cwd=tmp_path)
    assert returned == code
    assert message in err, err
    assert "Traceback" not in err
    assert not list(tmp_path.iterdir())


def test_help_of_every_command_is_quick_and_imports_no_tensorflow(tmp_path):
    program = (
        "import sys; from typer.testing import CliRunner; from keras_center_ssl.cli import app;"
        "run = lambda *a: CliRunner().invoke(app, [*a, '--help']);"
        "assert all(run(*a).exit_code == 0 for a in ([], ['train'], ['evaluate'], ['diagnose'],"
        " ['embed'], ['export'], ['zoo'], ['zoo', 'list'], ['zoo', 'show'], ['zoo', 'download'],"
        " ['zoo', 'verify'], ['zoo', 'publish']));"
        "print('tensorflow' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.strip() == "False", done.stderr


def test_version():
    code, out, _ = center_ssl("--version", cwd=pathlib.Path.cwd())
    assert (code, out.strip()) == (0, kcs.__version__)
