"""What all pictures share: colours, dashes, one look, and files that are whole or not there.

Colours are those of Okabe and Ito for lines and of Paul Tol (muted) for classes, which people with
colour-blindness can tell apart; lines also differ in their dashes. There may be more lines than
colours, so that both are taken in turns.
"""

import numpy as np

from keras_center_ssl.files import atomic_file

BLACK, GREY = "#222222", "#8a8f98"
_LINES = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
_CLASSES = "#332288 #CC6677 #117733 #88CCEE #882255 #DDCC77 #44AA99 #AA4499 #999933 #777777".split()
_DASHES = ("-", (0, (5, 2)), (0, (1, 1.5)), (0, (5, 2, 1, 2)))
_MARKERS = "oX"
# Looks of classes that can be told apart.
MOST_CLASSES = len(_CLASSES) * len(_MARKERS)
WARNING = _LINES[1]
DOTTED = _DASHES[2]


def line_color(k):
    """Colour of line `k`, counted from 0."""
    return _LINES[k % len(_LINES)]


def dashes(k):
    """Dashes of line `k`."""
    return _DASHES[k % len(_DASHES)]


def class_look(k):
    """Colour and marker of class `k`, as keyword arguments."""
    marker = _MARKERS[k // len(_CLASSES) % len(_MARKERS)]
    return {"color": _CLASSES[k % len(_CLASSES)], "marker": marker}


def by_label(embeddings):
    """One array or a dict of them, as a dict of label to array."""
    return embeddings if isinstance(embeddings, dict) else {"": embeddings}


def joined(label, text):
    """`label: text`, or the text as the beginning of a line."""
    return f"{label}: {text}" if label else text[0].upper() + text[1:]


def new_figure(rows, columns, size):
    """A matplotlib `Figure` and its axes, in a flat array."""
    # The object-oriented interface: no global state, no display.
    from matplotlib.figure import Figure

    figure = Figure(figsize=size, layout="constrained")
    figure.set_facecolor("white")
    axes = np.atleast_1d(figure.subplots(rows, columns)).ravel()
    for axis in axes:
        axis.grid(alpha=0.25, linewidth=0.7)
        axis.set_axisbelow(True)
        axis.spines[["top", "right"]].set_visible(False)
        axis.tick_params(labelsize=8.5)
        axis.title.set_fontsize(11)
        axis.xaxis.label.set_fontsize(9.5)
        axis.yaxis.label.set_fontsize(9.5)
    return figure, axes


def done(figure, path):
    """Writes the picture, whole or not at all, where there is a path; returns the figure."""
    if path is not None:
        with atomic_file(path) as file:
            figure.savefig(file, format="png", dpi=144)
    return figure
