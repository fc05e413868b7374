"""Random colours: brightness, contrast, saturation, hue and grey, as one affine map per image."""

import math

import keras
import numpy as np

from keras_center_ssl.views import planes
from keras_center_ssl.views.checks import check_probability, check_strength
from keras_center_ssl.views.randomness import uniform
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

# A turn by t about the grey axis, for row vectors, is  to_grey + cos(t) A + sin(t) B.
_RGB = np.linalg.inv(_YIQ)
_TO_GREY = np.outer(GREY_WEIGHTS, np.ones(3))
_TURN_COS = (_RGB @ np.diag([0.0, 1.0, 1.0]) @ _YIQ).T.astype("float32")
_TURN_SIN = (_RGB @ np.array([[0, 0, 0], [0, 0, -1], [0, 1, 0]]) @ _YIQ).T.astype("float32")
_GREY = GREY_WEIGHTS.astype("float32")


@keras.saving.register_keras_serializable(package=PACKAGE)
class RandomColorJitter(PlaneLayer):
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
