"""Figures by which others judge representations without labels: spectra, clusters, dimension.

Except `self_cluster` they take the embeddings as they are, not brought to unit length, as
published.
"""

import numpy as np

from keras_center_ssl.errors import InputError
from keras_center_ssl.geometry.rows import as_rows, blocks, finite_rows, subsample, unit_rows
from keras_center_ssl.types import Array

# Ranks of the spectrum that alpha-ReQ fits: past the first, which are few, and before the noise.
_FIRST_RANK, _LAST_RANK = 6, 100
_WITHIN_RIDGE = 1e-4
_SMALLEST_SHARE = 1e-8


def lidar(*views: Array) -> float:
    """LiDAR: the rank of what tells images apart, in units of what tells their views apart.

    `exp` of the entropy of the eigenvalues of `S_w^-1/2 S_b S_w^-1/2`, with `S_b` the covariance of
    the images' mean embeddings and `S_w` the pooled covariance of the views around them, plus 1e-4
    of the identity. Directions that vary between views of one image count for little.

    Args:
        *views: Two or more `(n, d)` arrays: embeddings of views of the same `n` images, in order.

    Returns:
        Float in `[1, d]`. Source: Thilak et al., 2024 (arXiv 2312.04000).
    """
    if len(views) < 2:
        raise InputError(
            f"LiDAR compares views of the same images; received {len(views)} array(s). Pass two or "
            "more: lidar(z1, z2)."
        )
    names = [f"z{k + 1}" for k in range(len(views))]
    z = [finite_rows(as_rows(v, name), name) for v, name in zip(views, names, strict=True)]
    if len({v.shape for v in z}) > 1:
        raise InputError(
            f"Received views of shapes {[v.shape for v in z]}. Accepted: views of the same images, "
            "row by row, so all shapes must be equal."
        )
    z = np.stack(z)
    count, (n, d) = len(z), z.shape[1:]
    means = z.mean(axis=0)
    centred = means - means.mean(axis=0)
    between = centred.T @ centred / (n - 1)
    rest = (z - means).reshape(-1, d)
    within = rest.T @ rest / (n * (count - 1)) + _WITHIN_RIDGE * np.eye(d)
    values, vectors = np.linalg.eigh(within)
    root = vectors / np.sqrt(values) @ vectors.T
    shares = np.maximum(np.linalg.eigvalsh(root @ between @ root), 0.0)
    if not shares.sum() > 0:
        return 1.0
    shares = shares / shares.sum() + _SMALLEST_SHARE
    return float(np.exp(-np.sum(shares * np.log(shares))))


def alpha_req(z: Array) -> float:
    """alpha-ReQ: the exponent with which the spectrum of the covariance falls off.

    The slope of `log l_i` against `log i` over the ranks 6 to 100, each with the weight `1 / i`.
    About 1 in representations that generalise; larger: few directions; smaller: noise.

    Args:
        z: `(n, d)` embeddings with 8 or more directions that vary.

    Returns:
        Float; 1.5 for a spectrum `i^-1.5`. Source: Agrawal et al., 2022 (NeurIPS).
    """
    return alpha_req_of(_spectrum(z))


def alpha_req_of(spectrum):
    """`alpha_req` from the eigenvalues of a covariance, largest first."""
    values = np.asarray(spectrum, dtype=np.float64)[:_LAST_RANK]
    ranks = np.arange(1, len(values) + 1)
    # Where nothing varies there is rounding, and no power law.
    used = (ranks >= _FIRST_RANK) & (values > 1e-12 * max(values[0], 0.0))
    if used.sum() < 3:
        raise InputError(
            f"A power law is fitted from rank {_FIRST_RANK} on; received {int(np.sum(values > 0))} "
            "directions that vary. Pass more samples, or embeddings of more dimensions."
        )
    x, y, weights = np.log(ranks[used]), np.log(values[used]), 1.0 / ranks[used]
    x = x - np.average(x, weights=weights)
    return float(-np.sum(weights * x * y) / np.sum(weights * x * x))


def nesum(z: Array) -> float:
    """NESum: the variance in units of that of the largest direction, `sum l_i / l_1`.

    Args:
        z: `(n, d)` embeddings.

    Returns:
        Float in `[1, d]`; 0 where nothing varies. Source: He and Ozay, 2022 (ICML).
    """
    return nesum_of(_spectrum(z))


def nesum_of(spectrum):
    """`nesum` from the eigenvalues of a covariance, largest first."""
    return float(np.sum(spectrum) / spectrum[0]) if spectrum[0] > 0 else 0.0


def self_cluster(z: Array) -> float:
    """SelfCluster: how much more alike the embeddings are than random ones.

    `(||Z Z'||_F^2 - e) / (n^2 - e)` of unit rows, with `e = n + n (n - 1) / d` what vectors spread
    uniformly on the sphere give. It is the purity of the second moment, which a long centre raises
    as much as a low rank does.

    Args:
        z: `(n, d)` embeddings.

    Returns:
        Float: about 0 when spread evenly, 1 for one point. Source: Tsitsulin et al., 2023.
    """
    z = as_rows(z)
    n, d = z.shape
    if d == 1:
        return 1.0
    second = np.zeros((d, d))
    for rows in blocks(z):
        unit = unit_rows(z[rows])
        second += unit.T @ unit
    expected = n + n * (n - 1) / d
    return float((np.sum(second**2) - expected) / (n**2 - expected))


def two_nn(z: Array, max_samples: int = 8192, seed: int = 0) -> float:
    """TwoNN: the intrinsic dimension, from distances to the two nearest neighbours.

    `(m - 1) / sum log(r2 / r1)` over the `m` samples whose nearest neighbour is not a duplicate.

    Args:
        z: `(n, d)` embeddings of 3 or more different points.
        max_samples: All samples up to this many, a random subsample of this size beyond.
        seed: Seed of the subsample.

    Returns:
        Float; about 2 for points spread over a square. Source: Facco et al., 2017.
    """
    rows = finite_rows(subsample(as_rows(z, minimum=3), max_samples, seed))
    rows -= rows.mean(axis=0)
    squares = np.einsum("ij,ij->i", rows, rows)
    logs = []
    step = max(1, 2**22 // len(rows))
    for start in range(0, len(rows), step):
        part = slice(start, start + step)
        squared = squares[part, None] + squares - 2.0 * rows[part] @ rows.T
        nearest = np.argpartition(squared, 2, axis=1)[:, :3]
        # Exactly: the differences above lose the digits of near neighbours.
        distances = np.sort(np.linalg.norm(rows[part, None] - rows[nearest], axis=-1), axis=1)
        first, second = distances[:, 1], distances[:, 2]
        logs.append(np.log(second[first > 0] / first[first > 0]))
    logs = np.concatenate(logs)
    if not logs.sum() > 0:
        raise InputError(
            f"Received {len(rows)} samples without two neighbours at different distances: "
            "duplicates have no dimension. Pass 3 or more different embeddings."
        )
    return float((len(logs) - 1) / logs.sum())


def _spectrum(z):
    """Eigenvalues of the covariance of embeddings as they are, largest first."""
    z = finite_rows(as_rows(z))
    z -= z.mean(axis=0)
    small = z @ z.T if len(z) < z.shape[1] else z.T @ z
    return np.maximum(np.linalg.eigvalsh(small / len(z))[::-1], 0.0)
