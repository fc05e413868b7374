"""Figures over the epochs of a training, or of several, one over the other."""

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
# Shares that are never negative, and the median below which they are drawn on a log scale: on a
# linear one to 1 they would be a line on the axis.
_MAY_BE_TINY, _TINY = ("center_norm",), 0.05
_LEAST = 1e-5


def training_curves(history, path=None):
    """Loss and centre figures over the epochs; a dotted line marks where a collapse would be.

    Args:
        history: Dict of name to list, one value an epoch, as `model.fit(...).history`.
        path: PNG file to write.
    """
    return _draw({"": history}, path)


def compared_curves(histories, path=None):
    """`training_curves` of several trainings, one over the other.

    Args:
        histories: Dict of name -> history; two at least.
        path: PNG file to write.
    """
    figure = _draw(histories, None)
    lines, names = figure.axes[0].get_legend_handles_labels()
    columns = 1 if max(map(len, names)) > 40 else 2 if max(map(len, names)) > 22 else 3
    figure.legend(
        lines, names, loc="outside upper left", ncols=columns, frameon=False, fontsize=9.5
    )
    return style.done(figure, path)


def _draw(histories, path):
    panels = [key for key in _PANELS if any(key in history for history in histories.values())]
    rows = math.ceil(len(panels) / 3)
    figure, axes = style.new_figure(rows, min(3, len(panels)), size=(10.5, 2.9 * rows))
    for axis, key in zip(axes, panels, strict=False):
        curves = {
            name: np.asarray(history.get(key, [np.nan]), float)
            for name, history in histories.items()
        }
        _draw_panel(axis, key, curves)
    for axis in axes[len(panels) :]:
        axis.set_visible(False)
    return style.done(figure, path)


def _draw_panel(axis, key, curves):
    for number, (name, values) in enumerate(curves.items()):
        marker = dict(marker="o", markersize=3.5) if len(values) <= 40 else {}
        axis.plot(
            np.arange(1, len(values) + 1),
            values,
            color=style.line_color(number),
            linestyle=style.dashes(number // 6),
            label=name,
            **marker,
        )
    axis.set_title(figures.title(key), loc="left")
    axis.set_xlabel("epoch")
    axis.xaxis.get_major_locator().set_params(integer=True)
    together = np.concatenate(list(curves.values()))
    together = together[np.isfinite(together)]
    _set_limits(axis, key, together if len(together) else np.zeros(1))
    if figures.FIGURES[key].collapsed_at is not None:
        ends = np.array([[values[0], values[-1]] for values in curves.values()])
        _mark_collapse(axis, figures.FIGURES[key].collapsed_at, ends)


def _set_limits(axis, key, values):
    low, high = float(values.min()), float(values.max())
    if key in _MAY_BE_TINY and np.median(values) < _TINY and (values > 0).any():
        least = max(float(values[values > 0].min()), _LEAST)
        bottom = 10 ** math.floor(math.log10(least / 1.2))
        axis.set_yscale("log")
        axis.set_ylim(bottom / 1.3, 2.5)
        axis.set_ylabel("log scale")
        if (values < bottom).any():
            # An unbiased estimate may be 0 or below it, which has no place on this scale.
            axis.set_ylabel(f"log scale; bottom: under {bottom:g}")
            for line in axis.lines:
                line.set_ydata(np.maximum(line.get_ydata(), bottom))
    elif key in _SHARES:
        axis.set_ylim(min(-0.12, low - 0.04), 1.12)
    elif key != "loss":
        top = max(1.15 * high, 2.0)
        from matplotlib.ticker import FuncFormatter

        # Room below: the line of a collapse, and its word, are not on the axis.
        axis.set_ylim(-0.13 * top, top)
        axis.yaxis.set_major_formatter(FuncFormatter(lambda n, _: f"{n:g}" if n >= 0 else ""))


def _mark_collapse(axis, value, ends):
    """A dotted line where a collapse would be, and a word at the end that the curves are off it."""
    distance = np.nan_to_num(np.abs(ends - value)).min(axis=0)
    right = distance[1] >= distance[0]
    axis.axhline(value, color=style.WARNING, linestyle=style.DOTTED, linewidth=1.4)
    # On the side of the line where no values are: below one at the least, above one at the most.
    above = axis.get_yscale() == "log" or axis.get_ylim()[1] < 1.5
    above = above and value > 0
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
