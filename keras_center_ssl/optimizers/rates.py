"""Learning rates of single variables."""

import keras

from keras_center_ssl.engine.keras_internals import learning_rate_or_schedule, variable_index
from keras_center_ssl.errors import InputError


def base_learning_rate(optimizer):
    """The rate at which a schedule's warm-up ends, or the constant rate where there is none."""
    rate = learning_rate_or_schedule(_inner(optimizer))
    if isinstance(rate, keras.optimizers.schedules.LearningRateSchedule):
        for name in ("base_learning_rate", "warmup_target", "initial_learning_rate"):
            if getattr(rate, name, None) is not None:
                return float(getattr(rate, name))
        return float(rate(0))
    return float(keras.ops.convert_to_numpy(optimizer.learning_rate))


def hold_learning_rate(optimizer, variables, rate):
    """Makes `optimizer` update `variables` at the constant `rate`, whatever its schedule says.

    Exact for every Keras optimizer (momenta included), since the rate is replaced where a
    variable is updated. Decoupled weight decay still follows the schedule.

    Raises:
        InputError: If the optimizer lacks one of the variables.
    """
    optimizer = _inner(optimizer)
    update_step = optimizer.update_step

    def update(gradient, variable, learning_rate):
        held = {variable_index(optimizer, each) for each in variables}
        held_here = variable_index(optimizer, variable) in held
        return update_step(
            gradient,
            variable,
            keras.ops.cast(rate, learning_rate.dtype) if held_here else learning_rate,
        )

    if not variables:
        raise InputError("hold_learning_rate was given no variables to hold.")
    optimizer.update_step = update


def _inner(optimizer):
    """The optimizer itself where mixed precision wraps it for loss scaling."""
    return getattr(optimizer, "inner_optimizer", optimizer)
