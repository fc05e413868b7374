"""Retrieval: are the nearest images of the same class?"""

from collections.abc import Sequence

import numpy as np

from keras_center_ssl import geometry
from keras_center_ssl.errors import InputError
from keras_center_ssl.evaluation.knn import check_labelled
from keras_center_ssl.types import Array

_BLOCK_ENTRIES = 2**23  # cosines held at once


def retrieval(
    features: Array,
    labels: Array,
    gallery_features: Array | None = None,
    gallery_labels: Array | None = None,
    at: Sequence[int] = (1, 5, 10),
) -> dict[str, float]:
    """Mean average precision and recall at k of a search by cosine.

    Args:
        features: `(n, d)` features to search with.
        labels: `(n,)` integers or strings.
        gallery_features: `(m, d)` features to search in. `None`: the others of `features`; a
            query never finds itself.
        gallery_labels: `(m,)` labels of the same kind.
        at: The `k` of recall at k: the share of queries with an image of their class among the k
            nearest.

    Returns:
        Dict of floats in [0, 1]: `mean_average_precision` and `recall_at_<k>`. Queries whose class
        is nowhere in the gallery are left out of both, and counted in `queries`.

    Raises:
        InputError: for shapes that do not match, zero or not finite rows, a `k` that is not
            positive, and where no query has anything to find.
    """
    if any(not isinstance(k, int | np.integer) or k < 1 for k in at):
        raise InputError(f"Received at={at!r}. Accepted: whole numbers from 1 on, as (1, 5, 10).")
    own = gallery_features is None
    if own:
        gallery_features, gallery_labels = features, labels
    gallery_labels, labels = check_labelled(gallery_features, gallery_labels, features, labels)
    queries = geometry.unit_rows(features, "features").astype(np.float32)
    gallery = (
        queries
        if own
        else geometry.unit_rows(gallery_features, "gallery_features").astype(np.float32)
    )
    precisions, ranks = [], []
    step = max(1, _BLOCK_ENTRIES // len(gallery))
    for start in range(0, len(queries), step):
        cosines = queries[start : start + step] @ gallery.T
        if own:
            rows = np.arange(len(cosines))
            cosines[rows, start + rows] = -np.inf
        order = np.argsort(-cosines, axis=1, kind="stable")
        if own:
            order = order[:, :-1]
        right = gallery_labels[order] == labels[start : start + step, None]
        found = right.sum(axis=1)
        right, found = right[found > 0], found[found > 0]
        positions = np.arange(1, right.shape[1] + 1)
        precisions.append((right * np.cumsum(right, axis=1) / positions).sum(axis=1) / found)
        ranks.append(right.argmax(axis=1) + 1)
    precisions, ranks = np.concatenate(precisions), np.concatenate(ranks)
    if not len(ranks):
        raise InputError(
            "No query has another image of its class to find. Pass two or more images per class."
        )
    return {
        "mean_average_precision": float(precisions.mean()),
        **{f"recall_at_{k}": float(np.mean(ranks <= k)) for k in at},
        "queries": len(ranks),
    }
