"""A method's constructor arguments, which it keeps as attributes of those names: its config."""

import copy
import inspect
import re

import keras

from keras_center_ssl.errors import InputError, nearest

# What every `keras.Model` takes besides; left out of the config.
_OF_KERAS = ("trainable", "dtype", "autocast", "activity_regularizer")


def names(method, base):
    """Names of a method's constructor arguments, those of its `base` last, `name` left out.

    A method that extends another has that one's, too, where its constructor passes them on.
    """
    found = []
    for cls in method.__mro__:
        if not issubclass(cls, base) or "__init__" not in vars(cls):
            continue
        for parameter in inspect.signature(cls.__init__).parameters.values():
            keyword = parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
            if keyword and parameter.name not in ("self", "name", *found):
                found.append(parameter.name)
        kinds = {p.kind for p in inspect.signature(cls.__init__).parameters.values()}
        if inspect.Parameter.VAR_KEYWORD not in kinds:
            break
    return found


def check_names(method, base, given):
    """Raises for arguments that neither the method nor Keras has."""
    for name in given:
        if name not in _OF_KERAS:
            known = sorted(names(method, base))
            raise InputError(
                f"{method.__name__} has no argument {name!r}.{nearest(name, known)} Accepted: "
                f"{', '.join(known)}."
            )


def config_of(model, base):
    """The arguments that a model was made with, as values that JSON can hold."""
    config = {"name": model.name}
    for name in names(type(model), base):
        value = getattr(model, name)
        if isinstance(value, keras.Model):
            value = keras.saving.serialize_keras_object(value)
        config[name] = value
    return config


def arguments_from(config, custom_objects=None):
    """The arguments that `config_of` wrote, the encoder made anew."""
    # A copy: Keras empties what it reads, and a config may be read twice.
    encoder = keras.saving.deserialize_keras_object(
        copy.deepcopy(config["encoder"]), custom_objects=custom_objects
    )
    return {**config, "encoder": encoder}


def made(method, arguments):
    """A method of its arguments, but for those that its constructor sets itself, as a subclass may.

    Which these are shows in the call alone: `super().__init__(encoder, temperature=0.1, **kwargs)`.
    """
    arguments = dict(arguments)
    while True:
        try:
            return method(**arguments)
        except TypeError as error:
            twice = re.search(r"multiple values for keyword argument '(\w+)'", str(error))
            if not twice or twice[1] not in arguments:
                raise
            del arguments[twice[1]]


def check_precision(model):
    """Raises where weights would be kept in 16 bits, in the encoder or in heads to come."""
    kept = {keras.backend.standardize_dtype(w.dtype) for w in model.encoder.trainable_weights}
    kept.add(keras.config.dtype_policy().variable_dtype)
    for dtype in ("float16", "bfloat16"):
        if dtype in kept:
            raise InputError(
                f"{type(model).__name__} keeps its weights in float32; received a policy or an "
                f"encoder with weights in {dtype}, where small updates are lost. To compute in 16 "
                f"bits, call keras.config.set_dtype_policy('mixed_{dtype}') before the encoder is "
                "made."
            )
