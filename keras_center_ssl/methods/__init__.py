"""Self-supervised methods: `keras.Model`s that are trained with `fit` on views of images."""

from keras_center_ssl.methods.base import SSLModel
from keras_center_ssl.methods.center_ssl import CenterSSL
from keras_center_ssl.methods.simclr import SimCLR
from keras_center_ssl.methods.simsiam import SimSiam

__all__ = ["CenterSSL", "SSLModel", "SimCLR", "SimSiam"]
