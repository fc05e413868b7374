"""Composition: layers to one view, views to a tuple of them."""

import inspect
import itertools

import keras

from keras_center_ssl.errors import InputError
from keras_center_ssl.views.randomness import fold_in, seed_of_rows
from keras_center_ssl.views.tensors import computing_on
from keras_center_ssl.views.view_layer import (
    PACKAGE,
    RandomViewLayer,
    as_images,
    as_seed,
    augment_together,
    works_on_planes,
)


def own_seed(step, seed):
    """The seed that `step` gets: ours know about `rows_of_batch`, others need another seed."""
    return seed if isinstance(step, RandomViewLayer) else seed_of_rows(seed)


def call_options(step):
    """Which of `training` and `seed` the layer or callable `step` takes."""
    try:
        target = step.call if isinstance(step, keras.layers.Layer) else step
        parameters = inspect.signature(target).parameters
    except (TypeError, ValueError):
        return ()
    return tuple(name for name in ("training", "seed") if name in parameters)


class _Composed(RandomViewLayer):
    """Holds `steps`: layers or callables, each of which gets a seed derived from its place."""

    def __init__(self, kind, steps, **kwargs):
        super().__init__(**kwargs)
        if not isinstance(steps, (list, tuple)):
            raise InputError(
                f"`{type(self).__name__}` takes a list of {kind}. Received: {steps!r} of type "
                f"{type(steps).__name__}."
            )
        for place, step in enumerate(steps):
            if not callable(step):
                raise InputError(
                    f"`{type(self).__name__}` takes a list of {kind}; element {place} cannot be "
                    f"called. Received: {step!r} of type {type(step).__name__}."
                )
        self.steps = list(steps)
        self._options = [call_options(step) for step in steps]

    def call(self, images, training=True, seed=None):
        with computing_on(images):
            images = as_images(images)
            training = training is None or bool(training)
            # Steps with a state of their own need no seed; ours get one even if it is not used.
            seed = self._next_seed() if seed is None else as_seed(seed)
            return self._run(images, training, seed)

    def _apply(self, place, images, training, seed):
        seed = own_seed(self.steps[place], fold_in(seed, place))
        given = {"training": training, "seed": seed}
        return self.steps[place](images, **{name: given[name] for name in self._options[place]})

    @classmethod
    def from_config(cls, config):
        config = dict(config)
        name = cls.steps_argument
        config[name] = [keras.saving.deserialize_keras_object(step) for step in config[name]]
        return cls(**config)

    def get_config(self):
        steps = [keras.saving.serialize_keras_object(step) for step in self.steps]
        return {**super().get_config(), self.steps_argument: steps}


@keras.saving.register_keras_serializable(package=PACKAGE)
class View(_Composed):
    """One view: layers applied one after the other.

    Any Keras layer (KerasCV's included) or callable `images -> images` may stand in the list. One
    that takes `seed=` gets an int32 tensor of shape `(2,)`, one that takes `training=` gets that;
    the others are called with the images alone. A layer that ignores `seed` (Keras' own) keeps its
    own random state, and its part of the view is then not repeatable.

    ```python
    View([RandomResizedCrop(32), keras.layers.RandomRotation(0.1), RandomSolarize(0.2)])
    ```

    Args:
        layers: list of layers or callables.
        seed: int or None, see `RandomViewLayer`.
    """

    steps_argument = "layers"

    def __init__(self, layers, **kwargs):
        super().__init__("layers or callables images -> images", layers, **kwargs)

    @property
    def layers(self):
        return list(self.steps)

    def _run(self, images, training, seed):
        place = 0
        while place < len(self.steps):
            # Layers that work on planes hand them on to each other: images are turned once.
            run = list(itertools.takewhile(works_on_planes, self.steps[place:]))
            if training and run:
                seeds = [fold_in(seed, place + index) for index in range(len(run))]
                images = augment_together(run, images, seeds)
                place += len(run)
            else:
                images = as_images(self._apply(place, images, training, seed))
                place += 1
        return images


@keras.saving.register_keras_serializable(package=PACKAGE)
class MultiView(_Composed):
    """Several random views of each image: images `(B, H, W, C)` to a tuple of image batches.

    ```python
    view = View([RandomResizedCrop(32), RandomColorJitter()])
    first, second = MultiView([view, view])(images)      # the same kind, drawn independently
    ```

    Args:
        views: list with one `View` (or layer, or callable) per output view. One object may stand in
            it several times.
        seed: int or None, see `RandomViewLayer`.
    """

    steps_argument = "views"

    def __init__(self, views, **kwargs):
        super().__init__("views", views, **kwargs)
        if not self.steps:
            raise InputError("`MultiView` needs at least one view. Received an empty list.")

    @property
    def views(self):
        return list(self.steps)

    def __len__(self):
        return len(self.steps)

    def _run(self, images, training, seed):
        places = range(len(self.steps))
        return tuple(as_images(self._apply(p, images, training, seed)) for p in places)
