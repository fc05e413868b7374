"""The coding rate, by which SimDINO keeps embeddings apart."""

from keras import ops

from keras_center_ssl.errors import InputError
from keras_center_ssl.losses._similarity import check_rows, unit
from keras_center_ssl.numerics import nan_unless
from keras_center_ssl.types import Tensor


def coding_rate(z: Tensor, epsilon: float = 0.05) -> Tensor:
    """`1/2 log det(I + D / (B epsilon) z' z)`, of unit embeddings (Wu et al., SimDINO, arXiv
    2502.10385, after Ma et al. 2007).

    About how many nats it takes to code an embedding up to a squared error of `epsilon`: more, the
    more evenly the embeddings use their dimensions. The second moment is not centred, and the
    centre counts as one dimension: a long one is allowed, but alone it gains only
    `1/2 log(1 + D / epsilon)`.

    To be made large: SimDINO *subtracts* `gamma` times the coding rate from its loss.

    Args:
        z: Embeddings `(B, D)`; L2-normalised here. Under a distribution strategy those of the
            global batch, as the method's are.
        epsilon: Squared error of the code, above 0: .05 in the paper, .5 in older code.

    Returns:
        A scalar, 0 or more: `1/2 log(1 + D / epsilon)` where all embeddings coincide, and
        `D/2 log(1 + 1 / epsilon)`, the largest, where they use all dimensions alike.

    Raises:
        InputError: If the shape is not `(B, D)` or `epsilon` is not positive.
    """
    check_rows(z)
    if epsilon <= 0:
        raise InputError(
            f"epsilon, the squared error of the code, is above 0; received {epsilon}. Published: "
            "0.05."
        )
    z = unit(z)
    dim = z.shape[-1]
    rows = ops.cast(ops.shape(z)[0], z.dtype)
    # z z' has the same determinant, and may be the smaller one.
    few = z.shape[0] is not None and z.shape[0] < dim
    gram = ops.matmul(z, ops.transpose(z)) if few else ops.matmul(ops.transpose(z), z)
    identity = ops.eye(z.shape[0] if few else dim, dtype=z.dtype)
    matrix = identity + dim / (rows * epsilon) * gram
    # TensorFlow's factorisation ends the program at a NaN.
    finite = ops.all(ops.isfinite(matrix))
    factor = ops.cholesky(ops.where(finite, matrix, identity))
    return nan_unless(finite, ops.sum(ops.log(ops.diagonal(factor))))
