"""SIGReg: how far projections of embeddings are from normal."""

import numpy as np
from keras import ops

from keras_center_ssl.errors import InputError
from keras_center_ssl.losses._similarity import check_rows
from keras_center_ssl.losses._views import as_directions
from keras_center_ssl.numerics import full_precision
from keras_center_ssl.types import Tensor


def sigreg(z: Tensor, directions: Tensor, knots: int = 17, largest: float = 3.0) -> Tensor:
    """Sketched isotropic Gaussian regularisation (Balestriero & LeCun, LeJEPA, arXiv 2511.08544).

    Along each direction the Epps-Pulley statistic
    `T = B sum_j w_j |mean exp(i t_j x) - exp(-t_j^2 / 2)|^2` compares the empirical characteristic
    function of the projections `x` with that of N(0, 1), by the trapezoidal rule on
    `[-largest, largest]`; `w_j` is the rule's weight times `exp(-t_j^2 / 2)`. Both halves of the
    interval are equal, so that only `t_j >= 0` are computed.

    Nothing is centred or brought to unit length: a shift `s` of normal embeddings adds about
    `.48 B ||s||^2 / D`, which pins the centre at 0, the harder, the larger the batch is. Where all
    embeddings lie in the origin the gradient is 0.

    Args:
        z: Embeddings `(B, D)`; not normalised. Under a distribution strategy those of the global
            batch: of local ones, statistic and gradient are others.
        directions: Unit columns `(D, K)`, drawn anew for every step; held constant.
        knots: Number of `t_j`, 2 or more: 17 in the paper's code.
        largest: The last of them, above 0: 3 in the authors' minimal version.

    Returns:
        A scalar, the mean over the directions: about 1.05 for normal embeddings whatever B is,
        .402 B where all embeddings are 0.

    Raises:
        InputError: If shapes do not fit, `knots` is below 2 or `largest` not positive.
    """
    check_rows(z)
    if knots < 2 or largest <= 0:
        raise InputError(
            f"sigreg needs 2 or more knots up to a largest one above 0; received knots={knots}, "
            f"largest={largest}. Published: 17 and 3."
        )
    projections = ops.matmul(ops.cast(z, full_precision()), as_directions(directions, z.shape[-1]))
    t, target, weights = (ops.convert_to_tensor(x, full_precision()) for x in _rule(knots, largest))
    angles = ops.expand_dims(projections, -1) * t
    real, imaginary = ops.mean(ops.cos(angles), axis=0), ops.mean(ops.sin(angles), axis=0)
    distance = ops.square(real - target) + ops.square(imaginary)
    rows = ops.cast(ops.shape(z)[0], full_precision())
    return rows * ops.mean(ops.sum(weights * distance, axis=-1))


def _rule(knots, largest):
    """Knots, the normal characteristic function there, and their weights."""
    t = np.linspace(0.0, largest, knots)
    target = np.exp(-np.square(t) / 2)
    # Of the whole interval: each inner knot stands for itself and for its mirror image.
    step = np.full(knots, 2 * t[1])
    step[[0, -1]] = t[1]
    return t, target, step * target
