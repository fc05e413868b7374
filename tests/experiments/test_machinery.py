"""The experiments' folders: whole, resumable; what has to hold in small does."""

import importlib
import pathlib
import sys

import keras
import numpy as np
import pytest

from keras_center_ssl import experiments, losses
from tests.helpers.gradient_checks import value_and_gradients

FOLDER = pathlib.Path(__file__).parents[2] / "training" / "experiments"
FOUND = experiments.list_experiments(FOLDER)
IDS = [experiment.id for experiment in FOUND]


@pytest.fixture(scope="module")
def run():
    before = list(sys.path), set(sys.modules)
    sys.path.insert(0, str(FOLDER))
    yield importlib.import_module("run")
    sys.path[:] = before[0]
    for name in set(sys.modules) - before[1]:
        if name.split(".")[0] in ("run", "common") or name.startswith("experiment_"):
            del sys.modules[name]


def room(run, name):
    """A module of training/experiments/common."""
    return importlib.import_module(f"common.{name}")


@pytest.mark.parametrize("experiment", FOUND, ids=IDS)
def test_a_folder_is_whole(run, experiment):
    account = experiment.account
    assert account.startswith(f"# {experiment.id}: {experiment.title}\n")
    parts = ("**Question.**", "## Prediction", "**Refuted by**", "## Setting", "<!-- result -->")
    places = [account.index(part) for part in parts]
    assert places == sorted(places)
    assert f"**Verdict: {experiment.verdict}" in account
    for kind, most in (("png", 300_000), ("gif", 400_000)):
        for picture in experiment.folder.glob(f"*.{kind}"):
            assert picture.stat().st_size < most, picture.name
    module = run.load(experiment)
    for quick in (True, False):
        settings = module.settings(quick)
        assert all("seed" in setting for setting in settings)
        assert len({tuple(setting.items()) for setting in settings}) == len(settings)
    for name in ("measure", "judge", "draw", "check"):
        assert callable(getattr(module, name))


@pytest.mark.parametrize("experiment", FOUND, ids=IDS)
def test_what_stands_in_the_readme_follows_from_the_results(run, experiment):
    module = run.load(experiment)
    results = room(run, "results").Results(
        experiment.folder / "results.csv", module.settings(False)
    )
    rows = results.whole_seeds()
    if not rows:
        assert experiment.verdict == experiments.NOT_RUN
        return
    verdict = module.judge(rows)
    assert verdict.word == experiment.verdict
    assert verdict.markdown() in experiment.account


def test_the_index_is_current(run):
    page = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert room(run, "readme").index(FOUND) in page


def test_results_are_resumed(run, tmp_path):
    settings = [{"case": c, "weight": 1.0, "seed": s} for s in (1, 2) for c in ("a", "b")]
    path = tmp_path / "results.csv"
    results = room(run, "results").Results(path, settings)
    for setting in settings[:3]:
        results.add(setting, [{"x": 1.0}, {"x": 2.0}])
    with open(path, "a") as file:
        file.write("b,")  # killed while it wrote
    again = room(run, "results").Results(path, settings)
    assert [again.holds(setting) for setting in settings] == [True, True, True, False]
    assert again.progress == (3, 4)
    assert {row["seed"] for row in again.whole_seeds()} == {"1"}
    again.add(settings[3], [{"x": 3.0}])
    last = room(run, "results").Results(path, settings)
    assert last.progress == (4, 4)
    assert len(last.whole_seeds()) == 7


def test_a_decisive_part_decides(run):
    verdict = room(run, "verdict")
    assert verdict.Verdict().add("a", True, "").add("b", True, "", True).word == "confirmed"
    assert verdict.Verdict().add("a", True, "").add("b", False, "", True).word == "refuted"
    assert (
        verdict.Verdict().add("a", False, "").add("b", True, "", True).word == "confirmed in part"
    )
    assert verdict.Verdict().add("a", False, "").add("b", None, "", True).word == "undecided"


def test_an_interval_is_students(run):
    rows = [{"x": "1"}, {"x": "2"}, {"x": "3"}]
    low, high = room(run, "statistics").interval(rows, "x")
    assert (low, high) == pytest.approx((2 - 4.303 / 3**0.5, 2 + 4.303 / 3**0.5), abs=1e-3)


def test_the_toys_gradient_is_that_of_the_librarys_loss(run):
    toy = room(run, "toy")
    latents = toy.Latents(16, np.random.default_rng(0), bias=True, shift=3.0)
    x1, x2 = latents.views(np.arange(16))
    weights = np.random.default_rng(1).standard_normal((2, latents.dim, 4)).astype("float32")
    found = toy.gradient(weights, x1, x2, np.array([0.3, 2.0], "float32"))
    for k, center_weight in enumerate((0.3, 2.0)):
        _, (expected,) = value_and_gradients(
            lambda w, c=center_weight: losses.center(x1 @ w, x2 @ w, c), weights[k]
        )
        np.testing.assert_allclose(found[k], expected, rtol=1e-4, atol=1e-5)


def test_effective_and_nominal_weight_are_each_others_inverse(run):
    toy = room(run, "toy")
    for batch in (4, 64):
        assert toy.effective_weight(toy.nominal_weight(0.1, batch), batch) == pytest.approx(0.1)


def test_mean_and_rest_are_the_whole_of_info_nces_repulsion(run):
    objectives = room(run, "objectives")
    z1, z2 = np.random.default_rng(2).standard_normal((2, 6, 5)).astype("float32")

    def parts(a, b):
        squared = losses.center(a, b, 1.0) - losses.center(a, b, 0.0)
        return squared + objectives.local_repulsion(a, b, 0.5)

    def whole(a, b):
        return 0.5 * losses.nt_xent(a, b, 0.5) - losses.negative_cosine(a, b)

    found, expected = (value_and_gradients(loss, z1, z2)[1] for loss in (parts, whole))
    for mine, theirs in zip(found, expected, strict=True):
        # NT-Xent leaves a pair of a vector with itself out, the mean does not: along z, no matter.
        np.testing.assert_allclose(mine, theirs, rtol=1e-4, atol=1e-5)


def test_the_small_version_of_t1_has_its_outcome(run, tmp_path):
    run.run_quick(experiments.find_experiment("T1", FOLDER), tmp_path)
    assert (tmp_path / "t1_toy_boundary" / "phase_diagram.png").is_file()


@pytest.mark.tensorflow
def test_the_small_version_of_t2_has_its_outcome(run, tmp_path):
    if keras.backend.backend() != "tensorflow":
        pytest.skip("for TensorFlow")
    run.run_quick(experiments.find_experiment("T2", FOLDER), tmp_path)
    assert (tmp_path / "t2_toy_simsiam" / "training.png").is_file()
