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

from collections.abc import Iterable

from keras_center_ssl.figures import collapse, quality
from keras_center_ssl.figures.figure import Figure

__all__ = [
    "FIGURES",
    "LIMIT_SIGNS",
    "LOGGED",
    "Figure",
    "judged",
    "label",
    "markdown_table",
    "number",
    "title",
]

_TABLE = (*collapse.TABLE, *quality.TABLE)

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


def judged(metrics: dict) -> dict:
    """The part of an evaluation's metrics that has a value for every candidate.

    Key of the figure -> name of what was judged -> value, in the order of the table.
    """
    return {key: metrics[key] for key in FIGURES if isinstance(metrics.get(key), dict)}


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
