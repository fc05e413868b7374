"""Embeddings in a plane: their two leading principal components."""

import math

import numpy as np

from keras_center_ssl import geometry
from keras_center_ssl.reports.plots import style

_MOST_POINTS = 2000


def projection(z, path=None, labels=None, title="Embeddings"):
    """The two leading principal components of unit embeddings.

    Args:
        z: `(n, d)` embeddings; 2,000 of them are drawn at most.
        path: PNG file to write.
        labels: `(n,)` classes to colour by. Without them, or with more than 20 of them, points are
            coloured by how dense their neighbourhood is.
        title: Of the picture.
    """
    keep = geometry.subsample(np.arange(len(z)), _MOST_POINTS)
    unit = geometry.unit_rows(np.asarray(z)[keep])
    points, shares = principal_components(unit)
    figure, (axis,) = style.new_figure(1, 1, size=(5.6, 4.4))
    size = float(np.clip(16000 / len(points), 8, 30))
    classes = None if labels is None else np.unique(np.asarray(labels)[keep])
    if classes is not None and 1 < len(classes) <= style.MOST_CLASSES:
        chosen = np.asarray(labels)[keep]
        for k, name in enumerate(classes):
            inside = chosen == name
            axis.scatter(
                *points[inside].T,
                s=size,
                **style.class_look(k),
                linewidths=0,
                alpha=0.8,
                label=str(name),
            )
        axis.legend(
            frameon=False,
            fontsize=8.5,
            markerscale=math.sqrt(36 / size),
            loc="center left",
            bbox_to_anchor=(1.0, 0.5),
            handletextpad=0.2,
        )
    else:
        density = _neighbours(unit)
        order = np.argsort(density)
        drawn = axis.scatter(
            *points[order].T, s=size, c=density[order], cmap="cividis", linewidths=0, alpha=0.85
        )
        # A difference in the sixth digit is none.
        drawn.set_clim(min(density.min(), density.max() - 0.01), density.max())
        bar = figure.colorbar(drawn, ax=axis, fraction=0.045, pad=0.02)
        bar.set_label("mean cosine to the 10 nearest", fontsize=9)
        bar.ax.tick_params(labelsize=8.5)
        bar.formatter.set_useOffset(False)
        bar.outline.set_visible(False)
    # One scale for both axes: an arc looks like an arc. At least a hundredth of the sphere wide:
    # rounding noise of one point must not look like a cloud.
    middle = (points.max(axis=0) + points.min(axis=0)) / 2
    half = max(1.08 * np.ptp(points, axis=0).max() / 2, 0.01)
    axis.set_xlim(middle[0] - half, middle[0] + half)
    axis.set_ylim(middle[1] - half, middle[1] + half)
    axis.set_box_aspect(1)
    axis.locator_params(nbins=5)
    axis.set_xlabel(f"1st principal component, {100 * shares[0]:.0f} % of the variance")
    axis.set_ylabel(f"2nd, {100 * shares[1]:.0f} %")
    axis.set_title(title, loc="left")
    return style.done(figure, path)


def principal_components(unit):
    """Coordinates `(n, 2)` along the two leading components, and their shares of the variance."""
    centred = unit - unit.mean(axis=0)
    # The smaller of the two Gram matrices has all that is needed.
    if len(unit) < unit.shape[1]:
        values, vectors = np.linalg.eigh(centred @ centred.T)
        points = vectors * np.sqrt(np.maximum(values, 0.0))
    else:
        values, vectors = np.linalg.eigh(centred.T @ centred)
        points = centred @ vectors
    total = max(values.sum(), 1e-300)
    points = np.c_[points[:, ::-1], np.zeros(len(unit))][:, :2]
    return points, np.r_[values[::-1], 0.0][:2] / total


def _neighbours(unit, k=10):
    """Mean cosine of each row to its `k` nearest others."""
    k = min(k, len(unit) - 1)
    similarity = unit @ unit.T
    np.fill_diagonal(similarity, -np.inf)
    return np.sort(similarity, axis=1)[:, -k:].mean(axis=1)
