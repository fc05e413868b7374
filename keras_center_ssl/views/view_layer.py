"""The base of the view layers: batched, seeded, with independent randomness for every image.

Every layer maps images `(B, H, W, C)`, float32 in `[0, 1]`, to images of the same kind, for any
number of channels. A layer is a handful of batched ops with static shapes, TensorFlow's or JAX's
(`tensors.py`), so that it runs in `tf.data` on the CPU (whatever the Keras backend) and inside a
model on an accelerator:

- geometry (crop, resize, flip, blur) is *separable and linear*: one matrix for the rows and one
  for the columns of each image, applied to the whole batch (`separable.py`);
- colour (brightness, contrast, saturation, hue, grey) is *affine*: the steps are multiplied into
  one 3x3 matrix and one offset per image before a single pixel is touched.

Randomness is stateless. `layer(images, seed=seed)` with `seed` an int32 tensor of shape `(2,)` is a
pure function of its arguments: same seed, same views. Without `seed` a layer draws the next seed
from a generator of its own.
"""

import keras

from keras_center_ssl.engine.keras_internals import take_tensors_as_they_are
from keras_center_ssl.errors import InputError
from keras_center_ssl.views import planes
from keras_center_ssl.views.tensors import computing_on, on_jax, tf

PACKAGE = "keras_center_ssl"


def as_images(images):
    """A batch as float32 `(B, H, W, C)`; uint8 is scaled to `[0, 1]`."""
    images = tf.convert_to_tensor(images)
    if _rank(images) not in (4, None):
        raise InputError(
            "Views are made of a batch of images of shape (B, H, W, C). Received shape "
            f"{tuple(images.shape)}: add the missing axis, e.g. `images[..., None]` for grey "
            "images or `images[None]` for a single one."
        )
    if images.dtype == tf.uint8:
        return tf.cast(images, tf.float32) / 255.0
    dtype = keras.backend.standardize_dtype(images.dtype)
    if "float" not in dtype:
        raise InputError(
            "Views are made of images that are float in [0, 1] or uint8 in 0..255. Received dtype "
            f"{dtype}: convert them with `.astype('uint8')`."
        )
    return tf.cast(images, tf.float32)


def _rank(tensor):
    """Number of dimensions; None where TensorFlow does not know it."""
    return tensor.shape.rank if hasattr(tensor.shape, "rank") else len(tensor.shape)


def as_seed(seed):
    seed = tf.cast(tf.convert_to_tensor(seed), tf.int32)
    if _rank(seed) is not None and tuple(seed.shape) not in ((2,), (None,)):
        raise InputError(
            "`seed` is an int32 tensor of shape (2,), e.g. `(17, 0)`. Received shape "
            f"{tuple(seed.shape)}."
        )
    return seed


class RandomViewLayer(keras.layers.Layer):
    """Base class of the view layers: a subclass supplies `augment(images, seed)`.

    Args:
        seed: int or None. Where the layer's own generator starts; used only in calls without
            `seed=`.
    """

    def __init__(self, seed=None, **kwargs):
        super().__init__(**kwargs)
        self.seed = seed
        self.generator = keras.random.SeedGenerator(seed)
        take_tensors_as_they_are(self)
        self.built = True

    def augment(self, images, seed):
        """Random images from float32 `images` `(B, H, W, C)` and an int32 `seed` `(2,)`."""
        raise NotImplementedError

    def at_inference(self, images):
        """What the layer does outside training: nothing, unless it has a size to bring about."""
        return images

    def call(self, images, training=True, seed=None):
        """Returns the augmented images.

        Args:
            images: `(B, H, W, C)`, float in `[0, 1]` or uint8 in 0..255.
            training: bool. False leaves out all randomness.
            seed: int32 tensor of shape `(2,)`, or None to draw from the layer's own generator. In a
                function that you give to `jax.jit` yourself, pass one: a generator's state can
                advance in Keras' own steps only.
        """
        with computing_on(images):
            images = as_images(images)
            if training is not None and not training:
                return self.at_inference(images)
            return self.augment(images, self._next_seed() if seed is None else as_seed(seed))

    def _next_seed(self):
        if keras.backend.backend() == "tensorflow" or on_jax() or tf.executing_eagerly():
            return as_seed(self.generator.next())
        # Another backend's state cannot advance inside a TensorFlow graph; TensorFlow's own can.
        return tf.random.uniform([2], maxval=tf.int32.max, dtype=tf.int32, seed=self.seed)

    def get_config(self):
        return {**super().get_config(), "seed": self.seed}


class PlaneLayer(RandomViewLayer):
    """Base class of the layers that work on planes: a subclass supplies `augment_planes`."""

    def augment_planes(self, images, seed):
        """Random images from float32 planes `(B, C, H, W)` and an int32 `seed` `(2,)`.

        Rounding may carry values past `[0, 1]`; `planes.to_images` clips them.
        """
        raise NotImplementedError

    def compute_output_shape(self, input_shape):
        """The shape of the images that come out: that of those given, unless a layer resizes."""
        return input_shape

    def augment(self, images, seed):
        return augment_together([self], images, [seed])


def works_on_planes(step):
    """Whether `augment_planes` is all of what `step` does: a subclass may have an `augment`."""
    own = (PlaneLayer.augment, PlaneLayer.call)
    return isinstance(step, PlaneLayer) and (type(step).augment, type(step).call) == own


def augment_together(layers, images, seeds):
    """Images `(B, H, W, C)` through `PlaneLayer`s, turned to planes and back only once."""
    shape = images.shape
    images = planes.to_planes(images)
    for layer, seed in zip(layers, seeds, strict=True):
        images = layer.augment_planes(images, seed)
        shape = layer.compute_output_shape(shape)
    return tf.ensure_shape(planes.to_images(images), shape)
