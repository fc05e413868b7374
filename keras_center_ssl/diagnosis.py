"""From embeddings to a verdict: are they healthy, and if not, in which way did they collapse?

NumPy only: works on the embeddings of any framework, with neither Keras nor TensorFlow imported.

```python
report = kcs.diagnose(embeddings)          # or diagnose(view1, view2), diagnose_file("z.npy")
print(report)
report.verdict                             # "dimensional_collapse"
```

Each verdict rests on a figure of `keras_center_ssl.geometry` and on a threshold that is stated in
the report. Where the thresholds come from:

- **complete_collapse**: the common centre holds at least 98 % of the squared length (`U >= 0.98`).
  All cosines then lie within a few hundredths of 1, and a softmax at temperature 0.1 can hardly
  tell two samples apart. The bar is that high on purpose: features that cannot be negative (after
  a ReLU) have a large centre at full health. Independent half-normal features give `U = 2/pi`,
  untrained ReLU encoders 0.65 to 0.99 (measured on digits and Fashion-MNIST) with a nearest
  neighbour accuracy of 0.6 to 0.7 where chance is 0.1. So between 0.98 and 0.998 the verdict asks
  whether the centre is a mere offset: if what is left is not spread evenly like noise (its
  participation ratio is at most half of `N`, below) and, with two views, lies mostly between
  samples, it is structure. It is then judged by the rules below, and the large centre becomes a
  warning. From 0.998 on there is no way out. With two views there is a second way in: `U >= 0.5`
  and `B < 0.02`, where what is left beside the centre is augmentation noise.
- **cluster_collapse**: a few tight groups hold all samples. The groups are found by single linkage
  (cutting the longest edges of the minimum spanning tree); at most 64 and at most `n / 4` of them
  must leave less than 5 % of the variance within, and the shortest edge between groups must be at
  least twice the longest within. A continuous cloud, however low its rank, has no such gap: the
  sorted edges of its tree fall off smoothly (lines, arcs and circles of 64 samples: no false
  verdict in 2400 draws).
- **dimensional_collapse**, either of
  - `participation_ratio` below that of a spectrum `i^-2` (2.2 to 2.5): one direction outweighs all
    others together. Healthy spectra are near `i^-1` (Agrawal et al., 2022): 4.8 at d = 8, 18 at
    128, 56 at 8192;
  - `dimensions_99`, the directions that hold 99 % of the variance, below `sqrt(2 N)`, where
    `N = d (n - 1) / (d + n - 1)` is the participation ratio of `n` vectors spread uniformly on the
    sphere, the most one can see. That is half-way, on a log scale, between a circle (2, the
    lowest rank of a continuous cloud of unit vectors: of rank 1 there are only two points) and
    all directions: 4 at d = 8, 11 at 64, 15 at 128 and 28 at 512, from 2000 samples.
    Projectors of 128 dimensions trained on digits had 31 and 73 such directions (NT-Xent at
    temperature 0.5 and 0.1), 24 (centre loss with decorrelation) and 4 (without it).
    The effective rank is reported but not held against a limit, for it weighs the tail: 2 % of
    noise lift it from 4 to 20 for a cloud of rank 4 in 512 dimensions.
"""

import dataclasses
import json
import pathlib
import textwrap

import numpy as np

from keras_center_ssl import embedding_source, geometry
from keras_center_ssl.errors import InputError

VERDICTS = ("healthy", "complete_collapse", "dimensional_collapse", "cluster_collapse")

CENTER_SHARE = 0.98
CENTER_SHARE_OFFSET = 0.998
CENTER_SHARE_LARGE = 0.9
BETWEEN_SHARE = 0.02
WITHIN_GROUP_SHARE = 0.05
GROUP_GAP = 2.0
MOST_GROUPS = 64
VARIANCE_HELD = 0.99
SPECTRUM_EXPONENT = 2.0
FEW_SAMPLES = 64

# The spectrum comes from all samples up to this many dimensions, from a subsample beyond.
_EXACT_DIMENSIONS = 2048
_SUBSAMPLE = 2048
_SUBSAMPLE_ENTRIES = 2**25
_GROUP_SUBSAMPLE = 1024


@dataclasses.dataclass(frozen=True)
class CollapseReport:
    """What `diagnose` found.

    Attributes:
        verdict: One of `VERDICTS`.
        reasons: Sentences that explain the verdict, with the numbers it rests on.
        figures: Name to float, see `keras_center_ssl.geometry`.
        thresholds: Name to float, what the figures were held against.
        warnings: Sentences about what limits the verdict.
        samples: Number of samples `n`.
        dimension: Number of dimensions `d`.
        views: 1 or 2 embeddings per sample.
        name: What was diagnosed, or `None`.
    """

    verdict: str
    reasons: list
    figures: dict
    thresholds: dict
    warnings: list
    samples: int
    dimension: int
    views: int = 1
    name: str | None = None

    @property
    def healthy(self):
        """Whether no collapse was found."""
        return self.verdict == "healthy"

    def to_dict(self):
        """The report as plain lists, dicts, strings and numbers."""
        return dataclasses.asdict(self)

    def to_json(self, indent=2):
        """The report as a JSON string; `from_json` reads it back."""
        return json.dumps(self.to_dict(), indent=indent, allow_nan=False)

    @classmethod
    def from_json(cls, text):
        """The report that `to_json` wrote."""
        return cls(**json.loads(text))

    def __str__(self):
        title = f"Collapse report{f' of {self.name}' if self.name else ''}"
        size = f"{self.samples} samples, {self.dimension} dimensions, {self.views} view(s)"
        lines = [f"{title}: {self.verdict.replace('_', ' ')}", size, ""]
        lines += [_item(reason, "- ") for reason in self.reasons]
        width = max(map(len, self.figures))
        lines += ["", f"  {'figure':<{width}}  {'value':>9}  limit"]
        for figure, value in self.figures.items():
            sign = LIMIT_SIGNS.get(figure)
            limit = f"{sign} {self.thresholds[figure]:.4g}" if sign else ""
            lines.append(f"  {figure:<{width}}  {value:>9.4g}  {limit}".rstrip())
        if self.warnings:
            lines += ["", *(_item(warning, "Warning: ") for warning in self.warnings)]
        return "\n".join(lines)


# On which side of its threshold a figure is free of collapse.
LIMIT_SIGNS = {
    "center_norm_squared": "<",
    "between_variance": ">=",
    "participation_ratio": ">=",
    "dimensions_99": ">=",
    "within_group_share": ">",
    "group_gap": "<",
}


def _item(sentence, bullet):
    indent = " " * len(bullet)
    return textwrap.fill(sentence, 88, initial_indent=bullet, subsequent_indent=indent)


def diagnose(z1, z2=None, *, name=None):
    """Says whether embeddings are healthy or collapsed, and why.

    Args:
        z1: `(n, d)` embeddings of any framework that NumPy can read, any scale; best of held-out
            samples. `(n, h, w, d)` feature maps are averaged over height and width.
        z2: Embeddings of second views of the same samples, or `None`. With them the report also
            says how much of the spread tells samples apart and how much is augmentation noise.
        name: What is diagnosed, for the report.

    Returns:
        A `CollapseReport`. Thresholds hold for `n` from 64 and `d` from 8 to 8192; the module's
        docstring says where they come from.

    Raises:
        InputError: for wrong or mismatched shapes, fewer than 2 samples, NaN or infinite entries
            and zero rows.
    """
    return _report(embedding_source.from_arrays(z1, z2), name)


def diagnose_file(path, *, name=None):
    """`diagnose` for a `.npy` or `.npz` file, read block by block: it may be larger than memory.

    Args:
        path: A `.npy` file with one array, or an `.npz` file with `z1` and `z2`, or with `z`,
            `features` or `embeddings`; failing these the first array with 2 or 4 axes is taken.
        name: What is diagnosed; the file's name by default.

    Returns:
        A `CollapseReport`. Centre, spread and (up to 2048 dimensions) spectrum are those of all
        samples; groups and uniformity those of a seeded subsample, whose size is in the figures.
    """
    source = embedding_source.from_file(path)
    return _report(source, pathlib.Path(path).name if name is None else name)


def participation_ratio_null(n, d):
    """Expected participation ratio of `n` vectors uniform on the sphere in `d` dimensions.

    `d (n - 1) / (d + n - 1)`: their covariance is `I / d`, and an estimate of it from `n` samples
    has `E tr S^2 = (tr S)^2 (1 / d + 1 / (n - 1))` to leading order.
    """
    return d * (n - 1) / (d + n - 1)


def participation_ratio_of_power_law(dimensions, exponent=SPECTRUM_EXPONENT):
    """Participation ratio of the spectrum `i^-exponent`, i = 1..dimensions."""
    return geometry.participation_ratio_of(np.arange(1.0, dimensions + 1) ** -exponent)


def dimensions_99_of(spectrum):
    """How many of the largest eigenvalues hold 99 % of the variance; 1 if there is none."""
    total = float(np.sum(spectrum))
    held = np.cumsum(spectrum) / total if total >= geometry.NO_VARIANCE else np.ones(1)
    return 1 + int(np.sum(held < VARIANCE_HELD))


def thresholds(n, d):
    """What the figures of `n` samples in `d` dimensions are held against, by name."""
    available = participation_ratio_null(n, d)
    return {
        "center_norm_squared": CENTER_SHARE,
        "center_norm_squared_offset": CENTER_SHARE_OFFSET,
        "between_variance": BETWEEN_SHARE,
        "participation_ratio": participation_ratio_of_power_law(max(1, round(available))),
        "participation_ratio_noise": available / 2,
        "dimensions_99": float(np.sqrt(2 * available)),
        "within_group_share": WITHIN_GROUP_SHARE,
        "group_gap": GROUP_GAP,
        "groups": float(max(2, min(MOST_GROUPS, n // 4))),
    }


def _report(source, name):
    moments, samples = _read(source)
    n, d = source.samples, source.dimension
    figures = _figures(moments, samples)
    # Beyond a size the spectrum comes from the subsample, and is held against what that can show.
    seen = n if moments.second is not None else len(samples[0])
    limits = thresholds(seen, d)
    verdict, reasons = judge(figures, limits, seen, d)
    return CollapseReport(
        verdict=verdict,
        reasons=reasons,
        figures=figures,
        thresholds=limits,
        warnings=source.notes + _warnings(verdict, figures, limits, n, d, seen),
        samples=n,
        dimension=d,
        views=source.views,
        name=name,
    )


def _read(source):
    """One pass over the source: the moments of all rows, and a subsample of them per view."""
    n, d = source.samples, source.dimension
    size = int(np.clip(_SUBSAMPLE_ENTRIES // d, 256, _SUBSAMPLE))
    chosen = geometry.subsample(np.arange(n), size)
    moments = geometry.Moments(d, source.views, second_moment=n > size and d <= _EXACT_DIMENSIONS)
    kept = [[] for _ in range(source.views)]
    start = 0
    try:
        for views in source.blocks():
            units = moments.update(*views)
            end = start + len(units[0])
            inside = chosen[np.searchsorted(chosen, start) : np.searchsorted(chosen, end)]
            for rows, unit in zip(kept, units, strict=True):
                rows.append(unit[inside - start])
            start = end
    except InputError:
        geometry.refuse_bad_rows(source.blocks())
        raise
    return moments, [np.concatenate(rows) for rows in kept]


def _figures(moments, samples):
    """All figures, as floats; `samples` is the subsample of unit rows, one array per view."""
    first = samples[0]
    spectrum, uncentered = _spectra(moments, samples)
    n = moments.count
    # Standard error of the U-statistic: its projection on single samples, then on pairs.
    along = np.mean(samples, axis=0) @ moments.center
    error = np.sqrt(4 * along.var() / n + 2 * np.sum(spectrum**2) / n**2)
    figures = {
        "center_norm_squared": moments.center_norm_squared,
        "center_norm_squared_error": error,
        "center_norm": moments.center_norm,
    }
    if moments.views == 2:
        cosines = np.einsum("ij,ij->i", *samples)
        figures |= {
            "positive_cosine": moments.positive_cosine,
            "augmentation_noise": 1.0 - moments.positive_cosine,
            "between_variance": moments.between_variance,
            "between_variance_error": np.hypot(error, cosines.std() / np.sqrt(n)),
            "alignment": moments.alignment,
        }
    groups, within, gap = tight_groups(geometry.subsample(first, _GROUP_SUBSAMPLE))
    figures |= {
        "normalized_std": moments.normalized_std,
        "participation_ratio": geometry.participation_ratio_of(spectrum),
        "effective_rank": geometry.effective_rank_of(spectrum),
        "effective_rank_uncentered": geometry.effective_rank_of(uncentered),
        "dimensions_99": dimensions_99_of(spectrum),
        "uniformity": geometry.uniformity(first),
        "groups": groups,
        "within_group_share": within,
        "group_gap": gap,
        "subsample": len(first),
    }
    return {key: float(value) for key, value in figures.items()}


def _spectra(moments, samples):
    """Eigenvalues of covariance and second moment, from the cheapest exact source at hand."""
    if moments.second is not None:
        return moments.spectrum(), moments.spectrum(center=False)
    pooled = np.concatenate(samples)
    return tuple(geometry.covariance_spectrum(pooled, center=center) for center in (True, False))


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


def judge(figures, limits, n, d):
    """The one rule from figures to a verdict, for `diagnose` and for figures of other origin.

    Args:
        figures: Name to float: `center_norm_squared`, `participation_ratio`, `dimensions_99`, with
            two views `between_variance` and `augmentation_noise`, and `groups`,
            `within_group_share` and `group_gap`. Where the last three are missing (sums over
            samples do not hold them) tight groups are not looked for; two or three of them then
            show as a dimensional collapse. Missing ranks are not judged either.
        limits: What `thresholds` gives for the samples that the ranks come from.
        n: Number of those samples.
        d: Number of dimensions.

    Returns:
        `(verdict, reasons)`: one of `VERDICTS`, and sentences that explain it.
    """
    for verdict, reasons in (
        ("complete_collapse", _same(figures, limits)),
        ("cluster_collapse", _grouped(figures, limits) if "group_gap" in figures else []),
        (
            "dimensional_collapse",
            _low_rank(figures, limits, n, d) if "dimensions_99" in figures else [],
        ),
    ):
        if reasons:
            return verdict, reasons
    return "healthy", _nothing_found(figures, limits, d)


def _nothing_found(figures, limits, d):
    """Reasons to say that no collapse was found."""
    share = figures["center_norm_squared"]
    reasons = [
        f"{_percent(max(0.0, share))} of the squared length is the common centre, which is "
        + (
            f"below the {_percent(limits['center_norm_squared'])} of a collapse."
            if share < limits["center_norm_squared"]
            else "an offset: what is left has the structure of healthy embeddings."
        )
    ]
    if "dimensions_99" in figures:
        reasons.append(
            f"The variance fills the equivalent of {figures['participation_ratio']:.1f} equal "
            f"directions (limit {limits['participation_ratio']:.1f}), and "
            f"{figures['dimensions_99']:.0f} of {d} directions hold 99 % of it (limit "
            f"{limits['dimensions_99']:.1f})."
        )
    if "group_gap" in figures:
        reasons.append("The samples do not fall into a few tight groups.")
    return reasons


def _same(figures, limits):
    """Reasons to say that all samples have one embedding."""
    share = figures["center_norm_squared"]
    rest = max(0.0, 1.0 - share)
    between = figures.get("between_variance")
    reasons = [
        f"{_percent(share)} of the squared length of every embedding is the common centre "
        f"(limit {_percent(limits['center_norm_squared'])})."
    ]
    if share >= limits["center_norm_squared"]:
        offset = (
            share < limits["center_norm_squared_offset"]
            and figures.get("participation_ratio", np.inf) <= limits["participation_ratio_noise"]
            and (between is None or between >= rest / 2)
        )
        reasons.append(
            f"All samples have nearly the same embedding: {_percent(rest)} is left to tell them "
            "apart."
        )
        return [] if offset else reasons
    if between is not None and between < limits["between_variance"] and share >= 0.5:
        return [
            f"{_percent(share)} of the squared length of every embedding is the common centre, and "
            f"{_percent(figures['augmentation_noise'])} is augmentation noise.",
            f"Only {_percent(max(0.0, between))} tells samples apart (limit "
            f"{_percent(limits['between_variance'])}).",
        ]
    return []


def _grouped(figures, limits):
    """Reasons to say that a few tight groups hold all samples."""
    within, gap = figures["within_group_share"], figures["group_gap"]
    if within > limits["within_group_share"] or gap < limits["group_gap"]:
        return []
    apart = f"{gap:.1f} times" if gap < 1000 else "more than 1000 times"
    return [
        f"{figures['groups']:.0f} tight groups hold all samples: {_percent(within)} of the "
        f"variance is within the groups (limit {_percent(limits['within_group_share'])}), and they "
        f"lie {apart} as far apart as neighbours within a group (limit {limits['group_gap']:.0f}).",
        "Samples of one group can hardly be told apart.",
    ]


def _low_rank(figures, limits, n, d):
    """Reasons to say that the embeddings use too few dimensions."""
    reasons = []
    ratio, held = figures["participation_ratio"], figures["dimensions_99"]
    if ratio < limits["participation_ratio"]:
        reasons.append(
            f"The variance fills the equivalent of {ratio:.1f} equal directions of {d} "
            f"(participation ratio; limit {limits['participation_ratio']:.1f}): one direction "
            "outweighs all others together."
        )
    if held < limits["dimensions_99"]:
        reasons.append(
            f"{held:.0f} of {d} directions hold 99 % of the variance (limit "
            f"{limits['dimensions_99']:.1f} for {n} samples)."
        )
    return reasons


def _warnings(verdict, figures, limits, n, d, seen):
    warnings = []
    share, error = figures["center_norm_squared"], figures["center_norm_squared_error"]
    if n < FEW_SAMPLES:
        warnings.append(
            f"Only {n} samples: the thresholds were checked from {FEW_SAMPLES} on. Take this as a "
            "hint, and pass more samples."
        )
    if seen < n:
        warnings.append(
            f"With {d} dimensions the ranks come from a seeded subsample of {seen} of the {n} "
            f"samples, and are judged against what {seen} samples can show."
        )
    elif n < d:
        warnings.append(
            f"{n} samples show at most {n - 1} of {d} dimensions, so the ranks are lower bounds "
            f"and are judged against what {n} samples can show. Pass more than {d} samples to "
            "see the whole spectrum."
        )
    if abs(share - limits["center_norm_squared"]) < 2 * error:
        warnings.append(
            f"The share of the centre, {share:.4f} ± {2 * error:.4f}, cannot be told from its "
            f"limit {limits['center_norm_squared']} with {n} samples. Pass more."
        )
    if CENTER_SHARE_LARGE <= share and verdict != "complete_collapse":
        warnings.append(
            f"The common centre holds {_percent(share)} of the squared length, so all cosines are "
            "close to 1. Features after a ReLU and untrained encoders look like this without "
            "having lost information; subtract the mean before comparing by cosine."
        )
    between = figures.get("between_variance")
    if between is not None and between < max(
        limits["between_variance"], 2 * figures["between_variance_error"]
    ):
        if share < 0.5:
            warnings.append(
                "The two views of a sample are no more alike than two random samples (mean cosine "
                f"{figures['positive_cosine']:.3f} against {share:.3f}): the spread is "
                "augmentation noise and carries no information about the sample, whatever its "
                "rank. Check that both views are in the same order, and how strong the "
                "augmentation is."
            )
    return warnings


def _percent(share):
    """`0.9712` -> `97 %`, with more digits where they matter."""
    percent = 100 * share
    digits = 0 if 1 <= percent <= 99 else 2
    return f"{percent:.{digits}f} %"
