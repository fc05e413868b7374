"""Ranks from the eigenvalues of a covariance, and the variance below which there is no rank."""

import numpy as np

# Below this total variance exact sums hold one point: embeddings within 1e-4 of each other.
NO_VARIANCE = 1e-8


def no_variance(precision="float64", terms=1):
    """The total variance of unit embeddings that sums cannot tell from none.

    The total variance is the difference of two numbers near 1: the mean squared length and the
    squared length of the mean. Bringing a row to unit length leaves some units in the last place,
    and a sum of `terms` rows about their square root more. On one processor identical float32
    rows come out with a variance of 0, on another with 1.8e-7.

    Args:
        precision: Name of the type in which the rows were normalised and summed.
        terms: Number of rows in the sums.

    Returns:
        Float, `NO_VARIANCE` or more. The ranks of a spectrum that sums to less are noise.
    """
    return max(NO_VARIANCE, float(np.finfo(precision).eps) * (16.0 + np.sqrt(terms)))


def effective_rank_of(spectrum, least=NO_VARIANCE):
    """`effective_rank` from the eigenvalues of a covariance (squared singular values).

    Args:
        spectrum: Eigenvalues, in any order.
        least: Total variance below which the rank is 1: `no_variance` of the sums behind it.
    """
    singular = np.sqrt(np.maximum(spectrum, 0.0))
    if np.sum(spectrum) < least:
        return 1.0
    p = singular[singular > 0] / singular.sum()
    return float(np.exp(-np.sum(p * np.log(p))))


def participation_ratio_of(spectrum, least=NO_VARIANCE):
    """`participation_ratio` from the eigenvalues of a covariance; 0 below a variance of `least`."""
    total = np.sum(spectrum)
    return float(total**2 / np.sum(np.square(spectrum))) if total >= least else 0.0
