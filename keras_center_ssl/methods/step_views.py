"""Views that are made inside the training step, on the device that trains."""

import contextlib

import keras
from keras import ops

from keras_center_ssl import engine
from keras_center_ssl.errors import InputError
from keras_center_ssl.views.composition import call_options, own_seed
from keras_center_ssl.views.randomness import fold_in, rows_of_batch
from keras_center_ssl.views.tensors import computing_on, tf

# What the first number folded into the seed is for.
_TRAINING, _VALIDATION = 1, 2


class StepViews:
    """Batches of images to tuples of views, random by `(seed, step, row)`.

    Replicas draw for their rows of the global batch what one replica would draw for all of it. A
    validation's batches are all drawn for alike, so that its figures can be compared.

    Args:
        views: A Keras layer, such as a recipe of `kcs.views`.
        seed: Where all draws start.

    Raises:
        InputError: For views that cannot be saved with the model, and a seed that is no number.
    """

    def __init__(self, views, seed):
        if not isinstance(views, keras.layers.Layer):
            raise InputError(
                "`views` is a Keras layer that is saved with the model, such as "
                f"kcs.views.simclr(224); received {views!r}. Wrap functions of your own in a "
                "kcs.views.View, or make the views with kcs.data.multi_view."
            )
        if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
            raise InputError(f"`views_seed` is a whole number from 0 on; received {seed!r}.")
        self.views = views
        self.seed = seed
        self._options = call_options(views)

    def __call__(self, images, step=None):
        """Views of `images` `(B, H, W, C)`; `step` is a scalar, or `None` in a validation."""
        with computing_on(images), self._rows(images):
            seed = tf.constant([self.seed % 2**31, self.seed // 2**31 % 2**31], tf.int32)
            seed = fold_in(seed, _VALIDATION if step is None else _TRAINING)
            if step is not None:
                seed = fold_in(seed, ops.cast(step, "int32"))
            given = {"training": True, "seed": own_seed(self.views, seed)}
            views = self.views(images, **{name: given[name] for name in self._options})
        return tuple(views) if isinstance(views, (tuple, list)) else (views,)

    @staticmethod
    def _rows(images):
        if engine.replica_count() == 1:
            return contextlib.nullcontext()
        total = engine.all_reduce_sum(ops.shape(images)[0])
        return rows_of_batch(engine.rows_before(images), total)
