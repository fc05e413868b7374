"""A recipe that is chosen for the data and the time, and corrected by measuring a few steps."""

import dataclasses
import pathlib
import tempfile
import time

import keras

from keras_center_ssl import data
from keras_center_ssl.engine.cpu import has_fast_bfloat16
from keras_center_ssl.runs import automatic
from keras_center_ssl.runs.commented import commented_yaml
from keras_center_ssl.runs.folder import save_model
from keras_center_ssl.runs.looking import look
from keras_center_ssl.runs.recipe import parse_recipe, with_settings

# Another encoder is chosen, and measured, at most so often.
_MEASUREMENTS = 2
# Steps that are passed over, in which the training is traced; and the most that are timed.
_FIRST_STEPS, _TIMED_STEPS = 3, 40


@dataclasses.dataclass(frozen=True)
class Chosen:
    """A recipe for some data.

    Attributes:
        recipe: The `Recipe`.
        text: Its YAML, with a reason for each choice.
        seconds: How long the training will take.
        images_per_second: As it was measured.
    """

    recipe: object
    text: str
    seconds: float
    images_per_second: float


def choose_recipe(method, source, minutes=20.0, settings=(), say=None):
    """Looks at the data, chooses a recipe for it, and measures how fast it trains.

    Args:
        method: A class of `methods.METHODS`.
        source: As in a recipe's `data.source`.
        minutes: How long the training may take.
        settings: Changes to what is chosen, as `load_recipe` takes them.
        say: Called with a sentence on what is found.

    Returns:
        A `Chosen`.

    Raises:
        InputError: For what is wrong with the data, the settings or the time.
    """
    say = say or (lambda text: None)
    began = time.monotonic()
    about = look(source)
    say(f"{source}: {about.summary()}.")
    fast = has_fast_bfloat16()
    plan = automatic.choose(method, about, minutes, fast_bfloat16=fast)
    recipe = _recipe(plan, settings)
    for _ in range(_MEASUREMENTS):
        say("Timing a few steps.")
        rate, epoch_seconds = measure(recipe, min(5.0, 3.0 * minutes))
        speed = rate * plan.operations
        # What has been spent so far is part of the time, but leaves most of it.
        left = max(minutes - (time.monotonic() - began) / 60, minutes / 2)
        measured = plan
        plan = automatic.choose(method, about, left, speed, epoch_seconds, fast)
        recipe = _recipe(plan, settings)
        if plan.operations == measured.operations:
            break
    rate = plan.images_per_second
    epoch = epoch_seconds + about.count // recipe.batch_size * recipe.batch_size / rate
    heading = (
        f"Chosen by center-ssl train for {about.summary()}, and {minutes:g} minutes. Keys without "
        "a reason are the method's defaults or follow from the others."
    )
    return Chosen(
        recipe,
        commented_yaml(_as_given(plan.recipe, recipe, settings), _kept(plan, settings), heading),
        automatic.START_SECONDS + recipe.epochs * epoch,
        rate,
    )


def _recipe(plan, settings):
    return parse_recipe(with_settings(plan.recipe, settings), name="The chosen recipe")


def _as_given(chosen, recipe, settings):
    """What the recipe's YAML shows: the choices, changed by the settings, in full spelling."""
    resolved = recipe.to_dict()
    shown = {}
    for key, value in with_settings(chosen, settings).items():
        whole = resolved[key]
        # Of a section the keys that were chosen or set; those left out have their defaults.
        shown[key] = {name: whole[name] for name in value} if isinstance(value, dict) else whole
    return shown


def _kept(plan, settings):
    """The reasons; of what the caller has set himself, that he did."""
    names = [setting.partition("=")[0].strip() for setting in settings]
    return {**plan.reasons, **{name: "given with --set" for name in names}}


@data.input_errors()
def measure(recipe, seconds=5.0):
    """How fast a recipe trains here, over a few steps; nothing is kept of them.

    Args:
        recipe: A `Recipe`.
        seconds: How long to look, after the first steps, in which the training is traced.

    Returns:
        Images a second, and the seconds that an epoch takes beside its steps.
    """
    source = recipe.data.open("train")
    model = recipe.build_model(source.image_shape)
    recipe.compile(model, source.image_shape, max(1, source.count // recipe.batch_size))
    dataset = recipe.build_dataset(source, source.image_shape)
    timer = _Timer(seconds)
    model.fit(dataset, epochs=_FIRST_STEPS + _TIMED_STEPS, verbose=0, callbacks=[timer])
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        save_model(model, pathlib.Path(folder) / "model.keras")
    # At its end an epoch is saved twice, as a model and as a checkpoint.
    epoch_seconds = 2 * (time.monotonic() - began) + automatic.EPOCH_SECONDS / 4
    keras.backend.clear_session(free_memory=True)
    return recipe.batch_size * timer.steps / timer.spent, epoch_seconds


class _Timer(keras.callbacks.Callback):
    """Times steps, the wait for their images among them, and ends the training."""

    def __init__(self, seconds):
        super().__init__()
        self._seconds = seconds
        self._seen = 0
        self.steps, self.spent = 0, 0.0

    def on_train_batch_begin(self, batch, logs=None):
        self._began = time.monotonic()

    def on_train_batch_end(self, batch, logs=None):
        float(logs["loss"])  # waits for the step where the device works on its own
        self._seen += 1
        if self._seen > _FIRST_STEPS:
            self.steps += 1
            self.spent += time.monotonic() - self._began
        if self.spent > self._seconds or self.steps >= _TIMED_STEPS:
            self.model.stop_training = True
