"""A recipe in the words of the peer: what both sides of `time_to_accuracy.py` do alike."""

import inspect

from keras_center_ssl import encoders, methods, views
from keras_center_ssl.errors import InputError

NETWORK = ("width", "blocks", "grid")
METHODS = {
    "SimCLR": ("temperature", "hidden_dim", "output_dim", "batch_norm"),
    "CenterSSL": (
        "center_weight",
        "decorrelation_weight",
        "hidden_dim",
        "output_dim",
        "batch_norm",
    ),
}
COLOURS = ("saturation", "hue", "grey")
VIEWS = (
    "area",
    "aspect",
    "flip",
    "interpolation",
    "brightness",
    "contrast",
    *COLOURS,
    "jitter_probability",
    "blur",
    "sigma",
)


def peer_options(recipe, image_shape):
    """Options of `peer/accuracy.py` that stand for a recipe.

    Args:
        recipe: A `Recipe` with `resnet_small`, SimCLR's views, a method of `METHODS` and SGD.
        image_shape: `(height, width, channels)`.

    Returns:
        A dict; of what the recipe leaves open it has this library's defaults.

    Raises:
        InputError: For what the peer's side has no code for.
    """
    _one_of("encoder", recipe.encoder.name, ["resnet_small"])
    _one_of("views", recipe.views.name, ["simclr"])
    _one_of("method", recipe.method.name, list(METHODS))
    _one_of("optimizer", recipe.optimizer.name, ["sgd"])
    size = recipe.views.arguments.get("size", image_shape[0])
    given = {name: value for name, value in recipe.views.arguments.items() if name != "size"}
    strengths = _filled("views", views.simclr, given, VIEWS)
    if image_shape[-1] == 1:  # there they change nothing, and a user would leave them out
        strengths |= dict.fromkeys(COLOURS, 0.0)
    name = recipe.method.name
    method = _filled("method", methods.METHODS[name], recipe.method.arguments, METHODS[name])
    return {
        "network": _filled("encoder", encoders.resnet_small, recipe.encoder.arguments, NETWORK),
        "method": [name, method],
        "views": {"size": size, **strengths},
        "optimizer": {"lr": recipe.optimizer.learning_rate, **_sgd(recipe.optimizer.arguments)},
        "batch_size": recipe.batch_size,
    }


def _filled(section, function, given, names):
    """The arguments `names` of a function: those given, else its defaults."""
    _known(section, given, names)
    parameters = inspect.signature(function).parameters
    return {name: given.get(name, parameters[name].default) for name in names}


def _sgd(given):
    _known("optimizer", given, ("momentum", "nesterov"))
    return given


def _known(section, given, names):
    unknown = sorted(set(given) - set(names))
    if unknown:
        raise InputError(
            f"The peer has no {', '.join(unknown)} for the recipe's {section}. Accepted: "
            f"{', '.join(names)}."
        )


def _one_of(section, name, known):
    if name not in known:
        raise InputError(
            f"Received a recipe whose {section} is {name!r}. The peer has: {', '.join(known)}."
        )
