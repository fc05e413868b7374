"""The geometry of a set of embeddings: centre, spread, rank. NumPy only, in float64.

Every function takes embeddings of shape `(n, d)` (any real dtype, one row per sample), brings each
row to unit length and returns a float or an array. Unit length gives one budget to spend:

    1 = U + B + W

with `U = ||s||^2` the squared length of the centre vector `s` (what all samples share), `B` the
variance between samples (what tells them apart) and `W = 1 - A` the augmentation noise (what
tells two views of one sample apart; it needs two views to be seen).

`Moments` holds the sums that nearly every figure derives from. It is fed block by block, so that
files larger than memory can be measured, and two of them merge into one.
"""

from keras_center_ssl.geometry.label_free import (
    alpha_req,
    alpha_req_of,
    lidar,
    nesum,
    nesum_of,
    self_cluster,
    two_nn,
)
from keras_center_ssl.geometry.measures import (
    alignment,
    between_variance,
    center,
    center_cosine,
    center_norm,
    center_norm_squared,
    covariance_spectrum,
    effective_rank,
    normalized_std,
    pairwise_cosines,
    participation_ratio,
    positive_cosine,
    uniformity,
)
from keras_center_ssl.geometry.moments import Moments
from keras_center_ssl.geometry.rows import (
    as_array,
    as_rows,
    as_views,
    finite_rows,
    refuse_bad_rows,
    subsample,
    unit_rows,
)
from keras_center_ssl.geometry.spectrum import (
    NO_VARIANCE,
    effective_rank_of,
    no_variance,
    participation_ratio_of,
)

__all__ = [
    "NO_VARIANCE",
    "Moments",
    "alignment",
    "alpha_req",
    "alpha_req_of",
    "as_array",
    "as_rows",
    "as_views",
    "between_variance",
    "center",
    "center_cosine",
    "center_norm",
    "center_norm_squared",
    "covariance_spectrum",
    "effective_rank",
    "effective_rank_of",
    "finite_rows",
    "lidar",
    "nesum",
    "nesum_of",
    "no_variance",
    "normalized_std",
    "pairwise_cosines",
    "participation_ratio",
    "participation_ratio_of",
    "positive_cosine",
    "refuse_bad_rows",
    "self_cluster",
    "subsample",
    "two_nn",
    "uniformity",
    "unit_rows",
]
