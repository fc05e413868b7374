"""Objectives as pure functions: batch-first tensors in, a scalar (mean over the batch) out."""

from keras_center_ssl.losses.center import center
from keras_center_ssl.losses.negative_cosine import negative_cosine
from keras_center_ssl.losses.nt_xent import nt_xent

__all__ = ["center", "negative_cosine", "nt_xent"]
