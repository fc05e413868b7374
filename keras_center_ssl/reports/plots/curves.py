"""A training's figures over its epochs."""

import math

import numpy as np

from keras_center_ssl import figures
from keras_center_ssl.reports.plots import style

_PANELS = (
    "loss",
    "center_norm",
    "positive_cosine",
    "between_variance",
    "effective_rank",
    "participation_ratio",
)
_SHARES = ("center_norm", "positive_cosine", "between_variance")


def training_curves(history, path=None):
    """Loss and centre figures over the epochs; a dotted line marks where a collapse would be.

    Args:
        history: Dict of name to list, one value an epoch, as `model.fit(...).history`.
        path: PNG file to write.
    """
    panels = [key for key in _PANELS if key in history]
    rows = math.ceil(len(panels) / 3)
    figure, axes = style.new_figure(rows, min(3, len(panels)), size=(10.5, 2.9 * rows))
    for axis, key in zip(axes, panels, strict=False):
        values = np.asarray(history[key], float)
        epochs = np.arange(1, len(values) + 1)
        marker = dict(marker="o", markersize=3.5) if len(values) <= 40 else {}
        axis.plot(epochs, values, color=style.line_color(0), **marker)
        axis.set_title(figures.title(key), loc="left")
        axis.set_xlabel("epoch")
        axis.xaxis.get_major_locator().set_params(integer=True)
        if key in _SHARES:
            axis.set_ylim(min(-0.12, np.nanmin(values) - 0.04), 1.12)
        elif key != "loss":
            axis.set_ylim(0, max(1.15 * np.nanmax(values, initial=0.0), 2.0))
        if figures.FIGURES[key].collapsed_at is not None:
            _mark_collapse(axis, figures.FIGURES[key].collapsed_at, values)
    for axis in axes[len(panels) :]:
        axis.set_visible(False)
    return style.done(figure, path)


def _mark_collapse(axis, value, values):
    """A dotted line where a collapse would be, and a word at the end that the curve is off it."""
    distance = np.nan_to_num(np.abs(values[[0, -1]] - value))
    right = distance[1] >= distance[0]
    axis.axhline(value, color=style.WARNING, linestyle=style.DOTTED, linewidth=1.4)
    # Below a line at 0 there is room; below one at 1 there may be the axis.
    above = value > 0
    axis.annotate(
        "collapsed",
        (1.0 if right else 0.0, value),
        xycoords=("axes fraction", "data"),
        xytext=(-2 if right else 2, 2 if above else -3),
        textcoords="offset points",
        ha="right" if right else "left",
        va="bottom" if above else "top",
        color=style.WARNING,
        fontsize=8.5,
    )
