"""All that a training changes, as named arrays: how a checkpoint holds it and puts it back."""

import contextlib

import keras
import numpy as np

from keras_center_ssl.engine.keras_internals import global_seed_generator
from keras_center_ssl.errors import DivergenceError, InputError

MADE_WITH = (
    "Resume with the model, optimizer and data that it was made with, or give another folder for "
    "a new training."
)


def arrays_of(model, step):
    """Name to variable, for all variables of a training; weights that are not finite raise.

    Args:
        model: The `keras.Model`, compiled.
        step: Steps done, for the message.
    """
    return {
        f"{group}/{number}/{variable.path}": _Value(variable, step)
        for group, variables in _groups(model).items()
        for number, variable in enumerate(variables)
    }


def assign(model, arrays):
    """Gives all variables the values that `arrays_of` named."""
    for group, variables in _groups(model, like=arrays).items():
        for variable, (_, array) in zip(variables, _group(arrays, group), strict=True):
            variable.assign(array)


def check_same_model(model, arrays, path, made_by):
    """Raises `InputError` unless the arrays of the checkpoint `path` fit this model."""
    for group, variables in _groups(model, like=arrays).items():
        saved = _group(arrays, group)
        mine = [(variable.path, tuple(variable.shape)) for variable in variables]
        theirs = [(name, tuple(array.shape)) for name, array in saved]
        if [shape for _, shape in mine] == [shape for _, shape in theirs]:
            continue
        pairs = [p for p in zip(mine, theirs, strict=False) if p[0][1] != p[1][1]]
        differs = f"{len(mine)} variables here, {len(theirs)} there"
        if pairs:
            (path_here, shape), (path_there, other) = pairs[0]
            differs = f"{path_here} {shape} here, {path_there} {other} there"
        raise InputError(
            f"The checkpoint {str(path)!r} is of another {group} ({made_by}): {differs}. "
            f"{MADE_WITH}"
        )


class _Value:
    """A variable that is fetched when it is written, and looked at if it is a weight."""

    def __init__(self, variable, step):
        self._variable, self._at = variable, step
        self.dtype, self.shape = variable.dtype, variable.shape

    def __array__(self, dtype=None, copy=None):
        values = keras.ops.convert_to_numpy(self._variable)
        # Activations can hide it from the loss: TensorFlow's ReLU of NaN is 0 on a CPU.
        if self._variable.trainable and not np.isfinite(values.astype("float32")).all():
            raise DivergenceError(
                f"The weight {self._variable.path!r} is NaN or infinite after step {self._at}: "
                "its gradient was not finite, or the learning rate was too high. No checkpoint "
                "was written of it.",
                step=self._at,
            )
        return values


def _groups(model, like=None):
    """Variables of all that a training changes, by group; of `like`, an earlier result's names."""
    groups = {"model": model.variables}
    if getattr(model, "optimizer", None) is not None:
        if not model.optimizer.built:
            model.optimizer.build(model.trainable_variables)
        groups["optimizer"] = model.optimizer.variables
    # Random layers without a seed of their own.
    wanted = like is not None and bool(_group(like, "seeds"))
    with contextlib.suppress(ImportError):
        generator = global_seed_generator(create=wanted)
        if generator is not None and (like is None or wanted):
            groups["seeds"] = [generator.state]
    return groups


def _group(arrays, group):
    """Pairs of (path, array) of a group, in its order."""
    return [
        (name.split("/", 2)[2], array)
        for name, array in arrays.items()
        if name.split("/", 1)[0] == group
    ]
