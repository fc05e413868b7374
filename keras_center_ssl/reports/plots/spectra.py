"""The spectrum of the covariance of embeddings."""

import numpy as np

from keras_center_ssl import geometry
from keras_center_ssl.reports.plots import style


def spectrum(embeddings, path=None):
    """Eigenvalues of the covariance of unit embeddings, largest first, on log axes.

    Beside them the spectrum `1 / i`, near which healthy representations lie (Agrawal et al., 2022),
    and how many directions hold 99 % of the variance.

    Args:
        embeddings: `(n, d)` array, or dict of label to array; each is one line.
        path: PNG file to write.
    """
    figure, (axis,) = style.new_figure(1, 1, size=(5.6, 4.0))
    longest = 1
    for k, (label, z) in enumerate(style.by_label(embeddings).items()):
        values = geometry.covariance_spectrum(z)
        total = values.sum()
        if total < geometry.NO_VARIANCE:
            axis.plot(
                [], [], color=style.line_color(k), label=style.joined(label, "no variance at all")
            )
            continue
        shares = values / total
        held = 1 + int(np.sum(np.cumsum(shares) < 0.99))
        shares = shares[shares > 1e-6]
        longest = max(longest, len(shares))
        axis.plot(
            np.arange(1, len(shares) + 1),
            shares,
            color=style.line_color(k),
            linestyle=style.dashes(k),
            label=style.joined(label, f"99 % in {held} of {np.shape(z)[1]}"),
        )
        axis.plot(held, shares[min(held, len(shares)) - 1], "o", color=style.line_color(k))
    order = np.arange(1.0, max(longest, 2) + 1)
    healthy = 1 / order / np.sum(1 / order)
    axis.plot(order, healthy, color=style.GREY, linewidth=1.0, label="1/i, near healthy ones")
    axis.set_xscale("log")
    axis.set_yscale("log")
    axis.set_xlabel("direction, by variance")
    axis.set_ylabel("share of the variance")
    axis.set_title("Spectrum of the covariance", loc="left")
    axis.legend(frameon=False, fontsize=8.5, loc="lower left")
    return style.done(figure, path)
