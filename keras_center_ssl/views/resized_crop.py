"""Random boxes cut out of the images, resized and flipped in one resampling."""

import math

import keras

from keras_center_ssl.errors import one_of
from keras_center_ssl.views import planes, separable
from keras_center_ssl.views.checks import check_probability, check_range, check_size
from keras_center_ssl.views.randomness import fold_in, happens, uniform
from keras_center_ssl.views.tensors import tf
from keras_center_ssl.views.view_layer import PACKAGE, PlaneLayer


@keras.saving.register_keras_serializable(package=PACKAGE)
class RandomResizedCrop(PlaneLayer):
    """Cuts a random box out of each image, resizes it to a square and flips it, in one resampling.

    The box is drawn as by torchvision's `RandomResizedCrop`: its share of the image's area uniform
    in `area`, its aspect ratio (width / height) log-uniform in `aspect`, ten attempts to fit the
    image, then the largest central box of an allowed aspect ratio. Boxes are not rounded to whole
    pixels, which matters for images of 28 or 32 pixels.

    Args:
        size: int, the side of the square output in pixels, 8 to 1024.
        area: pair of floats in `(0, 1]`, the share of the image's area.
        aspect: pair of positive floats, width / height.
        flip: float in `[0, 1]`, the probability of a horizontal flip.
        interpolation: `"bilinear"` or `"bicubic"`, both antialiased.
        seed: int or None, see `RandomViewLayer`.

    Outside training the whole image is resized to the square.
    """

    attempts = 10

    def __init__(
        self,
        size,
        area=(0.08, 1.0),
        aspect=(3 / 4, 4 / 3),
        flip=0.5,
        interpolation="bilinear",
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.size = check_size("size", size)
        self.area = check_range("area", area, high=1.0)
        self.aspect = check_range("aspect", aspect)
        self.flip = check_probability("flip", flip)
        if interpolation not in separable.KERNELS:
            raise one_of("interpolation", interpolation, separable.KERNELS)
        self.interpolation = interpolation

    def augment_planes(self, images, seed):
        count, height, width = tf.shape(images)[0], *planes.sides(images)
        top, left, box_height, box_width = self.boxes((count, height, width), seed)
        flipped = happens(count, fold_in(seed, 2), self.flip)
        left = tf.where(flipped, left + box_width, left)
        box_width = tf.where(flipped, -box_width, box_width)
        return self._resample(images, top, left, box_height, box_width)

    def at_inference(self, images):
        if images.shape[1] == images.shape[2] == self.size:
            return images
        shape = tf.shape(images)
        zero = tf.zeros([shape[0]])
        height, width = (tf.fill([shape[0]], tf.cast(shape[axis], tf.float32)) for axis in (1, 2))
        whole = self._resample(planes.to_planes(images), zero, zero, height, width)
        return tf.ensure_shape(planes.to_images(whole), self.compute_output_shape(images.shape))

    def boxes(self, shape, seed):
        """Draws `top, left, height, width` in pixels, each `(B,)`; `shape` is `(B, H, W)`."""
        count = shape[0]
        full_height, full_width = tf.cast(shape[1], tf.float32), tf.cast(shape[2], tf.float32)
        low, high = (math.log(ratio) for ratio in self.aspect)
        # One column per attempt; the last one is the fallback, which always fits.
        draws = uniform([2, count, self.attempts], fold_in(seed, 0), axis=1)
        area = (self.area[0] + (self.area[1] - self.area[0]) * draws[0]) * full_height * full_width
        aspect = tf.exp(low + (high - low) * draws[1])
        nearest = tf.clip_by_value(full_width / full_height, *self.aspect)
        last_width = tf.fill([count, 1], tf.minimum(full_width, full_height * nearest))
        last_height = tf.fill([count, 1], tf.minimum(full_height, full_width / nearest))
        width = tf.concat([tf.sqrt(area * aspect), last_width], axis=1)
        height = tf.concat([tf.sqrt(area / aspect), last_height], axis=1)
        # A whole-image box may exceed the image by a rounding error.
        fits = (width <= full_width * (1 + 1e-6)) & (height <= full_height * (1 + 1e-6))
        first = tf.argmax(fits, axis=1)
        width = tf.minimum(tf.gather(width, first, batch_dims=1), full_width)
        height = tf.minimum(tf.gather(height, first, batch_dims=1), full_height)
        place = uniform([2, count], fold_in(seed, 1), axis=1)
        place = tf.where(first == self.attempts, 0.5, place)
        return place[0] * (full_height - height), place[1] * (full_width - width), height, width

    def _resample(self, images, top, left, height, width):
        lines = ((top, height), (left, width))
        resampled = separable.resampled(images, lines, size=self.size, kernel=self.interpolation)
        # A bicubic kernel has negative lobes.
        return planes.clipped(resampled) if self.interpolation == "bicubic" else resampled

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self.size, self.size, input_shape[3])

    def get_config(self):
        return {
            **super().get_config(),
            "size": self.size,
            "area": self.area,
            "aspect": self.aspect,
            "flip": self.flip,
            "interpolation": self.interpolation,
        }
