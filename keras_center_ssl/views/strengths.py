"""The strengths that view recipes share: names, types and defaults, and signatures made of them.

A recipe is a function of a size and of `**strengths`. `recipe` gives it the keywords of one of the
groups below, each with its type and its published default, so that a recipe itself states only
what is its own.
"""

import functools
import inspect
from collections.abc import Callable
from typing import TypedDict, get_type_hints


class Strengths(TypedDict, total=False):
    """What every recipe takes, as keywords.

    aspect: smallest and largest width / height of a crop.
    flip: probability of a horizontal flip.
    interpolation: `"bicubic"` or `"bilinear"`.
    brightness, contrast, saturation, hue: half-widths of `RandomColorJitter`.
    jitter_probability: share of images whose colours are changed.
    grey: share of images turned grey.
    sigma: smallest and largest standard deviation of the blur, in pixels.
    seed: where the layer's own random generator starts; `tf.data` pipelines pass seeds instead.
    """

    aspect: tuple[float, float]
    flip: float
    interpolation: str
    brightness: float
    contrast: float
    saturation: float
    hue: float
    jitter_probability: float
    grey: float
    sigma: tuple[float, float]
    seed: int | None


class Alike(Strengths, total=False):
    """Views that are all of one kind."""

    area: tuple[float, float]
    blur: float
    solarize: float
    number_of_views: int


class AlikeBySize(Strengths, total=False):
    """Views that are all of one kind, blurred or not by their size where `blur` is None."""

    area: tuple[float, float]
    blur: float | None
    solarize: float
    number_of_views: int


class Pair(Strengths, total=False):
    """Two views of different kinds: one probability for each."""

    area: tuple[float, float]
    blur: tuple[float, float] | None
    solarize: tuple[float, float]


class LocalCrops(Strengths, total=False):
    """Two global views and several local ones, all of one kind."""

    global_area: tuple[float, float] | None
    local_area: tuple[float, float]
    local_views: int | None
    blur: float
    solarize: float


class PairAndLocalCrops(Strengths, total=False):
    """Two global views of different kinds, and several local ones."""

    global_area: tuple[float, float] | None
    local_area: tuple[float, float]
    local_views: int | None
    blur: tuple[float, float] | None
    local_blur: float | None
    solarize: tuple[float, float]


# Where a recipe states nothing else. BYOL's colours, which most later methods took over.
DEFAULTS = {
    "area": (0.08, 1.0),
    "global_area": None,
    "local_views": None,
    "aspect": (3 / 4, 4 / 3),
    "flip": 0.5,
    "interpolation": "bicubic",
    "brightness": 0.4,
    "contrast": 0.4,
    "saturation": 0.2,
    "hue": 0.1,
    "jitter_probability": 0.8,
    "grey": 0.2,
    "blur": None,
    "local_blur": None,
    "sigma": (0.1, 2.0),
    "number_of_views": 2,
    "seed": None,
}


def recipe(group: type, **published) -> Callable:
    """Decorates a function `(size, **strengths)`: its keywords become those of `group`.

    The function is called with every strength, given or default. `inspect.signature` of the result
    shows the keywords with types and defaults: the YAML recipes are checked against it.

    Args:
        group: a `TypedDict`, one of the above.
        published: the defaults that differ from `DEFAULTS`.
    """

    def decorate(function):
        own = inspect.signature(function)
        *leading, _strengths = own.parameters.values()
        defaults = {**DEFAULTS, **published}
        keywords = [
            inspect.Parameter(
                name, inspect.Parameter.KEYWORD_ONLY, default=defaults[name], annotation=kind
            )
            for name, kind in get_type_hints(group).items()
        ]
        signature = own.replace(parameters=[*leading, *keywords])

        @functools.wraps(function)
        def call(*arguments, **strengths):
            bound = signature.bind(*arguments, **strengths)
            bound.apply_defaults()
            return function(*bound.args, **bound.kwargs)

        call.__signature__ = signature
        return call

    return decorate
