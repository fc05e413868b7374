"""The cosines of pairs of embeddings."""

import numpy as np

from keras_center_ssl import geometry
from keras_center_ssl.reports.plots import style


def cosines(embeddings, path=None):
    """Histogram of the cosines of all pairs of samples, against uniform vectors on the sphere.

    The cosine `t` of two uniform vectors in `d` dimensions has the density
    `(1 - t^2)^((d - 3) / 2)`. A collapse to one point is a peak at 1, one to groups a peak at 1
    and others elsewhere.

    Args:
        embeddings: `(n, d)` array, or dict of label to array of the same dimension or not.
        path: PNG file to write.
    """
    figure, (axis,) = style.new_figure(1, 1, size=(5.6, 4.0))
    labelled = style.by_label(embeddings)
    bins = np.linspace(-1.0, 1.0, 101)
    for k, (label, z) in enumerate(labelled.items()):
        values = geometry.pairwise_cosines(z)
        color = style.line_color(k)
        heights, _ = np.histogram(values, bins=bins)
        shares = heights / len(values)
        axis.stairs(shares, bins, fill=True, color=color, alpha=0.25)
        axis.stairs(shares, bins, color=color, linestyle=style.dashes(k))
        axis.plot([], [], color=color, linestyle=style.dashes(k), label=label or "pairs")
    for k, dimension in enumerate(sorted({np.shape(z)[1] for z in labelled.values()})):
        look = dict(color=style.BLACK, linewidth=1.1, linestyle=style.dashes(k))
        axis.stairs(uniform_cosine_shares(dimension, bins), bins, **look)
        axis.plot([], [], **look, label=f"uniform in {dimension} dimensions")
    axis.set_xlim(-1.02, 1.02)
    axis.set_xlabel("cosine of two different samples")
    axis.set_ylabel("share of the pairs")
    axis.set_title("Pairwise cosines", loc="left")
    axis.legend(frameon=False, fontsize=8.5, loc="upper left")
    return style.done(figure, path)


def uniform_cosine_shares(dimension, bins):
    """Shares of the cosines of uniform vectors on the sphere, `(len(bins) - 1,)`.

    Args:
        dimension: 2 or more; in 1 there are only the cosines -1 and 1.
        bins: Edges that rise from -1 to 1.
    """
    if dimension < 2:
        return np.r_[0.5, np.zeros(len(bins) - 3), 0.5]
    # With t = cos(angle), t has the density sin(angle)^(d - 2) over the angle: no pole at the ends.
    angle = np.linspace(0.0, np.pi, 20001)
    # In logarithms: a large power of the sine underflows elsewhere than near a right angle.
    sine = np.maximum(np.sin(angle), 1e-300)
    density = np.exp((dimension - 2) * np.log(sine))
    cumulated = np.r_[0.0, np.cumsum((density[1:] + density[:-1]) / 2)]
    below = np.interp(np.arccos(np.clip(bins, -1, 1)), angle, cumulated / cumulated[-1])
    return -np.diff(below)
