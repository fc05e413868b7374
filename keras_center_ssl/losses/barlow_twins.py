"""The redundancy-reduction objective of Barlow Twins."""

from keras import ops

from keras_center_ssl.errors import InputError
from keras_center_ssl.losses._similarity import check_pair
from keras_center_ssl.numerics import full_precision, nan_unless
from keras_center_ssl.types import Tensor

EPSILON = 1e-5


def barlow_twins(
    z1: Tensor, z2: Tensor, redundancy_weight: float = 5e-3, *, standardize: bool = True
) -> Tensor:
    """`sum_k (1 - C_kk)^2 + redundancy_weight sum_{k != l} C_kl^2` (arXiv 2103.03230, eq. 1).

    `C` is the cross-correlation of the two views' dimensions over the batch. Each dimension is
    standardised by the batch's own mean and *biased* variance, both differentiable, as a batch
    norm without scale and offset does it (epsilon 1e-5). Subtracting the mean removes the centre
    before the loss sees it; the off-diagonal acts as negatives.

    Args:
        z1: Embeddings of the first view, `(B, D)`; not normalised to unit length.
        z2: Embeddings of the second view, `(B, D)`. Under a distribution strategy both have to be
            those of the global batch, as the method's are.
        redundancy_weight: Weight of the off-diagonal (lambda): 5e-3 in the paper; 0 leaves the
            invariance term alone.
        standardize: Whether the embeddings are standardised. `False` compares raw second moments,
            `C = z1' z2 / B`: "Barlow Twins without batch norm".

    Returns:
        A scalar: a sum over dimensions, of a mean over the batch (the authors' code, and most
        others, multiply it by a further .024 to .1).

    Raises:
        InputError: If shapes differ, the batch has one sample, or the weight is negative.
    """
    check_pair(z1, z2)
    if redundancy_weight < 0:
        raise InputError(f"redundancy_weight is 0 or more; received {redundancy_weight}.")
    z1, z2 = ops.cast(z1, full_precision()), ops.cast(z2, full_precision())
    if standardize:
        z1, z2 = _standardized(z1), _standardized(z2)
    diagonal = ops.mean(z1 * z2, axis=0)
    invariance = ops.sum(ops.square(1.0 - diagonal))
    if not redundancy_weight:
        return invariance
    correlation = ops.matmul(ops.transpose(z1), z2) / ops.cast(ops.shape(z1)[0], full_precision())
    # The diagonal is masked, not subtracted from the sum, which would cost digits near the optimum.
    redundancy = ops.sum(ops.square(correlation * (1.0 - ops.eye(z1.shape[-1]))))
    return invariance + redundancy_weight * redundancy


def _standardized(z):
    centered = z - ops.mean(z, axis=0)
    variance = ops.mean(ops.square(centered), axis=0)
    # Too large to be squared, a dimension would be divided by infinity.
    return nan_unless(ops.isfinite(variance), centered * ops.rsqrt(variance + EPSILON))
