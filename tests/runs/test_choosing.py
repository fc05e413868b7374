"""Training without a recipe, on digits: the choice is corrected by measuring, and written down."""

import pytest
import yaml
from typer.testing import CliRunner

import keras_center_ssl as kcs
from keras_center_ssl import cli, runs
from keras_center_ssl.runs import automatic, choosing
from keras_center_ssl.runs.recipe import parse_recipe
from tests.runs.test_recipe import content

SMALL = ["--set", "encoder.width=4", "--set", "method.hidden_dim=32", "--set", "epochs=1"]


@pytest.fixture
def measured(monkeypatch):
    """No time is spent on measuring: `measured[:]` are the rates that are found, in turn."""
    rates = [2000.0] * 4
    monkeypatch.setattr(choosing, "measure", lambda recipe, seconds: (rates.pop(0), 0.5))
    return rates


def invoke(*arguments):
    return CliRunner().invoke(cli.app, ["train", *map(str, arguments)])


def test_the_measured_rate_sets_the_epochs(measured):
    measured[:] = [500.0, 500.0, 500.0]
    slow = choosing.choose_recipe(kcs.methods.SimCLR, "digits", 5)
    measured[:] = [5000.0, 5000.0, 5000.0]
    fast = choosing.choose_recipe(kcs.methods.SimCLR, "digits", 5)
    assert slow.recipe.epochs < fast.recipe.epochs
    assert slow.seconds < 5 * 60 + automatic.START_SECONDS
    for chosen in (slow, fast):
        written = parse_recipe(yaml.safe_load(chosen.text))
        assert written.to_dict() == chosen.recipe.to_dict()


def test_settings_win_and_are_marked(measured):
    settings = ["epochs=2", "method.temperature=0.3", "encoder=resnet-18"]
    chosen = choosing.choose_recipe(kcs.methods.SimCLR, "digits", 5, settings)
    assert chosen.recipe.epochs == 2 and chosen.recipe.encoder.name == "resnet18"
    assert "# given with --set\nepochs: 2\n" in chosen.text
    assert "  # given with --set\n  temperature: 0.3\n" in chosen.text
    assert parse_recipe(yaml.safe_load(chosen.text)).to_dict() == chosen.recipe.to_dict()


def test_steps_are_timed_and_nothing_is_left_of_them():
    recipe = parse_recipe(content(batch_size=64, data={"source": "digits", "limit": 128}))
    rate, epoch_seconds = choosing.measure(recipe, 0.05)
    assert rate > 0 and 0 < epoch_seconds < 60


def test_from_a_folder_of_images_to_a_run(measured, tmp_path, rng):
    from tests.helpers.image_folders import write_image

    for number in range(12):
        pixels = rng.integers(0, 256, (40 + number, 50, 3), dtype="uint8")
        write_image(tmp_path / "My Photos" / f"{number}.png", pixels)
    out = tmp_path / "run"
    result = invoke("vic reg", "--data", tmp_path / "My Photos", "--out", out, *SMALL)
    assert result.exit_code == 0, result.output
    assert "12 images of 40 to 51 pixels, colour" in result.output
    assert "about " in result.output and "epochs of batches of 4" in result.output
    text = (out / "recipe.yaml").read_text()
    assert "# half of the 12 images at most" in text
    run = runs.Run(out)
    assert (run.recipe.name, run.recipe.method.name) == ("vicreg-my-photos", "VICReg")
    assert runs.is_finished(out)
    # The run's own recipe is gone on with, whatever would be measured now.
    measured.clear()
    result = invoke("vicreg", "--data", tmp_path / "My Photos", "--out", out, "--resume")
    assert result.exit_code == 0 and "nothing to resume" in result.output
    assert (out / "recipe.yaml").read_text() == text
    result = invoke("vicreg", "--data", tmp_path / "My Photos", "--out", out)
    assert isinstance(result.exception, kcs.InputError) and "not empty" in str(result.exception)


def test_the_recipe_alone_can_be_printed(measured, tmp_path):
    out = tmp_path / "run"
    result = invoke("Barlow-Twins", "--data", "digits", "--recipe-only", "--out", out)
    assert result.exit_code == 0
    recipe = parse_recipe(yaml.safe_load(result.stdout))
    assert recipe.method.name == "BarlowTwins" and recipe.name == "barlow-twins-digits"
    assert not out.exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["simsima", "--data", "digits"], "no such method. Unknown.*Did you mean 'SimSiam'"),
        (["simsiam"], "needs images"),
        (["missing.yaml"], "There is no recipe 'missing.yaml'"),
        (["some/where"], "There is no recipe 'some/where'"),
        (["missing.yaml", "--data", "digits"], "goes with the name of a method"),
        (["missing.yaml", "--recipe-only"], "goes with the name of a method"),
        (["simsiam", "--data", "digits", "--minutes", "0"], "--minutes is above 0"),
        (["simsiam", "--data", "digit"], "Did you mean 'digits'"),
    ],
)
def test_what_cannot_be_trained_is_said(arguments, message, tmp_path, monkeypatch):
    import re

    monkeypatch.chdir(tmp_path)
    result = invoke(*arguments)
    assert result.exit_code in (1, 2)
    said = f"{result.output} {result.exception}"
    assert re.search(message, re.sub(r"[\s│]+", " ", said)), said


@pytest.mark.slow
@pytest.mark.parametrize("method", ["SimCLR", "SimSiam", "BarlowTwins", "DINO", "SwAV", "MoCo"])
def test_what_is_chosen_for_digits_does_not_collapse(method, tmp_path):
    out = tmp_path / "run"
    result = invoke(method, "--data", "digits", "--minutes", "1.5", "--out", out)
    assert result.exit_code == 0, result.output
    metrics = runs.evaluate(runs.Run(out))
    verdicts = {name: report["verdict"] for name, report in metrics["collapse"].items()}
    assert set(verdicts.values()) == {"healthy"}, (verdicts, result.output)
    assert metrics["knn_accuracy"]["trained"] > 0.8
