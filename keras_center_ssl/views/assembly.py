"""From the strengths of a recipe to its views."""

from dataclasses import dataclass

from keras_center_ssl.errors import InputError
from keras_center_ssl.views.blur import RandomGaussianBlur
from keras_center_ssl.views.checks import check_probability, check_size
from keras_center_ssl.views.color_jitter import RandomColorJitter
from keras_center_ssl.views.composition import MultiView, View
from keras_center_ssl.views.resized_crop import RandomResizedCrop
from keras_center_ssl.views.solarize import RandomSolarize

SMALL = 64  # pixels: below it the literature uses its CIFAR settings


def view(
    size,
    *,
    area,
    aspect,
    flip,
    interpolation,
    brightness,
    contrast,
    saturation,
    hue,
    jitter_probability,
    grey,
    blur,
    sigma,
    solarize,
):
    """Crop, colour, blur, solarise. Steps that are off are left out: they would cost a pass."""
    layers = [RandomResizedCrop(size, area, aspect, flip, interpolation)]
    jitter = RandomColorJitter(brightness, contrast, saturation, hue, jitter_probability, grey)
    if (jitter_probability and (brightness or contrast or saturation or hue)) or grey:
        layers.append(jitter)
    if check_probability("blur", blur):
        layers.append(RandomGaussianBlur(sigma, blur))
    if check_probability("solarize", solarize):
        layers.append(RandomSolarize(solarize))
    return View(layers)


def alike(size, number_of_views, seed, **strengths):
    """The `MultiView` of so many views of one kind."""
    whole = isinstance(number_of_views, int) and not isinstance(number_of_views, bool)
    if not whole or number_of_views < 2:
        raise InputError(
            "`number_of_views` is how many views are made of each image, a whole number of at "
            f"least 2. Received: {number_of_views!r}."
        )
    # Each view has its own layers: a layer keeps a name and a generator, and can be looked at.
    return MultiView([view(size, **strengths) for _ in range(number_of_views)], seed=seed)


def pair(size, blur, solarize, **strengths):
    """BYOL's two views, which differ in `blur` and `solarize`; `blur=None` is the published one."""
    check_size("size", size)
    if blur is None:
        blur = (1.0, 0.1) if size >= SMALL else (0.0, 0.0)
    both = zip(_probabilities("blur", blur), _probabilities("solarize", solarize), strict=True)
    return [view(size, blur=b, solarize=s, **strengths) for b, s in both]


def _probabilities(name, value):
    if not isinstance(value, (tuple, list)) or len(value) != 2:
        raise InputError(
            f"`{name}` is a pair of probabilities, one for each of the two global views. "
            f"Received: {value!r}."
        )
    return tuple(check_probability(name, probability) for probability in value)


@dataclass(frozen=True)
class Local:
    """The local crops of a recipe: how many, their side in pixels and their share of the image."""

    count: int
    size: int
    area: tuple


def crops(size, local_size, strengths, *, global_area):
    """What of `strengths` says about crops, taken out of it: a `Local`, and the global `area`.

    `global_area` is the published one beside local crops, for a recipe that leaves it out.
    """
    check_size("size", size)
    count, local_area = strengths.pop("local_views"), strengths.pop("local_area")
    given_area = strengths.pop("global_area")
    if count is None:
        count = 6 if local_size is not None or size >= SMALL else 0
    if not isinstance(count, int) or isinstance(count, bool) or count < 0:
        raise InputError(
            "`local_views` is the number of small crops, a whole number of at least 0, or None for "
            f"the published one. Received: {count!r}."
        )
    if local_size is None:
        local_size = max(8, round(size * 96 / 224))  # the published ratio
    if given_area is None:
        given_area = global_area if count else (0.08, 1.0)
    return Local(count, check_size("local_size", local_size), local_area), given_area


def local_crops(local, strengths):
    """The views of the local crops."""
    return [view(local.size, area=local.area, **strengths) for _ in range(local.count)]
