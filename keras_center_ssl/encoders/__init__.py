"""Encoders: `keras.Model`s from images `(B, H, W, C)` in [0, 1] to features `(B, D)`."""

from keras_center_ssl.encoders.adapt import as_encoder, plain
from keras_center_ssl.encoders.normalization import BatchNormalization
from keras_center_ssl.encoders.resnet import resnet18, resnet50, resnet_small

__all__ = ["BatchNormalization", "as_encoder", "plain", "resnet18", "resnet50", "resnet_small"]
