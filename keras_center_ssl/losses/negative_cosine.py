"""Negative cosine similarity, the objective of SimSiam and BYOL."""

from keras import ops

from keras_center_ssl.losses._similarity import check_pair, unit
from keras_center_ssl.types import Tensor


def negative_cosine(prediction: Tensor, target: Tensor) -> Tensor:
    """`-mean cos(prediction, target)` (SimSiam, arXiv 2011.10566, eq. 1).

    Args:
        prediction: Output of the predictor, `(B, D)`; L2-normalised here.
        target: The other view's embedding, `(B, D)`. Whether it is held constant is the caller's
            choice: both methods pass `keras.ops.stop_gradient(z2)`, and collapse without it.

    Returns:
        A scalar between -1 (perfect match) and 1. BYOL's loss is `2 + 2` times it.

    Raises:
        InputError: If shapes differ.
    """
    check_pair(prediction, target, names=("prediction", "target"), minimum=1)
    return -ops.mean(ops.sum(unit(prediction) * unit(target), axis=-1))
