"""The simplified objective: agreement of the views against the length of the centre vector."""

from keras import ops

from keras_center_ssl.losses._similarity import check_pair, unit
from keras_center_ssl.numerics import full_precision
from keras_center_ssl.types import Tensor


def center(
    z1: Tensor,
    z2: Tensor,
    center_weight: float = 1.0,
    decorrelation_weight: float = 0.0,
    *,
    cross_view: bool = False,
    unbiased: bool = False,
    reference_center: Tensor | None = None,
) -> Tensor:
    """`-mean <z1, z2> + center_weight ||c||^2 + decorrelation_weight ||M||_F^2`.

    `c` is the centre vector, the mean of all `2B` unit embeddings, and `M` their second moment
    matrix, the mean of `z z'`. The first two terms are the simplified objective of arXiv
    2402.14957 with the centre's square (whether the paper squares it is not known to us). They
    keep the representation from complete collapse when `center_weight` is above a critical value,
    but not from *dimensional* collapse: half the samples at `v`, half at `-v` reach the minimum.
    The third term, our addition, repairs that; `decorrelation_weight = 1 / (2 tau)` follows
    InfoNCE at temperature `tau`. `||M||_F^2` lies between `1 / D` and 1.

    Args:
        z1: Embeddings of the first view, `(B, D)`; L2-normalised here.
        z2: Embeddings of the second view, `(B, D)`.
        center_weight: Weight of the squared centre (lambda), 0 or more.
        decorrelation_weight: Weight of the squared second moment (mu), 0 or more.
        cross_view: Whether `<mean z1, mean z2>` takes the place of `||c||^2`.
        unbiased: Leave pairs of a sample with itself out of the squared centre, so that its
            expectation does not depend on the batch size (it may then be slightly negative).
        reference_center: Optional `(D,)` centre from elsewhere (a running mean, say). The squared
            centre becomes `2 <c, stop_gradient(reference)>`, which has the gradient of `||c||^2`
            where both agree.

    Returns:
        A scalar, the mean over the batch.

    Raises:
        InputError: If shapes differ or the batch has one sample.
    """
    check_pair(z1, z2)
    z1, z2 = unit(z1), unit(z2)
    agreement = ops.mean(ops.sum(z1 * z2, axis=-1))
    if reference_center is not None:
        batch_center = ops.mean((z1 + z2) / 2, axis=0)
        reference = ops.stop_gradient(ops.cast(reference_center, full_precision()))
        squared_center = 2 * ops.sum(batch_center * reference)
    else:
        squared_center = _squared_center(z1, z2, agreement, cross_view, unbiased)
    loss = -agreement + center_weight * squared_center
    if decorrelation_weight:
        loss = loss + decorrelation_weight * _squared_second_moment(ops.concatenate([z1, z2]))
    return loss


def _squared_center(z1, z2, agreement, cross_view, unbiased):
    mean1, mean2 = ops.mean(z1, axis=0), ops.mean(z2, axis=0)
    n = ops.cast(ops.shape(z1)[0], full_precision())
    if cross_view:
        squared = ops.sum(mean1 * mean2)
        return (n * squared - agreement) / (n - 1) if unbiased else squared
    squared = ops.sum(ops.square((mean1 + mean2) / 2))
    # Of the 4 n^2 pairs whose mean ||c||^2 is, 2 n are a vector with itself (cosine 1) and 2 n a
    # sample's two views: U = (4 n^2 ||c||^2 - 2 n - 2 sum <z1, z2>) / (4 n (n - 1)).
    return (2 * n * squared - 1 - agreement) / (2 * (n - 1)) if unbiased else squared


def _squared_second_moment(z):
    """`||mean z z'||_F^2`, through the smaller of the two Gram matrices (the same value)."""
    rows, dim = z.shape
    gram = ops.matmul(ops.transpose(z), z) if rows is None or dim <= rows else None
    if gram is None:
        gram = ops.matmul(z, ops.transpose(z))
    return ops.sum(ops.square(gram)) / ops.cast(ops.shape(z)[0], full_precision()) ** 2
