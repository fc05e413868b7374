"""Random solarisation: bright values inverted."""

import keras

from keras_center_ssl.views import planes
from keras_center_ssl.views.checks import check_probability, check_strength
from keras_center_ssl.views.randomness import happens
from keras_center_ssl.views.tensors import tf
from keras_center_ssl.views.view_layer import PACKAGE, PlaneLayer


@keras.saving.register_keras_serializable(package=PACKAGE)
class RandomSolarize(PlaneLayer):
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
        solarized = happens(tf.shape(images)[0], seed, self.probability)
        return planes.solarized(images, tf.where(solarized, self.threshold, 2.0))

    def get_config(self):
        return {
            **super().get_config(),
            "probability": self.probability,
            "threshold": self.threshold,
        }
