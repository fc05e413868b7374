"""A recipe that suits the data and the time, with a reason for each choice; no training needed.

```python
about = DataDescription("photos", count=300, shorter_side=480, color=True, one_size=False)
plan = choose("SimSiam", about, minutes=20)
plan.recipe["batch_size"], plan.reasons["batch_size"]
```

What depends on the method comes from its class: `suggested_views`, `suggested_optimizer`, and the
defaults in its constructor's signature, so that a new method needs no entry here.
"""

import dataclasses
import math

from keras_center_ssl import keras_needed  # noqa: F401
from keras_center_ssl.errors import InputError
from keras_center_ssl.runs.encoder_sizes import candidates
from keras_center_ssl.runs.method_sizes import method_arguments, parameters
from keras_center_ssl.runs.spelling import run_name

# Images below which there is nothing to learn from, and batches are too small to compare.
FEWEST = 8
# Floating-point operations a second: a guess for two CPU cores, until it is measured.
SPEED = 6e10
# Seconds that an epoch takes beside its steps (figures, checkpoints), and a training's beginning.
EPOCH_SECONDS, START_SECONDS = 1.0, 20.0
# Images that a training should see before a larger encoder or size is worth its time.
_WANTED_IMAGES, _WANTED_EPOCHS = 50_000, 8


@dataclasses.dataclass(frozen=True)
class DataDescription:
    """What is known of a set of images before it is trained on.

    Attributes:
        source: As in a recipe's `data.source`.
        count: Number of images.
        shorter_side: Of the images, in pixels; where they differ, of the smaller ones.
        color: Whether there is colour in them.
        stored_channels: How many channels the images come with.
        one_size: Whether all have one size.
        square: Whether height and width are the same.
        smallest, largest: Shortest and longest side that was seen, for the summary.
        looked_at, broken: How many were opened, and how many of these cannot be read.
    """

    source: str
    count: int
    shorter_side: int
    color: bool
    stored_channels: int = 3
    one_size: bool = True
    square: bool = True
    smallest: int | None = None
    largest: int | None = None
    looked_at: int = 0
    broken: int = 0

    def summary(self):
        """One line for people."""
        low, high = self.smallest or self.shorter_side, self.largest or self.shorter_side
        size = f"{low} to {high} pixels" if low != high else f"{low} pixels"
        words = f"{self.count:,} images of {size}, {'colour' if self.color else 'grey'}"
        if self.broken:
            words += f"; {self.broken} of the {self.looked_at} opened cannot be read"
        return words


@dataclasses.dataclass(frozen=True)
class Plan:
    """What was chosen.

    Attributes:
        recipe: Nested dicts, as `parse_recipe` takes them.
        reasons: dict, key of the recipe (`"method.temperature"`) -> a sentence.
        operations: Floating-point operations that the training takes for one image.
        images_per_second: What was reckoned with.
        seconds: How long the training will take.
    """

    recipe: dict
    reasons: dict
    operations: float
    images_per_second: float
    seconds: float


def choose(
    method, about, minutes=20.0, speed=SPEED, epoch_seconds=EPOCH_SECONDS, fast_bfloat16=False
):
    """A recipe for a method on some data.

    Args:
        method: A class of `methods.METHODS`.
        about: A `DataDescription`.
        minutes: How long the training may take, above 0.
        speed: Floating-point operations a second that this machine does while it trains. Where
            `s` images a second were measured with a plan, it is `s * plan.operations`.
        epoch_seconds: What an epoch takes beside its steps.
        fast_bfloat16: Whether bfloat16 is faster than float32 here.

    Returns:
        A `Plan`.

    Raises:
        InputError: For too few images, and for no time.
    """
    if about.count < FEWEST:
        raise InputError(
            f"A training compares images with each other and needs at least {FEWEST}; "
            f"{about.source!r} has {about.count}."
        )
    if not minutes > 0:
        raise InputError(f"--minutes is above 0; received {minutes:g}.")
    reasons = {}
    views = max(2, method.minimum_views)
    seconds = max(60.0 * minutes - START_SECONDS, 10.0)
    encoder = _encoder(about, views, speed, seconds, reasons)
    batch = _batch_size(about, encoder.size, reasons)
    steps = about.count // batch
    rate = speed / encoder.operations(views)
    epochs = _epochs(about, batch, rate, seconds, epoch_seconds, reasons)
    precision = "mixed_bfloat16" if fast_bfloat16 and encoder.size >= 32 else "float32"
    if precision != "float32":
        reasons["precision"] = "this processor multiplies bfloat16 faster than float32"
    arguments = method_arguments(
        parameters(method), encoder.features, batch, about.count, epochs, steps, reasons
    )
    recipe = {
        "name": run_name(method.__name__, about.source),
        "description": f"{method.__name__} on {about.summary()}; chosen by center-ssl train.",
        "seed": 0,
        "epochs": epochs,
        "batch_size": batch,
        "precision": precision,
        "data": _data(about, encoder.size, reasons),
        "views": _views(method, about, encoder.size, views, reasons),
        "encoder": {"name": encoder.name, **encoder.arguments},
        "method": {"name": method.__name__, **arguments},
        "optimizer": _optimizer(method, batch, epochs, steps, reasons),
    }
    used = START_SECONDS + epochs * (epoch_seconds + steps * batch / rate)
    return Plan(recipe, reasons, encoder.operations(views), rate, used)


def _encoder(about, views, speed, seconds, reasons):
    """The largest encoder and image size with which the time is enough; else the smallest."""
    wanted = max(_WANTED_IMAGES, _WANTED_EPOCHS * about.count)
    found = candidates(about.shorter_side, about.count, 3 if about.color else 1)
    fitting = [one for one in found if seconds * speed / one.operations(views) >= wanted]
    encoder = (fitting or found[-1:])[0]
    reasons["encoder.name"] = (
        f"the largest one with which there is time to see {wanted:,} images"
        if fitting
        else "the smallest one: even with it there is time for few passes"
    )
    if "stem" in encoder.arguments:
        reasons["encoder.stem"] = (
            f"images of {encoder.size} pixels "
            + ("can" if encoder.arguments["stem"] == "standard" else "cannot")
            + " afford to lose three quarters of their rows at once"
        )
    reasons["views.size"] = (
        "the images' own size"
        if encoder.size == about.shorter_side
        else f"the images have {about.shorter_side} pixels or more; larger views take longer"
        if encoder.size < about.shorter_side
        else "the smallest that an encoder takes"
    )
    return encoder


def _batch_size(about, size, reasons):
    """A power of two, at most half of the images."""
    largest = 256 if size <= 64 else 128 if size <= 128 else 64
    batch = 2 ** int(math.log2(min(largest, about.count // 2)))
    reasons["batch_size"] = (
        f"half of the {about.count} images at most, so that an epoch has two steps"
        if batch < largest
        else f"enough to compare with each other; memory for views of {size} pixels"
        if largest < 256
        else "enough to compare with each other; the published settings are for 256"
    )
    return batch


def _epochs(about, batch, rate, seconds, epoch_seconds, reasons):
    steps = about.count // batch
    affordable = seconds / (epoch_seconds + steps * batch / rate)
    # Small sets have short epochs: 2,000 steps are then more than enough.
    most = min(1000, max(200, math.ceil(2000 / steps)))
    epochs = int(max(1, min(affordable, most)))
    reasons["epochs"] = (
        f"what the time is enough for, at {rate:,.0f} images/s"
        if epochs < most
        else f"{epochs * steps:,} steps: more would only learn these images by heart"
    )
    return epochs


def _data(about, size, reasons):
    section = {"source": about.source}
    if not about.one_size or not about.square or about.shorter_side != size:
        section["image_size"] = size
        reasons["data.image_size"] = (
            "all images are brought to one size: the middle of each, as large as the views"
        )
    if not about.color and about.stored_channels == 3:
        section["channels"] = 1
        reasons["data.channels"] = "the images are grey, though stored as colour"
    return section


def _views(method, about, size, count, reasons):
    from keras_center_ssl.views import RECIPES

    name = method.suggested_views
    takes = parameters(RECIPES[name])
    section = {"name": name, "size": size}
    reasons["views.name"] = f"the views that {method.__name__} is trained on"
    area = "global_area" if "global_area" in takes else "area"
    # So many pixels of the image are the least that a crop should show of it.
    least = min(0.6, max(0.08, ((12 if about.color else 18) / about.shorter_side) ** 2))
    section[area] = [round(least, 2), 1.0]
    side = max(1, round(math.sqrt(least) * about.shorter_side))
    reasons[f"views.{area}"] = (
        f"the smallest crop is {side} pixels wide, which still shows something"
    )
    if count > 2 and "number_of_views" in takes:
        section["number_of_views"] = count
        reasons["views.number_of_views"] = f"{method.__name__} needs as many"
    if "local_views" in takes:
        section["local_views"] = 0
        reasons["views.local_views"] = "each small crop takes time, and few images have room for it"
    # Of recipes with two unlike views, one probability for each.
    off = [0.0, 0.0] if isinstance(takes["solarize"], tuple) else 0.0
    if size < 64:
        section["interpolation"] = "bilinear"
        section["blur"] = off
        reasons["views.blur"] = f"there is nothing finer to lose in {size} pixels"
    if not about.color:
        section["grey"] = 0.0
        section["solarize"] = off
        reasons["views.grey"] = "the images are grey"
        reasons["views.solarize"] = "grey images are told apart by what is dark and what is light"
    return section


def _optimizer(method, batch, epochs, steps, reasons):
    section = dict(method.suggested_optimizer)
    adaptive = section["name"].startswith("adam")
    share = math.sqrt(batch / 256) if adaptive else batch / 256
    section["learning_rate"] = float(f"{section['learning_rate'] * share:.2g}")
    reasons["optimizer.name"] = f"what short trainings of {method.__name__} do well with"
    if batch != 256:
        words = "the square root of it" if adaptive else "it"
        reasons["optimizer.learning_rate"] = f"for a batch of {batch}, in proportion to {words}"
    section["warmup_epochs"] = round(min(10.0, 0.05 * epochs, 500 / steps), 2)
    reasons["optimizer.warmup_epochs"] = "a short rise of the learning rate; then it falls to 0"
    return section
