"""Nearest neighbours of each image by its features, near-duplicates, and images that are alone.

```python
near = kcs.evaluation.nearest_neighbours(features, k=8)
near.indices[0], near.cosines[0]            # of the first image, the nearest first
kcs.evaluation.near_duplicates(features)    # [[3, 17], ...]: rows of images that are nearly one
kcs.evaluation.odd_ones_out(features, number=5)
```

NumPy only, exact, and in blocks: memory does not grow with the square of the images. From a million
images on by an index, where usearch is installed (the extra `index`).
"""

import dataclasses

import numpy as np

from keras_center_ssl import geometry
from keras_center_ssl.diagnosis.groups import NEAR, NEAR_BY_CHANCE
from keras_center_ssl.errors import InputError, installed
from keras_center_ssl.evaluation import neighbour_index
from keras_center_ssl.types import Array

_ROWS, _COLUMNS = 1024, 8192  # of the cosines held at once


@dataclasses.dataclass(frozen=True, eq=False)
class Neighbours:
    """The nearest images of each query, the nearest first.

    Attributes:
        indices: `(n, k)`, rows of the features that were searched in.
        cosines: `(n, k)` float32, by which they are near.
        exact: Whether all were compared; an index may have missed some of the nearest.
    """

    indices: np.ndarray
    cosines: np.ndarray
    exact: bool = True


def nearest_neighbours(
    features: Array,
    k: int = 8,
    queries: Array | None = None,
    *,
    approximate: bool | None = None,
) -> Neighbours:
    """The `k` nearest images by cosine.

    Args:
        features: `(n, d)` features to search in.
        k: How many; no more than there are others.
        queries: `(m, d)` features to search with. `None`: each of `features`, which does not find
            itself.
        approximate: Whether an index of usearch searches, which finds most of the nearest and
            takes hours off; their cosines are exact. `None`: from a million `features` on, where it
            is installed.

    Raises:
        InputError: For shapes that do not match, zero or not finite rows, a `k` below 1, and where
            there is no other image.
        MissingExtra: With `approximate=True`, where usearch is not installed.
    """
    if isinstance(k, bool) or not isinstance(k, int | np.integer) or k < 1:
        raise InputError(f"Received k={k!r} neighbours. Accepted: whole numbers from 1 on.")
    gallery = geometry.unit_rows(features, "features").astype(np.float32)
    own = queries is None
    rows = gallery if own else geometry.unit_rows(queries, "queries").astype(np.float32)
    if rows.shape[1] != gallery.shape[1]:
        raise InputError(
            f"Received features of {gallery.shape[1]} dimensions and queries of {rows.shape[1]}. "
            "Accepted: the same number, from one encoder."
        )
    k = min(int(k), len(gallery) - own)
    if k < 1:
        raise InputError("A single image has no neighbours. Pass the features of two or more.")
    if approximate is None:
        approximate = len(gallery) >= neighbour_index.MANY and installed("usearch")
    if approximate:
        return _by_index(rows, gallery, k, own)
    found = [
        _search(rows[start : start + _ROWS], start, gallery, k, own)
        for start in range(0, len(rows), _ROWS)
    ]
    indices, cosines = (np.concatenate(part) for part in zip(*found, strict=True))
    return Neighbours(indices, cosines)


def _by_index(rows, gallery, k, own):
    indices = neighbour_index.search(rows, gallery, k, own)
    cosines = np.empty(indices.shape, np.float32)
    for start in range(0, len(rows), _ROWS):
        part = slice(start, start + _ROWS)
        if (indices[part] < 0).any():  # a graph may leave somebody out of reach
            indices[part], cosines[part] = _search(rows[part], start, gallery, k, own)
            continue
        cosines[part] = np.einsum("nd,nkd->nk", rows[part], gallery[indices[part]])
    order = np.lexsort((indices, -cosines), axis=1)
    indices, cosines = (np.take_along_axis(a, order, axis=1) for a in (indices, cosines))
    return Neighbours(indices, cosines, exact=False)


def _search(block, first, gallery, k, own):
    """Indices and cosines for a block of queries, from block to block of the gallery.

    With `own` they are the gallery's rows from `first` on.
    """
    # The best of each block, of which the best of all are taken at the end.
    best = np.empty((len(block), 0), np.float32)
    where = np.empty((len(block), 0), np.int64)
    for start in range(0, len(gallery), _COLUMNS):
        part = gallery[start : start + _COLUMNS]
        cosines = block @ part.T
        if own:
            numbers = np.arange(len(block))
            column = first + numbers - start
            inside = (column >= 0) & (column < len(part))
            cosines[numbers[inside], column[inside]] = -np.inf
        kept = np.argpartition(cosines, max(len(part) - k, 0), axis=1)[:, -k:]
        best = np.concatenate([best, np.take_along_axis(cosines, kept, axis=1)], axis=1)
        where = np.concatenate([where, kept + start], axis=1)
    # Of equal ones the first in the list comes first.
    order = np.lexsort((where, -best), axis=1)[:, :k]
    return np.take_along_axis(where, order, axis=1), np.take_along_axis(best, order, axis=1)


def near_duplicates(features: Array, neighbours: Neighbours | None = None) -> list[list[int]]:
    """Groups of images whose features are nearly the same, the largest group first.

    Two images belong together where their distance is at most 2 % of the usual one, as in
    `kcs.diagnose`; so does what hangs together by such pairs. Equal rows are found whatever their
    number, others among the nearest neighbours.

    Args:
        features: `(n, d)`, at least 2 rows.
        neighbours: What `nearest_neighbours(features)` gave, where that is at hand.
    """
    unit = geometry.unit_rows(features, "features")
    found = neighbours or nearest_neighbours(features)
    variance = float(np.mean(np.sum((unit - unit.mean(axis=0)) ** 2, axis=1)))
    directions = geometry.participation_ratio(unit) if variance else 1.0
    by_chance = len(unit) ** (-1 / max(directions - 1, 1.0))
    # What float32 leaves between equal rows, at least.
    limit = max(np.sqrt(2 * variance) * min(NEAR, NEAR_BY_CHANCE * by_chance), 1e-6)
    parents = np.arange(len(unit))
    _, first, number = np.unique(
        unit.astype(np.float32), axis=0, return_index=True, return_inverse=True
    )
    for row, other in enumerate(first[np.ravel(number)]):
        _join(parents, row, int(other))
    for start in range(0, len(unit), _ROWS):
        near = found.indices[start : start + _ROWS]
        away = unit[start : start + _ROWS, None] - unit[near]
        for row, place in np.argwhere(np.linalg.norm(away, axis=2) <= limit):
            _join(parents, start + int(row), int(near[row, place]))
    groups = {}
    for row in range(len(unit)):
        groups.setdefault(_root(parents, row), []).append(row)
    return sorted((g for g in groups.values() if len(g) > 1), key=lambda g: (-len(g), g[0]))


def odd_ones_out(
    features: Array, number: int = 10, neighbours: Neighbours | None = None
) -> list[tuple[int, float]]:
    """The images that are farthest from their nearest ones, as pairs of row and mean cosine.

    Args:
        features: `(n, d)`, at least 2 rows.
        number: How many, the most lonely first.
        neighbours: What `nearest_neighbours(features)` gave, where that is at hand.
    """
    found = neighbours or nearest_neighbours(features)
    means = found.cosines.mean(axis=1)
    order = np.argsort(means, kind="stable")[: max(0, number)]
    return [(int(row), float(means[row])) for row in order]


def _root(parents, row):
    while parents[row] != row:
        parents[row] = row = parents[parents[row]]
    return int(row)


def _join(parents, one, other):
    one, other = _root(parents, one), _root(parents, other)
    parents[max(one, other)] = min(one, other)
