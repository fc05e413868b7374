"""What a recipe holds, and the objects it describes."""

import contextlib
import math
from typing import Literal

import keras
import pydantic
import yaml

from keras_center_ssl import data, encoders, methods, optimizers, views
from keras_center_ssl.errors import InputError
from keras_center_ssl.export.configs import in_float32
from keras_center_ssl.runs.precision import fastest_precision

# What each section may name.
REGISTRIES = {
    "method": methods.METHODS,
    "encoder": encoders.ENCODERS,
    "views": views.RECIPES,
    "optimizer": optimizers.OPTIMIZERS,
}

_STRICT = pydantic.ConfigDict(extra="forbid", arbitrary_types_allowed=True)


class Component(pydantic.BaseModel):
    """A name and the arguments that go to what it names."""

    model_config = pydantic.ConfigDict(extra="allow")
    name: str

    @property
    def arguments(self):
        return dict(self.model_extra or {})


class Data(pydantic.BaseModel):
    """Where the images come from: `source` as in `data.multi_view`, a path or a name."""

    model_config = _STRICT
    source: str
    limit: int | None = pydantic.Field(None, gt=0, description="use so many images only")
    image_size: int | tuple[int, int] | None = None
    channels: Literal[1, 3] | None = None
    test_source: str | None = None
    hold_out: int | None = pydantic.Field(
        None, gt=0, description="keep so many training images out, to choose settings on"
    )

    def open(self, split):
        """The source of a split.

        Args:
            split: `"train"`, without what is held out of it; `"hold_out"`, what is; or `"test"`,
                from `test_source` where there is one.
        """
        if split == "test":
            return self._open(self.test_source or self.source, "test")
        source = self._open(self.source, "train", self.limit)
        if self.hold_out:
            return source.hold_out(self.hold_out)[split == "hold_out"]
        if split == "hold_out":
            raise InputError(
                "The run held no images out of its training. Train with "
                "--set data.hold_out=10000 (or another number) to choose settings on them."
            )
        return source

    def _open(self, source, split, limit=None):
        return data.open_source(
            source, split, limit, image_size=self.image_size, channels=self.channels
        )


class Features(pydantic.BaseModel):
    """What is done to the encoder's features after the training: see `encoders.whitened`."""

    model_config = _STRICT
    whiten: bool = False
    dimensions: int | None = pydantic.Field(
        None, gt=0, description="keep the directions of the largest variance, at most so many"
    )
    shrinkage: float = pydantic.Field(encoders.DEFAULT_SHRINKAGE, ge=0, le=1)

    def apply(self, encoder, images):
        """`encoder` as it is published: with a whitening layer if there is to be one.

        Args:
            encoder: An encoder in any precision.
            images: Any source; the whitening is fitted on its images.

        Returns:
            A `keras.Model` of stock layers in float32.
        """
        encoder = encoders.plain(in_float32(encoders.as_encoder(encoder)))
        if not self.whiten:
            return encoder
        batches = data.batches(at_size_of(images, encoder), 256)
        most = min(self.dimensions or encoder.output_shape[-1], encoder.output_shape[-1])
        return encoders.whitened(encoder, batches, most, self.shrinkage)


def at_size_of(images, encoder):
    """A source whose images have the size that an encoder takes."""
    height, width = encoder.input_shape[1:3]
    return images if None in (height, width) else images.conformed((height, width), None)


class Optimizer(pydantic.BaseModel):
    """A Keras optimizer, its peak learning rate and the schedule around it."""

    model_config = pydantic.ConfigDict(extra="allow")
    name: str
    learning_rate: float = pydantic.Field(gt=0)
    schedule: Literal["cosine", "constant"] = "cosine"
    warmup_epochs: float = pydantic.Field(0, ge=0)
    warmup_start: float = pydantic.Field(0, ge=0)
    final_learning_rate: float = pydantic.Field(0, ge=0)
    final_weight_decay: float | None = pydantic.Field(
        None, ge=0, description="raise `weight_decay` to it on a cosine; adamw only"
    )

    @pydantic.model_validator(mode="after")
    def _a_decay_to_raise(self):
        if self.final_weight_decay is not None and self.name != "adamw":
            raise ValueError(f"final_weight_decay goes with adamw, not with {self.name}")
        return self

    @property
    def arguments(self):
        return dict(self.model_extra or {})


class Recipe(pydantic.BaseModel):
    """A validated recipe. `load_recipe` reads one; the `build_*` methods make what it describes.

    Models are made in the recipe's own precision, whatever the caller's dtype policy is.
    """

    model_config = _STRICT
    name: str = pydantic.Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    description: str = ""
    seed: int = pydantic.Field(0, ge=0)
    epochs: int = pydantic.Field(gt=0)
    batch_size: int = pydantic.Field(256, ge=2)
    precision: Literal["auto", "float32", "mixed_bfloat16", "mixed_float16"] = "float32"
    data: Data
    views: Component
    views_in_step: bool = pydantic.Field(
        False, description="make the views in the training step, on the device that trains"
    )
    encoder: Component
    method: Component
    optimizer: Optimizer
    features: Features = Features()

    def to_dict(self):
        return self.model_dump(mode="json")

    def to_yaml(self):
        return yaml.safe_dump(self.to_dict(), sort_keys=False, allow_unicode=True)

    def build_views(self, image_shape):
        """The view layer; its size is the images' own unless the recipe gives one."""
        arguments = {"size": image_shape[0], **self.views.arguments}
        return views.RECIPES[self.views.name](**arguments)

    def build_encoder(self, image_shape):
        size = self.views.arguments.get("size", image_shape[0])
        arguments = {"input_shape": (size, size, image_shape[-1]), **self.encoder.arguments}
        arguments["input_shape"] = tuple(arguments["input_shape"])
        return encoders.ENCODERS[self.encoder.name](**arguments)

    def build_model(self, image_shape):
        """The method on its encoder, not compiled; the same weights for the same seed."""
        keras.utils.set_random_seed(self.seed)
        policy = fastest_precision()[0] if self.precision == "auto" else self.precision
        with _dtype_policy(policy):
            encoder = self.build_encoder(image_shape)
            return methods.METHODS[self.method.name](encoder, **self.method.arguments)

    def build_optimizer(self, steps_per_epoch):
        """The optimizer with its schedule over `epochs * steps_per_epoch` steps."""
        config = self.optimizer
        total = self.epochs * steps_per_epoch
        rate = config.learning_rate
        if config.schedule == "cosine" or config.warmup_epochs:
            rate = optimizers.WarmupCosine(
                rate,
                total,
                warmup_steps=min(math.ceil(config.warmup_epochs * steps_per_epoch), total - 1),
                warmup_start=config.warmup_start,
                final_learning_rate=(
                    config.final_learning_rate if config.schedule == "cosine" else rate
                ),
            )
        arguments = config.arguments
        if config.final_weight_decay is not None:
            arguments["weight_decay"] = optimizers.WarmupCosine(
                arguments.get("weight_decay", 0.004),
                total,
                final_learning_rate=config.final_weight_decay,
            )
        return optimizers.OPTIMIZERS[config.name](learning_rate=rate, **arguments)

    def compile(self, model, image_shape, steps_per_epoch):
        """Compiles a method as the recipe says."""
        views = self.build_views(image_shape) if self.views_in_step else None
        model.compile(self.build_optimizer(steps_per_epoch), views=views, views_seed=self.seed)

    def build_dataset(self, images, image_shape):
        """Batches of `images` (any source), shuffled by the recipe's seed.

        Of their views, or of the images themselves where the step makes the views.
        """
        return data.multi_view(
            images,
            views=None if self.views_in_step else self.build_views(image_shape),
            batch_size=self.batch_size,
            seed=self.seed,
        )


@contextlib.contextmanager
def _dtype_policy(policy):
    """Keras' global dtype policy for the layers that are made in the block, and the one before."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)
