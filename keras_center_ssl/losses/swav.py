"""The swapped prediction objective of SwAV."""

from keras import ops

from keras_center_ssl.errors import InputError
from keras_center_ssl.losses._similarity import check_pair
from keras_center_ssl.numerics import full_precision
from keras_center_ssl.types import Tensor


def swav(
    scores1: Tensor,
    scores2: Tensor,
    assignments1: Tensor,
    assignments2: Tensor,
    temperature: float = 0.1,
) -> Tensor:
    """Each view predicts the other view's assignment (SwAV, arXiv 2006.09882, eqs. 1 and 2).

    Args:
        scores1: Cosines of the first view's embeddings and the prototypes, `(B, K)`.
        scores2: Those of the second view.
        assignments1: Soft assignments of the first view, `(B, K)`, rows summing to 1, as
            `kcs.losses.sinkhorn` gives; held constant.
        assignments2: Those of the second view.
        temperature: Of the prediction `softmax(scores / temperature)`, above 0: .1 in the paper.

    Returns:
        A scalar: the cross-entropy, averaged over both directions (the paper's eq. 1 sums them,
        its code averages) and the batch. `log K` for uniform predictions.

    Raises:
        InputError: If shapes differ or `temperature` is not positive.
    """
    loss = swapped_prediction(scores1, assignments2, temperature)
    return (loss + swapped_prediction(scores2, assignments1, temperature)) / 2


def swapped_prediction(scores, assignments, temperature):
    """Cross-entropy of one view's `scores` against another view's `assignments`."""
    check_pair(scores, assignments, names=("scores", "assignments"), minimum=1)
    if temperature <= 0:
        raise InputError(f"swav needs a temperature above 0; received {temperature}.")
    assignments = ops.stop_gradient(ops.cast(assignments, full_precision()))
    log_prediction = ops.log_softmax(ops.cast(scores, full_precision()) / temperature, axis=-1)
    return -ops.mean(ops.sum(assignments * log_prediction, axis=-1))
