"""A look at the weights themselves: activations can hide NaN from loss and embeddings."""

import itertools

import numpy as np
from keras import ops

from keras_center_ssl.numerics import all_finite


def first_bad_weight(model):
    """Path of the first weight of a model that holds NaN or infinity; `None` where none does.

    Trainable weights come first, then the moving statistics of the encoder. The sums behind the
    running figures are no weights in this sense.
    """
    if hasattr(model, "jax_state_sync"):
        model.jax_state_sync()
    encoder = getattr(model, "encoder", model)
    weights = list(itertools.chain(model.trainable_weights, encoder.non_trainable_weights))
    if not weights:
        return None
    finite = ops.convert_to_numpy(ops.stack([all_finite([weight]) for weight in weights]))
    return None if finite.all() else weights[int(np.argmin(finite))].path
