"""Ranks from the eigenvalues of a covariance, and the variance below which there is no rank."""

import numpy as np

# Below this total variance exact sums hold one point: embeddings within 1e-4 of each other.
NO_VARIANCE = 1e-8


def no_variance(dtype="float64", length=1):
    """The total variance below which embeddings are one point: their mean is a sum in `dtype`.

    The mean of `length` numbers of one sign is wrong by up to `length * eps` of it, whatever the
    order of the sum (Higham, 2002, section 4.2): identical unit vectors seem to lie that far from
    it. Below `NO_VARIANCE` the exact spread says nothing either.

    Args:
        dtype: Of the sums, as `"float32"`.
        length: Number of additions that follow on each other.
    """
    return max(NO_VARIANCE, float((length * np.finfo(dtype).eps) ** 2))


def effective_rank_of(spectrum, no_variance=NO_VARIANCE):
    """`effective_rank` from the eigenvalues of a covariance (squared singular values)."""
    singular = np.sqrt(np.maximum(spectrum, 0.0))
    if np.sum(spectrum) < no_variance:
        return 1.0
    p = singular[singular > 0] / singular.sum()
    return float(np.exp(-np.sum(p * np.log(p))))


def participation_ratio_of(spectrum, no_variance=NO_VARIANCE):
    """`participation_ratio` from the eigenvalues of a covariance."""
    total = np.sum(spectrum)
    return float(total**2 / np.sum(np.square(spectrum))) if total >= no_variance else 0.0
