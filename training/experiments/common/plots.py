"""Pictures of means over seeds."""

import math

from common.rows import chosen, numbers, values, variants_of
from common.statistics import mean
from keras_center_ssl.reports.plots import style


def points(path, rows, by, columns, labels=None):
    """For each value of `by` a line: every seed a point, the mean a bar; one panel a column."""
    groups = values(rows, by)
    height = max(2.2, 0.28 * len(groups) + 1)
    figure, axes = style.new_figure(1, len(columns), (3.1 * len(columns) + 1.2, height))
    for axis, (column, title) in zip(axes, columns.items(), strict=True):
        for k, group in enumerate(groups):
            part = chosen(rows, **{by: group})
            axis.scatter(numbers(part, column), [k] * len(part), s=16, color=style.line_color(0))
            axis.plot([mean(part, column)] * 2, [k - 0.3, k + 0.3], color=style.WARNING)
        axis.set_yticks(range(len(groups)), labels or groups if axis is axes[0] else [])
        axis.invert_yaxis()
        axis.set_title(title)
    return style.done(figure, path)


def curves(path, panels, xlabel, size=None, **axis_settings):
    """Panels of lines.

    Args:
        path: Where the picture goes.
        panels: Title -> {label: (x, y)}.
        xlabel: Of every panel.
        size: Of the picture, in inches.
        **axis_settings: Of every panel, such as `ylim`, `xscale`.
    """
    figure, axes = style.new_figure(1, len(panels), size or (4.6 * len(panels), 3.4))
    for axis, (title, lines) in zip(axes, panels.items(), strict=True):
        for k, (label, (x, y)) in enumerate(lines.items()):
            axis.plot(
                x, y, color=style.line_color(k), linestyle=style.dashes(k // 6 + k), label=label
            )
        axis.set(xlabel=xlabel, title=title, **axis_settings)
    axes[-1].legend(fontsize=7.5, frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5))
    return style.done(figure, path)


def around_the_estimate(path, lines, ticks):
    """`||s||` over centre weights in units of the predicted critical one, on a log scale.

    Args:
        path: Where the picture goes.
        lines: {label: (factors, centre norms)}.
        ticks: {factor: how to write it}.
    """
    title = {"||s|| at the end": lines}
    figure = curves(None, title, "centre weight / predicted critical weight")
    (axis,) = figure.axes
    axis.set_xscale("log")
    axis.set_xticks(list(ticks), ticks.values())
    axis.minorticks_off()
    axis.axvline(1, color=style.GREY)
    return style.done(figure, path)


CENTERS = {
    "Encoder": "encoder_center_norm",
    "Projector": "center_norm",
    "Predictor": "predictor_center_norm",
}


def centers(path, looks, variants):
    """`||s||` of encoder, projector and predictor over the steps, a line for each variant.

    Args:
        path: Where the picture goes.
        looks: Rows with a `"step"` and the columns of `CENTERS`.
        variants: The columns that tell variants apart.
    """
    panels = {}
    cases = variants_of(looks, variants)
    for title, column in CENTERS.items():
        if all(map(math.isnan, numbers(looks, column))):
            continue  # no variant has a predictor
        panel = panels[f"{title}: ||s||"] = {}
        for label, case in cases.items():
            part = chosen(looks, **case)
            steps = values(part, "step")
            means = [mean(chosen(part, step=step), column) for step in steps]
            panel[label] = ([int(step) for step in steps], means)
    size = (3.2 * len(panels) + 1.6, max(3, 0.16 * len(cases) + 0.6))
    return curves(path, panels, "step", size=size, ylim=(-0.02, 1.02))
