"""Encoders: `keras.Model`s from images `(B, H, W, C)` in [0, 1] to features `(B, D)`."""

from keras_center_ssl import keras_needed  # noqa: F401
from keras_center_ssl.encoders.adapt import as_encoder, plain
from keras_center_ssl.encoders.normalization import BatchNormalization
from keras_center_ssl.encoders.pooling import GridPooling
from keras_center_ssl.encoders.resnet import resnet18, resnet50, resnet_small
from keras_center_ssl.encoders.sizes import encode
from keras_center_ssl.encoders.vit import PatchTokens, vit_small, vit_tiny
from keras_center_ssl.encoders.whitening import (
    DEFAULT_SHRINKAGE,
    unwhitened,
    whitened,
    whitening_of,
)

# What a recipe may name.
ENCODERS = {
    "resnet18": resnet18,
    "resnet50": resnet50,
    "resnet_small": resnet_small,
    "vit_small": vit_small,
    "vit_tiny": vit_tiny,
}

__all__ = [
    "DEFAULT_SHRINKAGE",
    "ENCODERS",
    "BatchNormalization",
    "GridPooling",
    "PatchTokens",
    "as_encoder",
    "encode",
    "plain",
    "resnet18",
    "resnet50",
    "resnet_small",
    "unwhitened",
    "vit_small",
    "vit_tiny",
    "whitened",
    "whitening_of",
]
