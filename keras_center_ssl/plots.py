"""Pictures of a training and of embeddings, as PNG files. Needs matplotlib."""

import numpy as np

from keras_center_ssl import geometry

_BLUE, _ORANGE, _GREY = "#2563eb", "#ea580c", "#9ca3af"


def training_curves(history, path):
    """Loss and centre figures over the epochs.

    Args:
        history: Dict of name to list, one value an epoch, as `model.fit(...).history`.
        path: PNG file to write.
    """
    panels = [
        ("loss", "loss"),
        ("center_norm", "centre norm  (1: collapsed)"),
        ("positive_cosine", "positive cosine"),
        ("between_variance", "between-sample variance  (0: collapsed)"),
        ("effective_rank", "effective rank"),
        ("participation_ratio", "participation ratio"),
    ]
    panels = [(name, title) for name, title in panels if name in history]
    figure, axes = _figure(2, 3, size=(11, 5.5))
    for axis, (name, title) in zip(axes, panels, strict=False):
        values = history[name]
        epochs = np.arange(1, len(values) + 1)
        axis.plot(epochs, values, color=_BLUE, marker="o", markersize=3)
        axis.set_title(title, fontsize=10)
        axis.set_xlabel("epoch", fontsize=9)
        axis.xaxis.get_major_locator().set_params(integer=True)
        if name in ("center_norm", "positive_cosine", "between_variance"):
            axis.set_ylim(-0.03, 1.03)
    for axis in axes[len(panels) :]:
        axis.set_visible(False)
    _save(figure, path)


def spectrum(embeddings, path):
    """Eigenvalues of the covariance of L2-normalised embeddings, largest first, on log axes.

    Args:
        embeddings: Dict of label to `(n, d)` array; each is one line.
        path: PNG file to write.
    """
    figure, (axis,) = _figure(1, 1, size=(6, 4.2))
    for color, (label, z) in zip((_BLUE, _ORANGE, _GREY), embeddings.items(), strict=False):
        values = np.asarray(geometry.covariance_spectrum(z))
        values = np.sort(values)[::-1] / values.sum()
        values = values[values > 1e-12]
        axis.loglog(np.arange(1, len(values) + 1), values, color=color, label=label)
    axis.set_xlabel("dimension, by variance")
    axis.set_ylabel("share of the variance")
    axis.set_title("Spectrum of the covariance", fontsize=10)
    axis.legend(frameon=False)
    _save(figure, path)


def _figure(rows, columns, size):
    # The object-oriented interface: no global state, no display.
    from matplotlib.figure import Figure

    figure = Figure(figsize=size, layout="constrained")
    axes = np.atleast_1d(figure.subplots(rows, columns)).ravel()
    for axis in axes:
        axis.grid(alpha=0.25)
        axis.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _save(figure, path):
    figure.savefig(path, dpi=120)
