"""Transformation invariance and covariance contrast."""

from keras import ops

from keras_center_ssl.errors import InputError
from keras_center_ssl.losses._similarity import check_pair, unit
from keras_center_ssl.numerics import full_precision
from keras_center_ssl.types import Tensor


def tico(z1: Tensor, z2: Tensor, second_moment: Tensor, rho: float = 8.0) -> Tensor:
    """`1 - mean <z1, z2> + rho mean z1' C z1` (Zhu et al., TiCo, arXiv 2206.10698).

    `C` is a running second moment of the embeddings, `C <- beta C + (1 - beta) z1' z1 / B`. It is
    the method's state: this function takes it *as it is after this batch has gone in*, so that
    the first batches repel, too. It is a second moment and not a covariance: of a centred `C`,
    embeddings that coincide would cost nothing. The centre is one direction of it among others,
    and repels with the fourth power of its length: weakly while it is short.

    Args:
        z1: Embeddings of the first view, `(B, D)`; L2-normalised here.
        z2: Embeddings of the second view, `(B, D)`, of a momentum teacher in the paper. Whether
            they are held constant is the caller's choice.
        second_moment: The updated `C`, `(D, D)`; held constant.
        rho: Weight of the repulsion, 0 or more: 8 in the paper.

    Returns:
        A scalar, 0 or more. Where `C` has settled, `rho` when all embeddings coincide, and
        `rho / D` when they agree and use all dimensions alike.

    Raises:
        InputError: If shapes differ or `rho` is negative.
    """
    check_pair(z1, z2, minimum=1)
    dim = z1.shape[-1]
    if tuple(second_moment.shape) != (dim, dim):
        raise InputError(
            f"second_moment is (D, D), here ({dim}, {dim}); received shape "
            f"{tuple(second_moment.shape)}. It is the running mean of z1' z1 / B."
        )
    if rho < 0:
        raise InputError(f"rho is 0 or more; received {rho}. Published: 8.")
    z1, z2 = unit(z1), unit(z2)
    moment = ops.stop_gradient(ops.cast(second_moment, full_precision()))
    attraction = ops.mean(ops.sum(z1 * z2, axis=-1))
    repulsion = ops.mean(ops.sum(ops.matmul(z1, moment) * z1, axis=-1))
    return 1.0 - attraction + rho * repulsion
