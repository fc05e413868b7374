"""Sinkhorn-Knopp: soft assignments that use all prototypes alike."""

from keras import ops

from keras_center_ssl.errors import InputError
from keras_center_ssl.numerics import full_precision
from keras_center_ssl.types import Tensor


def sinkhorn(scores: Tensor, epsilon: float = 0.05, iterations: int = 3) -> Tensor:
    """Assignments of samples to prototypes, equally many to each (SwAV, arXiv 2006.09882, eq. 3).

    The rows and columns of `exp(scores / epsilon)` are scaled in turn, so that every prototype
    gets the share `1 / K` of the batch and every sample is assigned once. All in logarithms:
    nothing overflows, whatever `epsilon`.

    Args:
        scores: Cosines of embeddings and prototypes, `(B, K)`. Under a distribution strategy those
            of the global batch, as the method's are.
        epsilon: Temperature of the assignments, above 0: .05 in the paper. Towards 0 they become
            hard, towards infinity uniform.
        iterations: How often columns and rows are scaled, from 1.

    Returns:
        Assignments `(B, K)`, float32 and without gradient. Rows sum to 1; columns to about `B / K`,
        exactly as `iterations` grows.

    Raises:
        InputError: If `scores` is no matrix, `epsilon` not positive or `iterations` below 1.
    """
    if len(scores.shape) != 2:
        raise InputError(
            "sinkhorn takes the scores of a batch against all prototypes, (B, K); received shape "
            f"{tuple(scores.shape)}."
        )
    if epsilon <= 0 or iterations < 1:
        raise InputError(
            "sinkhorn needs an epsilon above 0 and at least 1 iteration; received "
            f"epsilon={epsilon}, iterations={iterations}."
        )
    log_share = ops.stop_gradient(ops.cast(scores, full_precision())) / epsilon
    for _ in range(iterations):
        log_share = log_share - ops.logsumexp(log_share, axis=0, keepdims=True)
        log_share = log_share - ops.logsumexp(log_share, axis=1, keepdims=True)
    return ops.exp(log_share)
