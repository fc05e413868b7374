"""The triplet objective with the negatives of the batch."""

from keras import ops

from keras_center_ssl.errors import InputError
from keras_center_ssl.losses._similarity import check_pair, unit
from keras_center_ssl.numerics import at_least, full_precision
from keras_center_ssl.types import Tensor


def triplet(anchor: Tensor, positive: Tensor, margin: float | None = 1.0) -> Tensor:
    """`mean [margin - <anchor_i, positive_i> + <anchor_i, positive_j>]_+` over all `i != j`.

    The triplet loss of FaceNet (Schroff et al., arXiv 1503.03832, eq. 1) with every other
    sample's positive as a negative, in cosines: for unit vectors the squared distance is two
    minus twice the cosine, so that FaceNet's margin of .2 is `margin=0.1` here, and its loss
    twice this one.

    Without the hinge (`margin=None`) it is `kcs.losses.center` at `center_weight=1` with
    `cross_view=True` and `unbiased=True`: attraction of the views, and repulsion from the
    centre. A hinge restricts both to the triplets that it leaves active; from 2 on all are.

    Args:
        anchor: Embeddings of the first view, `(B, D)`; L2-normalised here.
        positive: Embeddings of the second view, `(B, D)`.
        margin: By how much the positive's cosine has to exceed a negative's, above 0; `None`
            leaves out the hinge.

    Returns:
        A scalar, the mean over all `B (B - 1)` triplets, active or not: `margin` when all
        embeddings coincide, 0 when every positive is further ahead than the margin.

    Raises:
        InputError: If shapes differ, the batch has one sample, or `margin` is not positive.
    """
    check_pair(anchor, positive, names=("anchor", "positive"))
    if margin is not None and margin <= 0:
        raise InputError(f"A triplet's margin is above 0, or None for no hinge; received {margin}.")
    anchor, positive = unit(anchor), unit(positive)
    agreement = ops.sum(anchor * positive, axis=-1)
    n = ops.cast(ops.shape(anchor)[0], full_precision())
    if margin is None:
        # The sum over all pairs is <sum anchor, sum positive>: no B x B matrix is needed.
        total = ops.sum(ops.sum(anchor, axis=0) * ops.sum(positive, axis=0))
        return (total - ops.sum(agreement)) / (n * (n - 1)) - ops.mean(agreement)
    cosines = ops.matmul(anchor, ops.transpose(positive))
    hinge = at_least(margin - agreement[:, None] + cosines, 0.0)
    return ops.sum(hinge * (1.0 - ops.eye(ops.shape(anchor)[0]))) / (n * (n - 1))
