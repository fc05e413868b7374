"""Neighbours among embeddings: tight groups by single linkage, exact and near duplicates."""

import dataclasses

import numpy as np

from keras_center_ssl import geometry

GROUP_GAP = 2.0
# Two samples this near, as a share of the usual distance of two samples, are near duplicates; in
# few directions only where chance would leave them twenty times as far apart.
NEAR = 0.02
NEAR_BY_CHANCE = 0.05


def most_groups(n):
    """The largest number of tight groups that `n` samples can show: four samples each."""
    return max(2, n // 4)


@dataclasses.dataclass(frozen=True)
class Groups:
    """The best split into tight groups.

    Attributes:
        count: Number of groups.
        within: Share of the variance within them, in [0, 1].
        gap: Ratio of the shortest edge between groups to the longest within, 1 to 1e6.
        largest: Share of the samples in the largest group.
    """

    count: int
    within: float
    gap: float
    largest: float


def tight_groups(unit, most=None):
    """Looks for tight groups, few beside the number of samples, that hold all samples.

    Args:
        unit: `(n, d)` rows of unit length.
        most: Largest number of groups; `n / 4` by default.

    Returns:
        `(groups, within, gap)`: `count`, `within` and `gap` of `Groups`.
    """
    found = find_groups(unit, SpanningTree(unit), most)
    return found.count, found.within, found.gap


def find_groups(unit, tree, most=None):
    """The best split into tight groups.

    Single linkage: the minimum spanning tree without its `k - 1` longest edges is `k` groups. Of
    all k up to `most` the one with the smallest share of variance within the groups is taken
    among those with a gap of `GROUP_GAP` or more; failing any, the one with the widest gap.

    Args:
        unit: `(n, d)` rows of unit length.
        tree: Their `SpanningTree`.
        most: Largest number of groups; `n / 4` by default.

    Returns:
        `Groups`.
    """
    n, d = unit.shape
    most = most_groups(n) if most is None else most
    total = float(np.sum((unit - unit.mean(axis=0)) ** 2))
    if total / n < geometry.NO_VARIANCE or n < 3:
        return Groups(1, 1.0, 1.0, 1.0)
    edges = np.maximum(np.sort(tree.length[1:])[::-1], least_distance(d))
    gaps = np.minimum(edges[: most - 1] / edges[1:most], 1e6)
    apart = np.flatnonzero(gaps >= GROUP_GAP)
    found = []
    for cut in apart if len(apart) else [int(np.argmax(gaps))]:
        label = tree.cut(edges[cut], cut + 1)
        sizes = np.bincount(label)
        means = np.zeros((len(sizes), d))
        np.add.at(means, label, unit)
        means /= sizes[:, None]
        within = float(np.sum((unit - means[label]) ** 2)) / total
        found.append(Groups(len(sizes), within, float(gaps[cut]), float(sizes.max() / n)))
    return min(found, key=lambda groups: (groups.within, groups.count))


def near_duplicates(unit, tree, directions):
    """Samples that lie next to another one.

    Args:
        unit: `(n, d)` rows of unit length.
        tree: Their `SpanningTree`.
        directions: Number of directions they fill, the participation ratio.

    Returns:
        `(share, distinct)`: share of the samples that have such a neighbour, and number of points
        that are left where chains of such neighbours count as one.
    """
    n, d = unit.shape
    # The mean squared distance of two samples is twice the variance.
    usual = np.sqrt(2 * np.mean(np.sum((unit - unit.mean(axis=0)) ** 2, axis=1)))
    # Unit vectors of r directions fill a surface of r - 1: so far apart are the nearest of n.
    by_chance = n ** (-1 / max(directions - 1, 1.0))
    limit = usual * min(NEAR, NEAR_BY_CHANCE * by_chance)
    near = np.flatnonzero(tree.length[1:] <= max(limit, least_distance(d))) + 1
    touched = np.union1d(near, tree.parent[near])
    # Nearest neighbours are joined in the tree: who has one near is at the end of a short edge.
    return len(touched) / n, n - len(near)


def fingerprints(unit):
    """One integer a row, the same for embeddings that are equal in float32."""
    # Adding 0 makes +0 of -0, which is equal and has other bytes.
    rows = unit.astype(np.float32) + np.float32(0)
    return np.fromiter((hash(row.tobytes()) for row in rows), np.int64, len(rows))


def least_distance(d):
    """How far apart rounding can leave two equal unit vectors of `d` dimensions, in float64."""
    # The square is 2 - 2 <a, b>, and the product a sum of d terms.
    return np.sqrt(2 * np.finfo(np.float64).eps * (4 + np.sqrt(d)))


class SpanningTree:
    """The minimum spanning tree of unit rows, by Prim's algorithm.

    Attributes:
        order: Nodes as they were visited.
        parent: `(n,)` node that each was joined to.
        length: `(n,)` length of that edge; 0 for the first node, which has none.
    """

    def __init__(self, unit):
        n = len(unit)
        squared = np.maximum(2.0 - 2.0 * (unit @ unit.T), 0.0)
        best = squared[0].copy()
        self.parent = np.zeros(n, dtype=int)
        outside = np.ones(n, dtype=bool)
        outside[0] = False
        self.order = [0]
        for _ in range(n - 1):
            node = int(np.argmin(np.where(outside, best, np.inf)))
            outside[node] = False
            self.order.append(node)
            closer = outside & (squared[node] < best)
            best[closer] = squared[node][closer]
            self.parent[closer] = node
        self.length = np.sqrt(best)
        self.length[0] = 0.0

    def cut(self, shortest, most):
        """The group of each row without edges of `shortest` or more, of which `most` are cut."""
        label = np.zeros(len(self.order), dtype=int)
        count = 0
        for node in self.order[1:]:
            # Edges below the floor count as equal, but then the gap above them was cut already.
            if self.length[node] >= shortest and count < most:
                count += 1
                label[node] = count
            else:
                label[node] = label[self.parent[node]]
        return label
