"""Trainings in experiment trackers, by the trackers' own Keras callbacks where they have one.

- `mlflow`: `mlflow.keras.MlflowCallback`, into what `MLFLOW_TRACKING_URI` says.
- `wandb`: `wandb.integration.keras.WandbMetricsLogger`, into the account that is logged in, or with
  `WANDB_MODE=offline` into a folder.
- `trackio`: it has none, so that a callback of ours calls `trackio.log`; on this machine, or with
  `TRACKIO_SPACE_ID` into a Space.
- `tensorboard`: `keras.callbacks.TensorBoard`, which every run folder has without being asked.
"""

import contextlib
import pathlib

import keras

from keras_center_ssl.errors import needs, one_of
from keras_center_ssl.runs.comparing import flat

# Trainings of one command are found together.
PROJECT = "keras-center-ssl"


@contextlib.contextmanager
def tracked(names, recipe, out, say=None):
    """Begins a run in each tracker, gives the callbacks for `fit`, and ends the runs.

    Args:
        names: Some of `TRACKERS`.
        recipe: The `Recipe`, which is logged as parameters.
        out: The run folder; its name is that of the runs.
        say: Called with a sentence on where to look.

    Yields:
        A list of Keras callbacks.

    Raises:
        InputError: For an unknown tracker.
        MissingExtra: For one that is not installed.
    """
    for name in names:
        if name not in TRACKERS:
            raise one_of("tracker", name, TRACKERS)
    with contextlib.ExitStack() as stack:
        say = say or (lambda text: None)
        folder = pathlib.Path(out)
        yield [
            callback
            for name in dict.fromkeys(names)
            for callback in stack.enter_context(TRACKERS[name](recipe, folder, say))
        ]


@contextlib.contextmanager
def _mlflow(recipe, out, say):
    with needs("--tracker mlflow", "mlflow"):
        import mlflow
        import mlflow.keras

    mlflow.set_experiment(PROJECT)
    with mlflow.start_run(run_name=out.name):
        # MLflow refuses values of more than some hundred signs.
        mlflow.log_params({key: str(value)[:250] for key, value in flat(recipe.to_dict())})
        say(f"MLflow: run {out.name} in {mlflow.get_tracking_uri()}")
        yield [mlflow.keras.MlflowCallback()]


@contextlib.contextmanager
def _wandb(recipe, out, say):
    with needs("--tracker wandb", "wandb"):
        import wandb
        from wandb.integration.keras import WandbMetricsLogger

    run = wandb.init(project=PROJECT, name=out.name, config=recipe.to_dict())
    code = 1
    try:
        say(f"Weights & Biases: run {out.name} in {run.url or run.dir}")
        yield [WandbMetricsLogger()]
        code = 0
    finally:
        run.finish(exit_code=code)


@contextlib.contextmanager
def _trackio(recipe, out, say):
    with needs("--tracker trackio", "trackio"):
        import trackio

    trackio.init(PROJECT, name=out.name, config=dict(flat(recipe.to_dict())), embed=False)
    try:
        say(f"Trackio: run {out.name}. To look: trackio show --project {PROJECT}")
        yield [_Log(trackio.log)]
    finally:
        trackio.finish()


@contextlib.contextmanager
def _tensorboard(recipe, out, say):
    with needs("--tracker tensorboard", "tensorboard"):
        import tensorboard  # noqa: F401

    say(f"TensorBoard: tensorboard --logdir {out / 'tensorboard'}")
    yield []  # every training has it


class _Log(keras.callbacks.Callback):
    """Hands an epoch's figures to a function."""

    def __init__(self, log):
        super().__init__()
        self._log = log

    def on_epoch_end(self, epoch, logs=None):
        self._log({name: float(value) for name, value in (logs or {}).items()}, step=epoch)


TRACKERS = {
    "mlflow": _mlflow,
    "tensorboard": _tensorboard,
    "trackio": _trackio,
    "wandb": _wandb,
}
