"""Running sums of unit embeddings, block by block."""

import numpy as np

from keras_center_ssl.errors import InputError
from keras_center_ssl.geometry import rows


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
        z1, z2 = rows.as_views(z1, z2)
        moments = cls(z1.shape[1], 1 if z2 is None else 2, second_moment)
        views = [z for z in (z1, z2) if z is not None]
        try:
            for part in rows.blocks(z1):
                moments.update(*(z[part] for z in views))
        except InputError:
            # One block raised, but a person wants to know about the rows of all blocks.
            rows.refuse_bad_rows([z[part] for z in views] for part in rows.blocks(z1))
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
        names = rows.VIEW_NAMES[self.views]
        units = [rows.unit_rows(z, name) for z, name in zip((z1, z2), names, strict=False)]
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
