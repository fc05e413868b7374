"""The figures as functions of embeddings."""

import numpy as np

from keras_center_ssl.errors import InputError
from keras_center_ssl.geometry import rows
from keras_center_ssl.geometry.moments import Moments
from keras_center_ssl.geometry.rows import as_rows, subsample, unit_rows
from keras_center_ssl.geometry.spectrum import effective_rank_of, participation_ratio_of
from keras_center_ssl.types import Array, Floats


def center(z: Array) -> Floats:
    """The centre vector: the mean of the unit embeddings.

    Args:
        z: `(n, d)` embeddings.

    Returns:
        `(d,)` float64. Its squared length overestimates `||s||^2` by about `1/n`; use
        `center_norm_squared` for a number to compare.
    """
    return Moments.of(z, second_moment=False).center


def center_norm_squared(z1: Array, z2: Array | None = None) -> float:
    """Squared length `U` of the centre vector, without bias.

    The mean cosine of two *different* samples. The squared length of a batch mean is not that: it
    contains each sample's cosine with itself, which adds `(1 - U) / n`.

    Args:
        z1: `(n, d)` embeddings.
        z2: `(n, d)` embeddings of second views of the same samples, or `None`. Both views of a
            sample are kept out of each other's pairs.

    Returns:
        Float, 1 when all samples coincide; may be slightly negative around 0.
    """
    return Moments.of(z1, z2, second_moment=False).center_norm_squared


def center_norm(z1: Array, z2: Array | None = None) -> float:
    """Length `||s|| = sqrt(max(0, U))` of the centre vector, in [0, 1]."""
    return Moments.of(z1, z2, second_moment=False).center_norm


def positive_cosine(z1: Array, z2: Array) -> float:
    """Mean cosine `A` of the two views of a sample, in [-1, 1]; estimates `E ||m_x||^2`."""
    return Moments.of(z1, z2, second_moment=False).positive_cosine


def between_variance(z1: Array, z2: Array) -> float:
    """Variance between samples, `B = A - U`: the part of the length that carries information."""
    return Moments.of(z1, z2, second_moment=False).between_variance


def alignment(z1: Array, z2: Array) -> float:
    """Mean squared distance of the two views of a sample, `2 - 2A`, in [0, 4].

    Source: Wang and Isola, 2020, with alpha = 2.
    """
    return Moments.of(z1, z2, second_moment=False).alignment


def normalized_std(z: Array) -> float:
    """Mean standard deviation per dimension, times `sqrt(d)`.

    About 1 for embeddings that are spread evenly, 0 when they coincide. Blind to duplicated
    dimensions: use a rank beside it. Source: Chen and He, 2021 (SimSiam), figure 2.
    """
    return Moments.of(z, second_moment=False).normalized_std


def effective_rank(z: Array, center: bool = True) -> float:
    """Exponential of the entropy of the singular values (RankMe).

    Args:
        z: `(n, d)` embeddings.
        center: Whether the mean is taken off first. `False` is RankMe as published, in which a
            large centre counts as one direction and hides the others.

    Returns:
        Float in `[1, min(n, d)]`; 1 when all samples coincide. Source: Garrido et al., 2023.
    """
    return effective_rank_of(covariance_spectrum(z, center=center))


def participation_ratio(z: Array) -> float:
    """`(sum l)^2 / sum l^2` of the eigenvalues `l` of the covariance.

    As many as there are directions, if all carry the same variance; dominated by the largest.

    Returns:
        Float in `[1, min(n - 1, d)]`, or 0 when the samples coincide (`sum l < 1e-8`).
    """
    return participation_ratio_of(covariance_spectrum(z))


def covariance_spectrum(z: Array, center: bool = True) -> Floats:
    """Eigenvalues of the covariance of the unit embeddings, largest first.

    Args:
        z: `(n, d)` embeddings.
        center: Whether the mean is taken off; `False` gives the second moment `E z z^T`.

    Returns:
        `(min(n, d),)` float64, not negative, normalised by `n`: the sum is `1 - ||mean||^2`
        (1 when not centred). The remaining `d - min(n, d)` eigenvalues are 0.
    """
    z = as_rows(z)
    if len(z) < z.shape[1]:
        # Fewer samples than dimensions: the n x n matrix of inner products has the same spectrum.
        unit = unit_rows(z)
        if center:
            unit -= unit.mean(axis=0)
        values = np.linalg.eigvalsh(unit @ unit.T / len(unit))
        return np.maximum(values[::-1], 0.0)
    return Moments.of(z).spectrum(center=center)


def pairwise_cosines(z: Array, max_samples: int = 512, seed: int = 0) -> Floats:
    """Cosines of all pairs of different samples.

    Args:
        z: `(n, d)` embeddings.
        max_samples: All samples up to this many, a random subsample of this size beyond.
        seed: Seed of the subsample.

    Returns:
        `(m (m - 1) / 2,)` float64 in [-1, 1], `m = min(n, max_samples)`.
    """
    unit = unit_rows(subsample(as_rows(z), max_samples, seed))
    return np.clip((unit @ unit.T)[np.triu_indices(len(unit), 1)], -1.0, 1.0)


def uniformity(z: Array, max_samples: int = 8192, seed: int = 0) -> float:
    """`log E_{i != j} exp(-2 ||z_i - z_j||^2)`: about -4 when spread evenly, 0 when one point.

    Args:
        z: `(n, d)` embeddings.
        max_samples: All pairs are taken up to this many samples; beyond it, all pairs of a random
            subsample of this size. `None`: all pairs, whatever it costs.
        seed: Seed of the subsample.

    Returns:
        Float in [-8, 0]. Source: Wang and Isola, 2020, with t = 2.
    """
    unit = unit_rows(subsample(as_rows(z), max_samples, seed))
    n = len(unit)
    total = 0.0
    step = max(1, rows.BLOCK_BYTES // (8 * n))
    for start in range(0, n, step):
        # ||a - b||^2 = 2 - 2<a, b> for unit vectors.
        kernel = np.exp(4.0 * np.minimum(unit[start : start + step] @ unit.T, 1.0) - 4.0)
        own = np.arange(len(kernel))
        kernel[own, start + own] = 0.0
        total += kernel.sum()
    return float(np.log(total / (n * (n - 1))))


def center_cosine(z1: Array, z2: Array) -> float:
    """Cosine between the centres of two sets of embeddings, for example successive batches.

    The sets may differ in size. About `U / (U + (1 - U) / n)` for batches of `n` from one
    distribution, so a value near 1 alone does not mean collapse.

    Returns:
        Float in [-1, 1]; 0 where a centre has no direction.
    """
    a, b = center(z1), center(z2)
    if len(a) != len(b):
        raise InputError(
            f"Received embeddings of {len(a)} and of {len(b)} dimensions; two centres are compared "
            "in one space. Use outputs of the same layer."
        )
    length = np.linalg.norm(a) * np.linalg.norm(b)
    return float(np.clip(a @ b / length, -1.0, 1.0)) if length > 1e-12 else 0.0
