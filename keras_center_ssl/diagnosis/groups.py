"""Tight groups among embeddings, found by single linkage."""

import numpy as np

from keras_center_ssl import geometry

GROUP_GAP = 2.0
MOST_GROUPS = 64


def tight_groups(unit, most=None):
    """Looks for a few tight groups that hold all samples.

    Single linkage: the minimum spanning tree without its `k - 1` longest edges is `k` groups. Of
    all k up to `most` the one with the smallest share of variance within the groups is taken
    among those with a gap of `GROUP_GAP` or more; failing any, the one with the widest gap.

    Args:
        unit: `(n, d)` rows of unit length.
        most: Largest number of groups; at most 64 and `n / 4` by default.

    Returns:
        `(groups, within, gap)`: number of groups, share of the variance within them in [0, 1], and
        ratio of the shortest edge between groups to the longest within (1 or more, at most 1e6).
    """
    n = len(unit)
    most = max(2, min(MOST_GROUPS, n // 4)) if most is None else most
    total = float(np.sum((unit - unit.mean(axis=0)) ** 2))
    if total / n < geometry.NO_VARIANCE or n < 3:
        return 1, 1.0, 1.0
    order, parent, length = _spanning_tree(unit)
    # Rounding leaves identical samples about 1e-8 apart.
    edges = np.maximum(np.sort(length[1:])[::-1], 1e-7)
    gaps = np.minimum(edges[: most - 1] / edges[1:most], 1e6)
    apart = np.flatnonzero(gaps >= GROUP_GAP)
    found = []
    for cut in apart if len(apart) else [int(np.argmax(gaps))]:
        label = np.zeros(n, dtype=int)
        count = 0
        for node in order[1:]:
            # Edges below the floor count as equal, but then the gap above them was cut already.
            if length[node] >= edges[cut] and count <= cut:
                count += 1
                label[node] = count
            else:
                label[node] = label[parent[node]]
        means = np.zeros((count + 1, unit.shape[1]))
        np.add.at(means, label, unit)
        means /= np.bincount(label)[:, None]
        within = float(np.sum((unit - means[label]) ** 2)) / total
        found.append((within, count + 1, float(gaps[cut])))
    within, groups, gap = min(found)
    return groups, within, gap


def _spanning_tree(unit):
    """Prim's algorithm: visiting order, parent of each node, length of the edge to it."""
    n = len(unit)
    squared = np.maximum(2.0 - 2.0 * (unit @ unit.T), 0.0)
    best = squared[0].copy()
    parent = np.zeros(n, dtype=int)
    outside = np.ones(n, dtype=bool)
    outside[0] = False
    order = [0]
    for _ in range(n - 1):
        node = int(np.argmin(np.where(outside, best, np.inf)))
        outside[node] = False
        order.append(node)
        closer = outside & (squared[node] < best)
        best[closer] = squared[node][closer]
        parent[closer] = node
    length = np.sqrt(best)
    length[0] = 0.0
    return order, parent, length
