"""Random blur."""

import keras

from keras_center_ssl.views import separable
from keras_center_ssl.views.checks import check_probability, check_range
from keras_center_ssl.views.randomness import fold_in, happens, uniform
from keras_center_ssl.views.tensors import tf
from keras_center_ssl.views.view_layer import PACKAGE, PlaneLayer


@keras.saving.register_keras_serializable(package=PACKAGE)
class RandomGaussianBlur(PlaneLayer):
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
        return separable.blurred(images, sigma, self.sigma[1])

    def draw(self, count, seed):
        """The standard deviations `(B,)` in pixels, 0 for images that are left alone."""
        sigma = uniform([count], fold_in(seed, 0), *self.sigma)
        return tf.where(happens(count, fold_in(seed, 1), self.probability), sigma, 0.0)

    def get_config(self):
        return {**super().get_config(), "sigma": self.sigma, "probability": self.probability}
