"""The one table of figures: what each is called, what it says, and which side of it is healthy.

Reports, cards, pictures, the terminal and README take names and meanings from here; formulas are
in `keras_center_ssl.geometry`.

```python
figure = kcs.figures.FIGURES["center_norm"]
figure.label                               # "centre norm"
figure.meaning, figure.range               # what it says, which values it takes
figure.healthy, figure.collapsed           # what it is in health, and in a collapse
```
"""

import dataclasses
from collections.abc import Iterable


@dataclasses.dataclass(frozen=True)
class Figure:
    """One figure.

    Attributes:
        key: Its name in code: in logs, `CollapseReport.figures` and `metrics.json`.
        label: Its name in prose, in the middle of a sentence.
        meaning: What it says, in a few words.
        range: The values it can take, or its unit.
        healthy: What it is for healthy embeddings; empty where no side is better.
        collapsed: What it is for embeddings that have collapsed; empty where that depends.
        limit: `"<"`, `">"` or `">="`: on this side of its threshold a figure is free of collapse.
            `None`: it is not held against a threshold.
        collapsed_at: The value of a complete collapse, for a line in a picture, or `None`.
    """

    key: str
    label: str
    meaning: str
    range: str
    healthy: str = ""
    collapsed: str = ""
    limit: str | None = None
    collapsed_at: float | None = None


_TABLE = (
    Figure("loss", "loss", "what the training makes small", "depends on the method"),
    Figure(
        "center_norm_squared",
        "squared centre norm",
        "share of the squared length that all samples have in common, unbiased",
        "0 to 1, a little below 0 by chance",
        healthy="well below 1",
        collapsed="1",
        limit="<",
    ),
    Figure(
        "center_norm_squared_error",
        "error of the squared centre norm",
        "standard error of the squared centre norm",
        "0 or more",
    ),
    Figure(
        "center_norm",
        "centre norm",
        "length of the centre vector, unbiased",
        "0 to 1",
        healthy="well below 1",
        collapsed="1",
        collapsed_at=1.0,
    ),
    Figure(
        "positive_cosine",
        "positive cosine",
        "mean cosine of the two views of a sample",
        "-1 to 1",
        healthy="high",
        collapsed="1",
    ),
    Figure(
        "augmentation_noise",
        "augmentation noise",
        "share of the squared length that differs between the views of a sample",
        "0 to 2",
        healthy="small",
    ),
    Figure(
        "between_variance",
        "between-sample variance",
        "share of the squared length that tells samples apart",
        "0 to 1, a little below 0 by chance",
        healthy="large",
        collapsed="0",
        limit=">=",
        collapsed_at=0.0,
    ),
    Figure(
        "between_variance_error",
        "error of the between-sample variance",
        "standard error of the between-sample variance",
        "0 or more",
    ),
    Figure(
        "alignment",
        "alignment",
        "mean squared distance of the two views of a sample",
        "0 to 4",
        healthy="small",
        collapsed="0",
    ),
    Figure(
        "normalized_std",
        "normalised standard deviation",
        "mean standard deviation per dimension, times √d",
        "0 to 1",
        healthy="about 1",
        collapsed="0",
    ),
    Figure(
        "effective_rank",
        "effective rank",
        "dimensions in use, by the entropy of the singular values",
        "1 to d",
        healthy="large",
        collapsed="1",
        collapsed_at=1.0,
    ),
    Figure(
        "participation_ratio",
        "participation ratio",
        "number of equal directions that the variance is worth",
        "1 to d, or 0 for one point",
        healthy="large",
        collapsed="1",
        limit=">=",
        collapsed_at=1.0,
    ),
    Figure(
        "effective_rank_uncentered",
        "uncentred effective rank",
        "effective rank with the centre left in (RankMe as published)",
        "1 to d",
        healthy="large",
        collapsed="1",
    ),
    Figure(
        "dimensions_99",
        "dimensions at 99 %",
        "directions that hold 99 % of the variance",
        "1 to d",
        healthy="many",
        collapsed="few",
        limit=">=",
    ),
    Figure(
        "uniformity",
        "uniformity",
        "logarithm of the mean Gaussian potential of all pairs",
        "-8 to 0",
        healthy="near -4",
        collapsed="0",
    ),
    Figure(
        "groups",
        "groups",
        "groups in the best split into tight groups",
        "1 to a quarter of the subsample",
    ),
    Figure(
        "within_group_share",
        "within group share",
        "share of the variance that lies within these groups",
        "0 to 1",
        healthy="large",
        collapsed="0",
        limit=">",
    ),
    Figure(
        "group_gap",
        "group gap",
        "shortest step between groups over the longest within one",
        "1 or more",
        healthy="near 1",
        collapsed="large",
        limit="<",
    ),
    Figure(
        "largest_group_share",
        "largest group",
        "share of the samples in the largest of these groups",
        "0 to 1",
    ),
    Figure(
        "distinct_points",
        "distinct points",
        "different embeddings among all samples",
        "1 to n",
        healthy="n",
        collapsed="few",
    ),
    Figure(
        "distinct_share",
        "distinct share",
        "distinct points over samples, near duplicates counted as one",
        "0 to 1",
        healthy="1",
        collapsed="0",
        limit=">",
    ),
    Figure(
        "duplicate_share",
        "exact duplicates",
        "share of the samples whose embedding another sample has, too",
        "0 to 1",
        healthy="0",
        collapsed="1",
    ),
    Figure(
        "near_duplicate_share",
        "near duplicates",
        "share of the samples next to another one (2 % of the usual distance), exact ones too",
        "0 to 1",
        healthy="0",
        collapsed="1",
    ),
    Figure(
        "subsample",
        "subsample",
        "samples behind groups, near duplicates and uniformity",
        "samples",
    ),
    Figure(
        "knn_accuracy",
        "k-NN accuracy",
        "share of test images that their nearest neighbours classify rightly",
        "0 to 1",
        healthy="high",
    ),
    Figure(
        "linear_accuracy",
        "linear-probe accuracy",
        "share of test images that a linear classifier of the features classifies rightly",
        "0 to 1",
        healthy="high",
    ),
)

FIGURES = {figure.key: figure for figure in _TABLE}

# On which side of its threshold a figure is free of collapse.
LIMIT_SIGNS = {figure.key: figure.limit for figure in _TABLE if figure.limit}

# What `fit` logs beside the loss.
LOGGED = (
    "center_norm",
    "positive_cosine",
    "between_variance",
    "normalized_std",
    "effective_rank",
    "participation_ratio",
)


def label(key: str) -> str:
    """The figure's name in prose; of a key that is no figure, its words."""
    return FIGURES[key].label if key in FIGURES else key.replace("_", " ")


def number(value: float) -> str:
    """Three digits after the point, or two that mean something where it is smaller than these."""
    return f"{value:.3f}" if abs(value) >= 0.01 or not value else f"{value:.2g}"


def title(key: str) -> str:
    """`label` at the beginning of a line."""
    words = label(key)
    return words[:1].upper() + words[1:]


def markdown_table(keys: Iterable[str] = LOGGED) -> str:
    """The table of some figures as it stands in README."""
    head = ("figure", "name", "meaning", "range", "healthy", "collapsed")
    lines = [head, ("---",) * len(head)]
    for key in keys:
        figure = FIGURES[key]
        cells = (figure.label, figure.meaning, figure.range, figure.healthy, figure.collapsed)
        lines.append((f"`{key}`", *cells))
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
