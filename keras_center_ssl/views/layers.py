"""The random view layers: batched, seeded, with independent randomness for every image.

Every layer maps images `(B, H, W, C)`, float32 in `[0, 1]`, to images of the same kind, for any
number of channels. A layer is a handful of batched ops with static shapes, TensorFlow's or JAX's
(`tensors.py`), so that it runs in `tf.data` on the CPU (whatever the Keras backend) and inside a
model on an accelerator:

- geometry (crop, resize, flip, blur) is *separable and linear*: one matrix for the rows and one
  for the columns of each image, applied to the whole batch as two matrix products (`planes.py`);
- colour (brightness, contrast, saturation, hue, grey) is *affine*: the steps are multiplied into
  one 3x3 matrix and one offset per image before a single pixel is touched.

Randomness is stateless. `layer(images, seed=seed)` with `seed` an int32 tensor of shape `(2,)` is a
pure function of its arguments: same seed, same views. Without `seed` a layer draws the next seed
from a generator of its own.
"""

import math

import keras
import numpy as np

from keras_center_ssl.errors import one_of
from keras_center_ssl.views import planes
from keras_center_ssl.views.checks import (
    check_probability,
    check_range,
    check_size,
    check_strength,
)
from keras_center_ssl.views.randomness import chosen, fold_in, uniform
from keras_center_ssl.views.tensors import tf
from keras_center_ssl.views.view_layer import PACKAGE, PlaneLayer

# Grey value, and the two axes of colour, of an RGB pixel (NTSC; the grey row is ITU-R BT.601's).
_YIQ = np.array(
    [
        [0.299, 0.587, 0.114],
        [0.595716, -0.274453, -0.321263],
        [0.211456, -0.522591, 0.311135],
    ]
)
GREY_WEIGHTS = _YIQ[0] / _YIQ[0].sum()


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
        if interpolation not in planes.KERNELS:
            raise one_of("interpolation", interpolation, planes.KERNELS)
        self.interpolation = interpolation

    def augment_planes(self, images, seed):
        count, height, width = tf.shape(images)[0], *planes.sides(images)
        top, left, box_height, box_width = self.boxes((count, height, width), seed)
        flipped = chosen(count, fold_in(seed, 2), self.flip)
        left = tf.where(flipped, left + box_width, left)
        box_width = tf.where(flipped, -box_width, box_width)
        return self._resample(images, top, left, box_height, box_width)

    def rest(self, images):
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
        rows, columns = (
            planes.resampling(
                start, extent, size=self.size, pixels=pixels, kernel=self.interpolation
            )
            for start, extent, pixels in zip(
                (top, left), (height, width), planes.sides(images), strict=True
            )
        )
        resampled = planes.separable(images, rows, columns)
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


class _SameShape(PlaneLayer):
    def compute_output_shape(self, input_shape):
        return input_shape


@keras.saving.register_keras_serializable(package=PACKAGE)
class RandomColorJitter(_SameShape):
    """Changes brightness, contrast, saturation and hue of each image, and makes some of them grey.

    With `probability` an image gets, in this order, with `U` uniform and drawn per image:

    - brightness: `x * U(1 - brightness, 1 + brightness)`, the lower end at least 0;
    - contrast: a blend with the image's mean grey value, `c x + (1 - c) mean`, `c` drawn likewise;
    - saturation: a blend with the pixel's own grey value, drawn likewise;
    - hue: a turn of `U(-hue, hue)` of a full circle about the grey axis of YIQ colour space;

    and, independently, with probability `grey` every pixel becomes its grey value (ITU-R BT.601).
    All of it is one affine map per image, clipped to `[0, 1]` once at the end. Two differences from
    torchvision follow, neither of which matters for learning: the order is fixed, and hue turns in
    YIQ, which keeps the grey value, and not in HSV.

    Brightness and contrast apply to any number of channels (the mean is over all of them unless
    there are three); saturation, hue and grey have a meaning, and an effect, for three only.

    Args:
        brightness, contrast, saturation: floats of at least 0, the half-widths above.
        hue: float in `[0, 0.5]`, the largest turn as a share of the circle.
        probability: float in `[0, 1]`, for the four of them together.
        grey: float in `[0, 1]`, the probability of a grey image.
        seed: int or None, see `RandomViewLayer`.
    """

    def __init__(
        self,
        brightness=0.4,
        contrast=0.4,
        saturation=0.4,
        hue=0.1,
        probability=0.8,
        grey=0.2,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.brightness = check_strength("brightness", brightness)
        self.contrast = check_strength("contrast", contrast)
        self.saturation = check_strength("saturation", saturation)
        self.hue = check_strength("hue", hue, high=0.5)
        self.probability = check_probability("probability", probability)
        self.grey = check_probability("grey", grey)

    def augment_planes(self, images, seed):
        brightness, contrast, saturation, turn, _, grey = self.draw(tf.shape(images)[0], seed)
        channels = images.shape[1]
        mean = planes.mean_of_planes(images)
        mean = tf.linalg.matvec(mean, _GREY) if channels == 3 else tf.reduce_mean(mean, axis=1)
        gain = brightness * contrast
        # The offset is a grey value: saturation, hue and grey leave it as it is.
        offset = (1.0 - contrast) * brightness * mean
        if channels != 3:
            return planes.rescaled(images, gain, offset)
        color = self.color_matrix(saturation, turn, grey) * gain[:, None, None]
        return planes.recolored(images, color, offset)

    def draw(self, count, seed):
        """Six tensors `(B,)`: brightness, contrast, saturation, turn, jittered and grey (0 or 1).

        Where an image is not jittered its factors are 1 and its turn (in radians) is 0.
        """
        draws = uniform([6, count], seed, axis=1)
        jittered = draws[4] < self.probability

        def factor(column, strength):
            low = max(0.0, 1.0 - strength)
            return tf.where(jittered, low + (1.0 + strength - low) * draws[column], 1.0)

        turn = tf.where(jittered, (2.0 * draws[3] - 1.0) * (2.0 * math.pi * self.hue), 0.0)
        return (
            factor(0, self.brightness),
            factor(1, self.contrast),
            factor(2, self.saturation),
            turn,
            tf.cast(jittered, tf.float32),
            tf.cast(draws[5] < self.grey, tf.float32),
        )

    def color_matrix(self, saturation, turn, grey):
        """Matrices `(B, 3, 3)` for pixels as row vectors: saturation, then hue, then grey."""
        to_grey = tf.constant(_TO_GREY, tf.float32)
        saturation, turn, grey = (value[:, None, None] for value in (saturation, turn, grey))
        saturate = saturation * tf.eye(3) + (1.0 - saturation) * to_grey
        rotate = to_grey + tf.cos(turn) * _TURN_COS + tf.sin(turn) * _TURN_SIN
        colored = tf.matmul(saturate, rotate)
        return (1.0 - grey) * colored + grey * to_grey

    def get_config(self):
        return {
            **super().get_config(),
            "brightness": self.brightness,
            "contrast": self.contrast,
            "saturation": self.saturation,
            "hue": self.hue,
            "probability": self.probability,
            "grey": self.grey,
        }


# A turn by t about the grey axis, for row vectors, is  to_grey + cos(t) A + sin(t) B.
_RGB = np.linalg.inv(_YIQ)
_TO_GREY = np.outer(GREY_WEIGHTS, np.ones(3))
_TURN_COS = (_RGB @ np.diag([0.0, 1.0, 1.0]) @ _YIQ).T.astype("float32")
_TURN_SIN = (_RGB @ np.array([[0, 0, 0], [0, 0, -1], [0, 1, 0]]) @ _YIQ).T.astype("float32")
_GREY = GREY_WEIGHTS.astype("float32")


@keras.saving.register_keras_serializable(package=PACKAGE)
class RandomGaussianBlur(_SameShape):
    """Blurs some of the images, each with a Gaussian of its own width.

    The kernel reaches over the whole image (no truncation) and is renormalised at the border.

    Args:
        sigma: pair of positive floats, the standard deviation in pixels, drawn uniformly.
        probability: float in `[0, 1]`, the share of blurred images.
        seed: int or None, see `RandomViewLayer`.
    """

    def __init__(self, sigma=(0.1, 2.0), probability=0.5, **kwargs):
        super().__init__(**kwargs)
        self.sigma = check_range("sigma", sigma)
        self.probability = check_probability("probability", probability)

    def augment_planes(self, images, seed):
        if self.probability == 0.0:
            return images
        sigma = self.draw(tf.shape(images)[0], seed)
        height, width = planes.sides(images)
        rows = columns = planes.gaussian(sigma, pixels=height)
        if images.shape[2] is None or images.shape[2] != images.shape[3]:
            columns = planes.gaussian(sigma, pixels=width)
        return planes.separable(images, rows, columns)

    def draw(self, count, seed):
        """The standard deviations `(B,)` in pixels, 0 for images that are left alone."""
        sigma = uniform([count], fold_in(seed, 0), *self.sigma)
        return tf.where(chosen(count, fold_in(seed, 1), self.probability), sigma, 0.0)

    def get_config(self):
        return {**super().get_config(), "sigma": self.sigma, "probability": self.probability}


@keras.saving.register_keras_serializable(package=PACKAGE)
class RandomSolarize(_SameShape):
    """Inverts, in some of the images, every value that is at least `threshold`: `x -> 1 - x`.

    Args:
        probability: float in `[0, 1]`, the share of solarised images.
        threshold: float in `[0, 1]`.
        seed: int or None, see `RandomViewLayer`.
    """

    def __init__(self, probability=0.2, threshold=0.5, **kwargs):
        super().__init__(**kwargs)
        self.probability = check_probability("probability", probability)
        self.threshold = check_strength("threshold", threshold, high=1.0)

    def augment_planes(self, images, seed):
        if self.probability == 0.0:
            return images
        # One comparison for both questions: no value reaches the threshold of an image left alone.
        solarized = chosen(tf.shape(images)[0], seed, self.probability)
        return planes.solarized(images, tf.where(solarized, self.threshold, 2.0))

    def get_config(self):
        return {
            **super().get_config(),
            "probability": self.probability,
            "threshold": self.threshold,
        }
