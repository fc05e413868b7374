"""What a classifier got right: top-1 and top-5 with intervals, per class, and what for what."""

import dataclasses
import math

import numpy as np

# Quantile of the normal distribution behind a 95 % interval.
_Z95 = 1.959964


@dataclasses.dataclass(frozen=True)
class Classification:
    """Predictions for a set of test samples, held against their labels.

    Attributes:
        classes: `(C,)` labels, sorted.
        confusion: `(C, C)` counts: rows are true classes, columns predicted ones.
        top5_hits: Samples whose class is among the five best; `None` with five classes or fewer.
    """

    classes: np.ndarray
    confusion: np.ndarray
    top5_hits: int | None = None

    @classmethod
    def of(cls, scores, labels, classes):
        """From `(n, C)` scores, the higher the better, and `(n,)` labels.

        Of equal scores the first class in sorted order wins. A label that no training sample has
        can only be missed. A score of `-inf` is no prediction at all.
        """
        known = np.union1d(classes, labels)
        columns = np.searchsorted(known, classes)
        true = np.searchsorted(known, labels)
        confusion = np.zeros((len(known), len(known)), dtype=np.int64)
        np.add.at(confusion, (true, columns[scores.argmax(axis=1)]), 1)
        hits = None
        if len(classes) > 5:
            best = np.argsort(-scores, axis=1, kind="stable")[:, :5]
            named = np.isfinite(np.take_along_axis(scores, best, axis=1))
            hits = int(np.sum((columns[best] == true[:, None]) & named))
        return cls(known, confusion, hits)

    @property
    def samples(self):
        """Number of test samples."""
        return int(self.confusion.sum())

    @property
    def accuracy(self):
        """Share of the samples whose best class is theirs (top-1)."""
        return float(np.trace(self.confusion) / self.samples)

    @property
    def top5(self):
        """Share of the samples whose class is among the five best, or `None`."""
        return None if self.top5_hits is None else self.top5_hits / self.samples

    @property
    def interval(self):
        """95 % interval of the accuracy, `(low, high)`: what other test samples could give."""
        return wilson_interval(int(np.trace(self.confusion)), self.samples)

    def per_class(self):
        """Class -> dict of `samples`, `recall` and `precision` (`None` where never predicted)."""
        right = np.diag(self.confusion)
        table = {}
        for k, name in enumerate(self.classes.tolist()):
            true, predicted = self.confusion[k].sum(), self.confusion[:, k].sum()
            table[name] = {
                "samples": int(true),
                "recall": float(right[k] / true) if true else None,
                "precision": float(right[k] / predicted) if predicted else None,
            }
        return table

    def to_dict(self):
        """All of it as plain lists, dicts and numbers."""
        return {
            "accuracy": self.accuracy,
            "interval": list(self.interval),
            "top5": self.top5,
            "samples": self.samples,
            "classes": self.classes.tolist(),
            "confusion": self.confusion.tolist(),
        }


def wilson_interval(hits, trials):
    """95 % interval of a share, which stays within [0, 1] (Wilson, 1927)."""
    share, z2 = hits / trials, _Z95**2
    middle = (share + z2 / (2 * trials)) / (1 + z2 / trials)
    half = _Z95 * math.sqrt(share * (1 - share) / trials + z2 / (4 * trials**2)) / (1 + z2 / trials)
    return max(0.0, middle - half), min(1.0, middle + half)


def mean_and_interval(values):
    """Mean of repeated measurements and the half-width of its 95 % interval (Student's t)."""
    values = np.asarray(values, dtype=np.float64)
    if len(values) < 2:
        return float(values.mean()), None
    error = values.std(ddof=1) / math.sqrt(len(values))
    return float(values.mean()), float(_T95[min(len(values) - 1, len(_T95) - 1)] * error)


# Student's t for 95 %, by degrees of freedom from 1; the normal quantile from 30 on.
_T95 = (
    math.nan,
    *(12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228),
    *(2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086),
    *(2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 1.96),
)
