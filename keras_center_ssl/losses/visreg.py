"""The objective of VISReg: variance, invariance and sketching."""

import math

from keras import ops

from keras_center_ssl.losses._views import (
    as_directions,
    as_views,
    check_share,
    check_weights,
    invariance,
)
from keras_center_ssl.numerics import full_precision
from keras_center_ssl.types import Tensor

# Inside the root, for the derivative of a standard deviation of 0 is no number.
VARIANCE_EPSILON = 1e-6
STD_EPSILON = 1e-4


def visreg(
    views: Tensor,
    directions: Tensor,
    global_views: int = 2,
    weight: float = 0.9,
    scale_weight: float = 1.0,
    shape_weight: float = 1.0,
    center_weight: float = 1.0,
) -> Tensor:
    """`(1 - weight) invariance + weight (scale + shape + center)` (VISReg, arXiv 2606.02572).

    - Invariance: as LeJEPA's, `mean (z - m)^2`, `m` each sample's mean over the global views.
    - Scale: `mean_d (1 - std_d)^2`, the standard deviation over the batch (divided by B, 1e-6
      inside the root).
    - Shape: `y = (z - mean) / (std + 1e-4)`, the deviation held constant; the projections of `y` on
      each direction, sorted, against the normal quantiles at `i / (B + 1)`: the mean squared
      distance.
    - Centre: `mean_d (mean_n z_d)^2`.

    The last three are means over all views, the global ones included. Scale and shape do not see
    the mean of the embeddings: the centre has a term, and a weight, of its own. Nothing is brought
    to unit length, and there is no teacher and no stop-gradient but the one in the shape.

    Args:
        views: Embeddings of all views `(V, B, D)`, the global ones first; or a list of `(B, D)`.
            Under a distribution strategy those of the global batch, as the method's are.
        directions: Unit columns `(D, K)`, drawn anew for every step.
        global_views: How many of the views are global, at least 1.
        weight: Share of the three regularisers in the loss, 0 to 1: .9 in the paper, .6 on small
            data.
        scale_weight: 0 or more; 1 in the paper.
        shape_weight: 0 or more; 1 in the paper.
        center_weight: 0 or more; 1 in the paper. 0 leaves the centre free.

    Returns:
        A scalar, the mean over views, samples and dimensions. Where all embeddings coincide, scale
        and, for a large batch, shape are 1. The gradient there is finite, and that of the shape
        pulls them apart.

    Raises:
        InputError: If shapes do not fit, the batch has one sample, or a number is out of its range.
    """
    views = as_views(views, global_views, minimum=2)
    directions = as_directions(directions, views.shape[-1])
    check_share("weight", weight)
    check_weights(
        "visreg", scale_weight=scale_weight, shape_weight=shape_weight, center_weight=center_weight
    )
    mean = ops.mean(views, axis=1, keepdims=True)
    centered = views - mean
    std = ops.sqrt(ops.mean(ops.square(centered), axis=1, keepdims=True) + VARIANCE_EPSILON)
    regularizers = center_weight * ops.mean(ops.square(mean))
    if scale_weight:
        regularizers = regularizers + scale_weight * ops.mean(ops.square(1.0 - std))
    if shape_weight:
        normalized = centered / (ops.stop_gradient(std) + STD_EPSILON)
        regularizers = regularizers + shape_weight * _shape(normalized, directions)
    return (1.0 - weight) * invariance(views, global_views) + weight * regularizers


def _shape(normalized, directions):
    """Mean squared distance of sorted projections to the normal quantiles."""
    # Views and directions first, so that the samples to sort are the last axis.
    projections = ops.transpose(ops.matmul(normalized, directions), (0, 2, 1))
    rows = ops.shape(normalized)[1]
    place = ops.cast(ops.arange(1, rows + 1, dtype="int32"), full_precision())
    share = place / (ops.cast(rows, full_precision()) + 1.0)
    quantiles = math.sqrt(2.0) * ops.erfinv(2.0 * share - 1.0)
    return ops.mean(ops.square(ops.sort(projections, axis=-1) - quantiles))
