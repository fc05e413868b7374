"""Early warning from the centre: at which centre weight would this encoder not collapse?

NumPy only: works on features of any framework, before training or while it runs.

The simplified objective `-mean <z1, z2> + lambda ||c||^2` (arXiv 2402.14957) is, up to constants,
`-tr Cov(m_x) + (lambda - 1) ||s||^2`. Complete collapse is unstable if and only if

    lambda > lambda_c = 1 - rho_max

where `rho_max` is the largest share of between-sample variance `B_h / (B_h + W_h)` of any feature
`h` that the encoder can express (our derivation, checked by simulation). Here `h` is any *linear*
feature of the encoder's output, so that `rho_max` is the largest generalised eigenvalue of the
between-sample covariance against the total covariance. Two views of the same samples give both:
the covariance across views holds only what the views share, the covariance within a view all.

Training can find features that are not linear in an untrained encoder's output. `rho_max` can only
grow by them: the estimate of `lambda_c` is an upper bound, the safe side.
"""

import dataclasses

import numpy as np

from keras_center_ssl import geometry
from keras_center_ssl.diagnosis import sources
from keras_center_ssl.errors import InputError
from keras_center_ssl.types import Array

FOLDS = 5
# Ridge on the total covariance, relative to its mean eigenvalue; chosen on training folds.
RIDGES = (1e-6, 1e-3, 1e-2, 0.1, 1.0)
RIDGE_TOLERANCE = 1.02
# Directions that are kept of many-dimensional features, by variance.
MOST_DIRECTIONS = 256
FEW_SAMPLES = 32
# Variance below this share of the largest is rounding: features come in float32 at best, through
# some hundred layers whose errors add up as a random walk.
_ROUNDING = 100**2 * float(np.finfo(np.float32).eps) ** 2
_NAMES = ("features1", "features2")


@dataclasses.dataclass(frozen=True)
class CriticalCenterWeight:
    """What `critical_center_weight` found. `float(result)` is the critical weight.

    Attributes:
        critical_center_weight: Estimate of `lambda_c = 1 - rho_max`, in [0, 1].
        low: Lower end of its 95 % interval.
        high: Upper end. A centre weight above it does not collapse completely.
        rho_max: Largest share of between-sample variance of any linear feature.
        samples: Number of samples.
        dimension: Number of dimensions of the features.
        warnings: Sentences about what limits the estimate.
    """

    critical_center_weight: float
    low: float
    high: float
    rho_max: float
    samples: int
    dimension: int
    warnings: list

    def __float__(self):
        return self.critical_center_weight

    def to_dict(self):
        """The result as plain lists, dicts, strings and numbers."""
        return dataclasses.asdict(self)

    def says(self, center_weight):
        """What the estimate says of a centre weight: `"collapses"`, `"holds"` or `"unclear"`."""
        if center_weight < self.low:
            return "collapses"
        return "holds" if center_weight > self.high else "unclear"

    def __str__(self):
        lines = [
            f"Critical centre weight: {self.critical_center_weight:.3f} "
            f"(95 % interval {self.low:.3f} to {self.high:.3f}).",
            f"The feature that agrees best between two views has {100 * self.rho_max:.1f} % of its "
            f"variance between samples ({self.samples} samples, {self.dimension} dimensions).",
            "A centre weight below the interval lets all embeddings fall into one point.",
        ]
        return "\n".join([*lines, *(f"Warning: {warning}" for warning in self.warnings)])


def critical_center_weight(
    features1: Array,
    features2: Array,
    *,
    data_format: str | None = None,
    resamples: int = 500,
    seed: int = 0,
) -> CriticalCenterWeight:
    """Estimates the centre weight below which training collapses, from features of two views.

    The feature of the largest share is fitted on four fifths of the samples and measured on the
    fifth that was left out, in turns: measured where it was fitted, its share would be far too
    large for small samples. The total covariance is shrunk towards a multiple of the identity; how
    far is chosen on the four fifths alone. What is left is the opposite bias, since a fitted
    direction is not the best one: in `k` directions fitted on `n` samples, the noise around it
    grows by `1 / (1 - k / n)`, as it does for Fisher's discriminant; `k` is the trace of the
    shrunk hat matrix. The estimate takes that factor off again. The interval is the
    bootstrap's, its upper end without that correction, its lower end scaled down to what was
    measured in the fitting: it contains both biases, and is wide for few samples.

    Args:
        features1: `(n, d)` features of one view of each sample, of any framework and scale; of an
            untrained or a running encoder. `(n, h, w, d)` feature maps are averaged over height
            and width.
        features2: Features of a second view of the same samples, in the same order.
        data_format: Of feature maps, as in `kcs.diagnose`.
        resamples: Bootstrap resamples behind the interval.
        seed: Of folds and resamples.

    Returns:
        A `CriticalCenterWeight`.

    Raises:
        InputError: for shapes that differ, fewer than 8 samples, NaN or infinite entries, and
            features that do not vary.

    Example:

    >>> views = next(iter(dataset))[0]
    >>> kcs.critical_center_weight(encoder(views[0]), encoder(views[1]))
    """
    if features2 is None:
        raise InputError(
            "Received one view. A share of between-sample variance needs two views of the same "
            "samples: pass features1 and features2."
        )
    source = sources.from_arrays(features1, features2, data_format)
    n, d = source.samples, source.dimension
    if n < 8:
        raise InputError(
            f"Received {n} samples. Accepted: 8 or more, best some hundred; the share is measured "
            "on samples that were left out."
        )
    parts = [
        [geometry.finite_rows(z, name) for z, name in zip(views, _NAMES, strict=True)]
        for views in source.blocks()
    ]
    x, y = (np.concatenate(view) for view in zip(*parts, strict=True))
    x, y = _reduced(x, y)
    rng = np.random.default_rng(seed)
    products, squares, kept, optimistic = _held_out(x, y, rng)
    left_out = 1.0 - products.sum() / squares.sum()
    weights = rng.multinomial(n, np.full(n, 1 / n), size=resamples)
    drawn = 1.0 - (weights @ products) / (weights @ squares)
    low, high = np.quantile(drawn, [0.025, 0.975])
    low *= min(kept, optimistic / max(left_out, 1e-12))
    critical = kept * left_out
    critical, low, high = (float(np.clip(value, 0.0, 1.0)) for value in (critical, low, high))
    warnings = list(source.notes)
    if n < max(FEW_SAMPLES, 2 * d):
        warnings.append(
            f"{n} samples of {d} dimensions: the best feature is found only roughly, so that the "
            "critical weight comes out too high. Pass more samples."
        )
    return CriticalCenterWeight(
        critical_center_weight=critical,
        low=low,
        high=high,
        rho_max=1.0 - critical,
        samples=n,
        dimension=d,
        warnings=warnings,
    )


def _reduced(x, y):
    """Both views in the directions of the largest variance, centred and scaled together."""
    center = (x.mean(axis=0) + y.mean(axis=0)) / 2
    x, y = x - center, y - center
    pooled = np.concatenate([x, y])
    scale = np.abs(pooled).max()
    if not scale > 0:
        raise InputError(
            "Received features that are the same for all samples: nothing varies, so there is no "
            "share to measure. The encoder is collapsed or ignores its input."
        )
    _, singular, directions = np.linalg.svd(pooled / scale, full_matrices=False)
    keep = np.flatnonzero(singular**2 > _ROUNDING * singular[0] ** 2)[:MOST_DIRECTIONS]
    basis = directions[keep].T / scale
    return x @ basis, y @ basis


def _held_out(x, y, rng):
    """The feature fitted without each sample, at that sample.

    Returns:
        Product of both views and mean of their squares, `(n,)` each, relative to the fold's own
        mean and the training folds' total variance; the factor `1 - k / n`; and what the share
        of *noise* looks like where the feature was fitted.
    """
    n = len(x)
    fold = rng.permutation(np.arange(n) % FOLDS)
    products, squares, kept, optimistic = np.empty(n), np.empty(n), [], []
    for k in range(FOLDS):
        test, train = fold == k, fold != k
        direction, fitted = _best_feature(x[train], y[train], rng)
        products[test], squares[test] = _scores(x[test], y[test], direction)
        kept.append(max(1.0 - fitted / train.sum(), 0.5))
        optimistic.append(_noise_share(x[train], y[train], direction))
    return products, squares, float(np.mean(kept)), float(np.mean(optimistic))


def _noise_share(x, y, direction):
    """`1 - B / (B + W)` of a feature on some samples."""
    product, square = _scores(x, y, direction)
    return 1.0 - product.sum() / max(square.sum(), 1e-300)


def _best_feature(x, y, rng):
    """Direction of the largest share, and how many directions the ridge leaves to fit in.

    The ridge is the largest of those that do about as well as the best on samples left out.
    """
    part = rng.permutation(len(x)) % 4
    within = []
    for k in range(2):
        test = part == k
        fits = _directions(x[~test], y[~test])
        within.append([_noise_share(x[test], y[test], direction) for direction, _ in fits])
    within = np.mean(within, axis=0)
    # Of views that are equal the share of noise is 0, give or take rounding.
    least = within.min()
    chosen = max(np.flatnonzero(within <= max(RIDGE_TOLERANCE * least, least)))
    return _directions(x, y, [RIDGES[chosen]])[0]


def _directions(x, y, ridges=RIDGES):
    """For each ridge, the leading generalised eigenvector of between- against total covariance.

    Returns:
        A list of `(direction, fitted)`: `(d,)` of unit variance, and the trace of the hat matrix.
    """
    center = (x.mean(axis=0) + y.mean(axis=0)) / 2
    x, y = x - center, y - center
    total = (x.T @ x + y.T @ y) / (2 * len(x))
    between = x.T @ y / len(x)
    values, vectors = np.linalg.eigh(total)
    values = np.maximum(values, 0.0)
    between = vectors.T @ ((between + between.T) / 2) @ vectors
    found = []
    for ridge in ridges:
        shrunk = values + ridge * values.mean()
        scale = 1 / np.sqrt(shrunk)
        leading = np.linalg.eigh(scale[:, None] * between * scale)[1][:, -1]
        direction = vectors @ (scale * leading)
        direction /= np.sqrt(direction @ total @ direction)
        found.append((direction, float(np.sum(values / shrunk))))
    return found


def _scores(x, y, direction):
    a, b = x @ direction, y @ direction
    center = (a.mean() + b.mean()) / 2
    a, b = a - center, b - center
    # Unbiased: the mean of the fold is fitted to it.
    correction = len(a) / max(len(a) - 1, 1)
    return correction * a * b, correction * (a**2 + b**2) / 2
