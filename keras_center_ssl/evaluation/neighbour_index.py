"""Nearest neighbours by an index, where comparing all with all would take hours: usearch's HNSW."""

from typing import Any

import numpy as np

from keras_center_ssl.errors import needs

# All pairs of a million rows with 256 features are 5e14 operations, an hour and more on two cores.
MANY = 1_000_000

_AT_A_TIME = 65536


def search(rows, gallery, k, own):
    """Indices `(n, k)` of most of the nearest rows of the gallery; -1 where none was found.

    Args:
        rows: `(n, d)` unit rows to search with.
        gallery: `(m, d)` unit rows to search in.
        k: How many.
        own: Whether `rows` are the gallery, and find others only.
    """
    with needs("An index of neighbours", "usearch"):
        from usearch.index import Index
    # Half precision finds them; who calls compares by the features as they are.
    index = Index(ndim=gallery.shape[1], metric="ip", dtype="f16")
    for start in range(0, len(gallery), _AT_A_TIME):
        part = gallery[start : start + _AT_A_TIME]
        index.add(np.arange(start, start + len(part)), part)
    found = np.full((len(rows), k), -1, np.int64)
    for start in range(0, len(rows), _AT_A_TIME):
        matches: Any = index.search(rows[start : start + _AT_A_TIME], k + own)
        keys = np.atleast_2d(np.array(matches.keys, np.int64))
        # Of a single query the answer has another class, and only what was found.
        counts = np.atleast_1d(getattr(matches, "counts", keys.shape[1]))
        keys[np.arange(keys.shape[1]) >= counts[:, None]] = -1
        if own:
            numbers = start + np.arange(len(keys))
            # Itself to the end, which is cut off; where it was not found, the farthest is.
            order = np.argsort(keys == numbers[:, None], axis=1, kind="stable")
            keys = np.take_along_axis(keys, order, axis=1)[:, :k]
        found[start : start + len(keys), : keys.shape[1]] = keys
    return found
