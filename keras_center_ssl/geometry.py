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

import numpy as np

from keras_center_ssl.errors import InputError

# Below this total variance the embeddings are one point, and a rank of the rest is rounding noise.
NO_VARIANCE = 1e-8

_BLOCK_BYTES = 32 * 2**20


def center(z):
    """The centre vector: the mean of the unit embeddings.

    Args:
        z: `(n, d)` embeddings.

    Returns:
        `(d,)` float64. Its squared length overestimates `||s||^2` by about `1/n`; use
        `center_norm_squared` for a number to compare.
    """
    return Moments.of(z, second_moment=False).center


def center_norm_squared(z1, z2=None):
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


def center_norm(z1, z2=None):
    """Length `||s|| = sqrt(max(0, U))` of the centre vector, in [0, 1]."""
    return Moments.of(z1, z2, second_moment=False).center_norm


def positive_cosine(z1, z2):
    """Mean cosine `A` of the two views of a sample, in [-1, 1]; estimates `E ||m_x||^2`."""
    return Moments.of(z1, z2, second_moment=False).positive_cosine


def between_variance(z1, z2):
    """Variance between samples, `B = A - U`: the part of the length that carries information."""
    return Moments.of(z1, z2, second_moment=False).between_variance


def alignment(z1, z2):
    """Mean squared distance of the two views of a sample, `2 - 2A`, in [0, 4].

    Source: Wang and Isola, 2020, with alpha = 2.
    """
    return Moments.of(z1, z2, second_moment=False).alignment


def normalized_std(z):
    """Mean standard deviation per dimension, times `sqrt(d)`.

    About 1 for embeddings that are spread evenly, 0 when they coincide. Blind to duplicated
    dimensions: use a rank beside it. Source: Chen and He, 2021 (SimSiam), figure 2.
    """
    return Moments.of(z, second_moment=False).normalized_std


def effective_rank(z, center=True):
    """Exponential of the entropy of the singular values (RankMe).

    Args:
        z: `(n, d)` embeddings.
        center: Whether the mean is taken off first. `False` is RankMe as published, in which a
            large centre counts as one direction and hides the others.

    Returns:
        Float in `[1, min(n, d)]`; 1 when all samples coincide. Source: Garrido et al., 2023.
    """
    return effective_rank_of(covariance_spectrum(z, center=center))


def participation_ratio(z):
    """`(sum l)^2 / sum l^2` of the eigenvalues `l` of the covariance.

    As many as there are directions, if all carry the same variance; dominated by the largest.

    Returns:
        Float in `[1, min(n - 1, d)]`, or 0 when the samples coincide (`sum l < 1e-8`).
    """
    return participation_ratio_of(covariance_spectrum(z))


def covariance_spectrum(z, center=True):
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


def pairwise_cosines(z, max_samples=512, seed=0):
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


def uniformity(z, max_samples=8192, seed=0):
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
    step = max(1, _BLOCK_BYTES // (8 * n))
    for start in range(0, n, step):
        # ||a - b||^2 = 2 - 2<a, b> for unit vectors.
        kernel = np.exp(4.0 * np.minimum(unit[start : start + step] @ unit.T, 1.0) - 4.0)
        rows = np.arange(len(kernel))
        kernel[rows, start + rows] = 0.0
        total += kernel.sum()
    return float(np.log(total / (n * (n - 1))))


def center_cosine(z1, z2):
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


class Moments:
    """Running sums of unit embeddings, from which the figures derive.

    ```python
    moments = Moments(dimension=128, views=2)
    for block1, block2 in blocks:
        moments.update(block1, block2)
    moments.center_norm_squared
    ```

    Sums, never averages of per-block figures: the mean of `||mean||^2` over blocks or replicas
    would raise the floor of `U` as many times as there are blocks.

    Args:
        dimension: Number of dimensions `d`.
        views: 1 or 2, the number of embeddings per sample.
        second_moment: Whether to keep `sum z z^T`, `(d, d)` floats, which the spectrum needs.
    """

    def __init__(self, dimension, views=1, second_moment=True):
        if views not in (1, 2):
            raise InputError(f"Received views={views!r}; a sample has 1 or 2 views here.")
        self.dimension = int(dimension)
        self.views = views
        self.count = 0  # samples; with two views there are twice as many embeddings
        self.sum = np.zeros(self.dimension)
        self.sum_squares = np.zeros(self.dimension)
        self.sum_positive = 0.0
        self.second = np.zeros((self.dimension, self.dimension)) if second_moment else None

    @classmethod
    def of(cls, z1, z2=None, second_moment=True):
        """The moments of whole arrays, read block by block (a memory map is never copied whole)."""
        z1, z2 = as_views(z1, z2)
        moments = cls(z1.shape[1], 1 if z2 is None else 2, second_moment)
        views = [z for z in (z1, z2) if z is not None]
        try:
            for rows in blocks(z1):
                moments.update(*(z[rows] for z in views))
        except InputError:
            # One block raised, but a person wants to know about the rows of all blocks.
            refuse_bad_rows([z[rows] for z in views] for rows in blocks(z1))
            raise
        return moments

    def update(self, z1, z2=None):
        """Adds a block of `(b, d)` embeddings, or a pair of blocks.

        Args:
            z1: `(b, d)` embeddings.
            z2: `(b, d)` embeddings of second views, if there are two views.

        Returns:
            The blocks as float64 rows of unit length, in a list.
        """
        if (z2 is None) != (self.views == 1):
            raise InputError(
                f"Received {1 if z2 is None else 2} view(s) in a block; these moments were made "
                f"for {self.views}. Pass as many arrays as views=."
            )
        names = _NAMES[self.views]
        units = [unit_rows(z, name) for z, name in zip((z1, z2), names, strict=False)]
        for unit in units:
            if unit.shape != (len(units[0]), self.dimension):
                raise InputError(
                    f"Received a block of shape {unit.shape} where "
                    f"{(len(units[0]), self.dimension)} was expected: the two views must match, "
                    "row by row, and every block must have the same number of dimensions."
                )
            self.sum += unit.sum(axis=0)
            self.sum_squares += np.einsum("ij,ij->j", unit, unit)
            if self.second is not None:
                self.second += unit.T @ unit
        if self.views == 2:
            self.sum_positive += float(np.einsum("ij,ij->", *units))
        self.count += len(units[0])
        return units

    def merge(self, other):
        """The moments of both sets together; neither is changed."""
        if (self.dimension, self.views) != (other.dimension, other.views):
            raise InputError(
                f"Received moments of {other.dimension} dimensions and {other.views} view(s) to "
                f"merge with {self.dimension} dimensions and {self.views}; both must agree."
            )
        keep = self.second is not None and other.second is not None
        merged = Moments(self.dimension, self.views, second_moment=keep)
        for name in ("count", "sum", "sum_squares", "sum_positive") + ("second",) * keep:
            setattr(merged, name, getattr(self, name) + getattr(other, name))
        return merged

    __add__ = merge

    @property
    def embeddings(self):
        """Number of embeddings seen: `count` times `views`."""
        return self.count * self.views

    @property
    def center(self):
        return self.sum / self.embeddings

    @property
    def center_norm_squared(self):
        n = self.count
        if n < 2:
            raise InputError(f"Received {n} sample(s); a centre is compared over 2 or more.")
        pairs = self.sum @ self.sum - self.embeddings - 2.0 * self.sum_positive
        return float(pairs / (self.views**2 * n * (n - 1)))

    @property
    def center_norm(self):
        return float(np.sqrt(max(0.0, self.center_norm_squared)))

    @property
    def positive_cosine(self):
        if self.views != 2:
            raise InputError("Received one view; the positive cosine compares two. Pass z2.")
        return self.sum_positive / self.count

    @property
    def between_variance(self):
        return self.positive_cosine - self.center_norm_squared

    @property
    def alignment(self):
        return 2.0 - 2.0 * self.positive_cosine

    @property
    def normalized_std(self):
        variance = self.sum_squares / self.embeddings - self.center**2
        return float(np.sqrt(np.maximum(variance, 0.0)).mean() * np.sqrt(self.dimension))

    @property
    def covariance(self):
        """`(d, d)` covariance, normalised by the number of embeddings."""
        return self._second() - np.outer(self.center, self.center)

    def spectrum(self, center=True):
        """Eigenvalues, largest first, `min(embeddings, d)` of them."""
        matrix = self.covariance if center else self._second()
        values = np.maximum(np.linalg.eigvalsh(matrix)[::-1], 0.0)
        return values[: min(self.embeddings, self.dimension)]

    def _second(self):
        if self.second is None:
            raise InputError(
                "These moments hold no second moment. Make them with second_moment=True for a "
                "covariance or a rank."
            )
        return self.second / self.embeddings


def as_rows(z, name="z", minimum=2):
    """`z` as a real `(n, d)` array with `n >= minimum`, not copied where it is an array already.

    Raises:
        InputError: for another rank, no dimensions, too few rows or entries that are not numbers.
    """
    try:
        z = np.asanyarray(z)
    except (TypeError, ValueError) as error:
        raise InputError(
            f"Received {name} of type {type(z).__name__} that is no array ({error}). Accepted: "
            "embeddings of shape (samples, dimensions)."
        ) from error
    if z.dtype.kind not in "fiub" and z.dtype.name != "bfloat16":
        raise InputError(
            f"Received {name} with entries of type {z.dtype}. Accepted: real numbers, in rows of "
            "equal length, of shape (samples, dimensions)."
        )
    if z.ndim != 2 or z.shape[1] == 0:
        hint = {
            1: "A single vector has no spread: pass the embeddings of many samples.",
            3: "Average over the tokens, or keep one token per sample.",
            4: "Average feature maps over height and width first: z.mean(axis=(1, 2)).",
        }.get(z.ndim, "One row per sample.")
        raise InputError(
            f"Received {name} of shape {z.shape}. Accepted: (samples, dimensions). {hint}"
        )
    if len(z) < minimum:
        raise InputError(
            f"Received {name} with {len(z)} sample(s), of shape {z.shape}. Accepted: {minimum} or "
            "more; one sample has no spread."
        )
    return z


def as_views(z1, z2=None, check=as_rows):
    """Both views through `check`, and held to the same shape."""
    if z2 is None:
        return check(z1), None
    z1, z2 = check(z1, "z1"), check(z2, "z2")
    if z1.shape != z2.shape:
        raise InputError(
            f"Received z1 of shape {z1.shape} and z2 of shape {z2.shape}. Accepted: two views of "
            "the same samples, row by row, so both shapes must be equal."
        )
    return z1, z2


def unit_rows(z, name="z"):
    """A float64 copy of `z` with rows of unit length.

    Raises:
        InputError: for rows with NaN or infinite entries and for rows of zero length; says how
            many and which is the first.
    """
    unit = finite_rows(z, name)
    # Dividing by the largest entry first keeps the squares from over- and underflowing.
    largest = np.abs(unit).max(axis=1, initial=0.0)
    _refuse(largest == 0.0, name, *_NO_LENGTH)
    unit /= largest[:, None]
    unit /= np.sqrt(np.einsum("ij,ij->i", unit, unit))[:, None]
    return unit


def finite_rows(z, name="z"):
    """A float64 copy of `z`; rows with NaN and infinite entries are refused as in `unit_rows`."""
    rows = np.array(as_rows(z, name, minimum=0), dtype=np.float64)
    _refuse(~np.isfinite(rows).all(axis=1), name, *_NOT_FINITE)
    return rows


def refuse_bad_rows(parts):
    """Raises what `unit_rows` would raise for the whole of a set that comes in parts.

    Args:
        parts: Iterable of lists with one `(b, d)` block per view.
    """
    masks = [[(~np.isfinite(z).all(axis=1), ~np.any(z, axis=1)) for z in views] for views in parts]
    for name, per_view in zip(_NAMES[len(masks[0])], zip(*masks, strict=True), strict=True):
        not_finite, zero = (np.concatenate(mask) for mask in zip(*per_view, strict=True))
        _refuse(not_finite, name, *_NOT_FINITE)
        _refuse(zero, name, *_NO_LENGTH)


_NAMES = {1: ("z",), 2: ("z1", "z2")}
_NOT_FINITE = (
    "with NaN or infinite entries",
    "Remove them, or look for a diverged training run or a division by zero.",
)
_NO_LENGTH = (
    "of zero length",
    "A zero vector has no direction and no cosine. Remove them, or look for dead units: an encoder "
    "that returns zeros for an image ignores it.",
)


def _refuse(bad, name, what, advice):
    if bad.any():
        raise InputError(
            f"Received {name} with {int(bad.sum())} row(s) {what} among {len(bad)} "
            f"(the first is row {int(np.argmax(bad))}). {advice}"
        )


def blocks(z):
    """Slices over the rows of `z`, each about 32 MiB in float64."""
    step = max(1, _BLOCK_BYTES // (8 * z.shape[1]))
    return [slice(start, min(start + step, len(z))) for start in range(0, len(z), step)]


def subsample(z, size, seed=0):
    """`size` rows of `z` without replacement, in their order; all rows if there are no more."""
    if size is None or len(z) <= size:
        return z
    return z[np.sort(np.random.default_rng(seed).choice(len(z), size, replace=False))]
