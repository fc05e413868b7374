"""Variance, invariance and covariance regularisation."""

from keras import ops

from keras_center_ssl.errors import InputError
from keras_center_ssl.losses._similarity import check_pair
from keras_center_ssl.numerics import at_least, full_precision
from keras_center_ssl.types import Tensor

EPSILON = 1e-4


def vicreg(
    z1: Tensor,
    z2: Tensor,
    invariance_weight: float = 25.0,
    variance_weight: float = 25.0,
    covariance_weight: float = 1.0,
) -> Tensor:
    """VICReg's objective (Bardes et al., arXiv 2105.04906, eq. 6, scaled as the authors' code).

    - Invariance: `mean (z1 - z2)^2`, over the batch *and* the dimensions.
    - Variance: `mean_k [1 - sqrt(Var z_k + 1e-4)]_+`, the mean of both views.
    - Covariance: `1/D sum_{k != l} Cov(z)_kl^2`, the sum of both views.

    The paper's formulas sum the invariance over the dimensions and the variance over the views;
    its weights, the defaults here, belong to the code's scale. Variances and covariances are
    unbiased, divided by `B - 1`. Nothing depends on the mean of the embeddings: the centre is
    free, and the loss the same when both views are shifted by one vector.

    Args:
        z1: Embeddings of the first view, `(B, D)`; not normalised to unit length.
        z2: Embeddings of the second view, `(B, D)`. Under a distribution strategy both have to be
            those of the global batch, as the method's are.
        invariance_weight: 0 or more; 25 in the paper.
        variance_weight: 0 or more; 25 in the paper.
        covariance_weight: 0 or more; 1 in the paper.

    Returns:
        A scalar; .99 times `variance_weight` when all embeddings coincide.

    Raises:
        InputError: If shapes differ, the batch has one sample, or a weight is negative.
    """
    check_pair(z1, z2)
    weights = (invariance_weight, variance_weight, covariance_weight)
    if min(weights) < 0:
        raise InputError(
            "vicreg's weights of invariance, variance and covariance are 0 or more; received "
            f"{weights}."
        )
    z1, z2 = ops.cast(z1, full_precision()), ops.cast(z2, full_precision())
    invariance = ops.mean(ops.square(z1 - z2))
    variance1, covariance1 = _regularizers(z1)
    variance2, covariance2 = _regularizers(z2)
    return (
        invariance_weight * invariance
        + variance_weight * (variance1 + variance2) / 2
        + covariance_weight * (covariance1 + covariance2)
    )


def _regularizers(z):
    """The variance and covariance terms of one view."""
    z = z - ops.mean(z, axis=0)
    rows, dim = ops.cast(ops.shape(z)[0], full_precision()), z.shape[-1]
    std = ops.sqrt(ops.sum(ops.square(z), axis=0) / (rows - 1.0) + EPSILON)
    covariance = ops.matmul(ops.transpose(z), z) / (rows - 1.0)
    off_diagonal = covariance * (1.0 - ops.eye(dim))
    return ops.mean(at_least(1.0 - std, 0.0)), ops.sum(ops.square(off_diagonal)) / dim
