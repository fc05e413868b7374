"""Eigenvalues of a covariance, fast enough for a look at it during training."""

import math

import numpy as np

from keras_center_ssl import geometry

# Up to here the whole spectrum costs milliseconds; beyond, the leading eigenvalues do.
_EXACT_DIMENSIONS = 512


def participation_ratio(covariance, no_variance=geometry.NO_VARIANCE):
    """`(tr C)^2 / tr C^2` of a covariance; 0 where its trace is below `no_variance`."""
    trace = np.trace(covariance)
    if trace < no_variance:
        return 0.0
    return float(trace**2 / np.sum(np.square(covariance)))


def spectrum(covariance, limit):
    """Eigenvalues, largest first: all, or of a large matrix enough to say whether 99 % of the
    variance lie within `limit` directions; what they do not hold is one more entry at the end.
    """
    d = len(covariance)
    if d <= _EXACT_DIMENSIONS:
        return np.linalg.eigvalsh(covariance)[::-1].clip(min=0)
    # Subspace iteration from a seeded start (Halko et al., 2011).
    count = math.ceil(limit) + 16
    basis = np.random.default_rng(0).normal(size=(d, count))
    for _ in range(4):
        basis = np.linalg.qr(covariance @ basis)[0]
    leading = np.linalg.eigvalsh(basis.T @ covariance @ basis)[::-1].clip(min=0)
    return np.append(leading, max(np.trace(covariance) - leading.sum(), 0.0))


def log_shares(spectrum):
    """log10 of each eigenvalue's share, -8 at least."""
    shares = spectrum / max(spectrum.sum(), 1e-12)
    return np.log10(np.maximum(shares, 1e-8))
