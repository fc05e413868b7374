"""Trainings in trackers, offline: with stand-ins for the packages, and with real ones."""

import sys
import types

import keras
import pytest

import keras_center_ssl as kcs
from keras_center_ssl.runs.recipe import parse_recipe
from keras_center_ssl.runs.tracking import TRACKERS, tracked
from tests.runs.test_recipe import content

RECIPE = parse_recipe(content())


class Stand:
    """Stands for a package: whatever is called on it is noted."""

    def __init__(self):
        self.calls = []

    def __getattr__(self, name):
        def call(*arguments, **options):
            self.calls.append((name, arguments, options))
            return self

        return call

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.calls.append(("end", (), {}))

    def called(self, name):
        return [(arguments, options) for n, arguments, options in self.calls if n == name]


class Callback(keras.callbacks.Callback):
    pass


def stand_in(monkeypatch, name, **submodules):
    stand, module = Stand(), types.ModuleType(name)
    module.__getattr__ = lambda attribute: getattr(stand, attribute)
    module.__path__ = []
    monkeypatch.setitem(sys.modules, name, module)
    for path, attributes in submodules.items():
        sub = types.ModuleType(path)
        sub.__path__ = []
        vars(sub).update(attributes)
        monkeypatch.setitem(sys.modules, path.replace("__", "."), sub)
        setattr(module, path.split("__")[1], sub)
    return stand


def test_mlflow_gets_the_recipe_and_its_own_callback(monkeypatch, tmp_path):
    stand = stand_in(monkeypatch, "mlflow", mlflow__keras={"MlflowCallback": Callback})
    with tracked(["mlflow"], RECIPE, tmp_path / "first") as callbacks:
        assert [type(callback) for callback in callbacks] == [Callback]
        assert not stand.called("end")
    assert stand.called("start_run") == [((), {"run_name": "first"})]
    ((parameters,), _) = stand.called("log_params")[0]
    assert parameters["method.temperature"] == "0.2" and parameters["epochs"] == "2"
    assert stand.called("end")


def test_wandb_is_told_how_it_ended(monkeypatch, tmp_path):
    stand = stand_in(
        monkeypatch,
        "wandb",
        wandb__integration={},
        wandb__integration__keras={"WandbMetricsLogger": Callback},
    )
    with tracked(["wandb"], RECIPE, tmp_path / "first") as callbacks:
        assert len(callbacks) == 1
    assert stand.called("init")[0][1]["config"]["method"]["name"] == "SimCLR"
    with pytest.raises(RuntimeError), tracked(["wandb"], RECIPE, tmp_path / "first"):
        raise RuntimeError("a step failed")
    codes = [options["exit_code"] for _, options in stand.called("finish")]
    assert codes == [0, 1]


def test_trackio_gets_every_epoch(monkeypatch, tmp_path):
    stand = stand_in(monkeypatch, "trackio")
    with tracked(["trackio"], RECIPE, tmp_path / "first") as (callback,):
        callback.on_epoch_end(3, {"loss": 0.5, "center_norm": 0.01})
    assert stand.called("log") == [(({"loss": 0.5, "center_norm": 0.01},), {"step": 3})]
    assert stand.called("finish")


def test_tensorboard_is_there_anyway(tmp_path):
    said = []
    with tracked(["tensorboard", "tensorboard"], RECIPE, tmp_path / "x", said.append) as callbacks:
        assert callbacks == [] and len(said) == 1
    assert said[0].startswith("TensorBoard: tensorboard --logdir ")


@pytest.mark.parametrize("name", ["mlflow", "wandb", "trackio"])
def test_what_is_not_installed_is_a_sentence(monkeypatch, tmp_path, name):
    monkeypatch.setitem(sys.modules, name, None)
    words = rf"--tracker {name} needs .*pip install 'keras-center-ssl\[{name}\]'"
    with pytest.raises(kcs.MissingExtra, match=words), tracked([name], RECIPE, tmp_path):
        pytest.fail("it began")


def test_an_unknown_tracker_is_named_before_anything_begins(monkeypatch, tmp_path):
    stand = stand_in(monkeypatch, "trackio")
    with pytest.raises(kcs.InputError, match="Did you mean 'mlflow'"):
        with tracked(["trackio", "mlfow"], RECIPE, tmp_path):
            pytest.fail("it began")
    assert stand.calls == [] and set(TRACKERS) == {"mlflow", "tensorboard", "trackio", "wandb"}


@pytest.mark.parametrize("name", ["mlflow", "wandb", "trackio"])
def test_the_real_package_takes_a_training(monkeypatch, tmp_path, name):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'mlflow.db'}")
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_SILENT", "true")
    monkeypatch.setenv("TRACKIO_DIR", str(tmp_path / "trackio"))
    # Some read their settings when they are imported.
    pytest.importorskip(name, reason=f"{name} (extra `{name}`) is not installed")
    import numpy as np

    from tests.helpers.method_checks import tiny_encoder

    model = kcs.methods.SimCLR(tiny_encoder(), hidden_dim=8, output_dim=8)
    model.compile("sgd")
    views = tuple(np.random.default_rng(0).random((2, 32, 8, 8, 1), dtype="float32"))
    with tracked([name], RECIPE, tmp_path / "first") as callbacks:
        model.fit(views, batch_size=16, epochs=2, verbose=0, callbacks=callbacks)
    assert [path for path in tmp_path.rglob("*") if path.is_file()], "nothing was written"
