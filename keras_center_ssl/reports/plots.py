"""Pictures of a training and of embeddings. Needs matplotlib.

Every function returns a matplotlib `Figure`, and writes it where a `path` is given. Colours are
those of Okabe and Ito for lines and of Paul Tol (muted) for classes, which people with
colour-blindness can tell apart; lines also differ in their dashes.
"""

import math

import numpy as np

from keras_center_ssl import files, geometry

_BLACK, _GREY = "#222222", "#8a8f98"
_COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
_CLASSES = "#332288 #CC6677 #117733 #88CCEE #882255 #DDCC77 #44AA99 #AA4499 #999933 #777777".split()
_DASHES = ("-", (0, (5, 2)), (0, (1, 1.5)), (0, (5, 2, 1, 2)))
_MARKERS = "oX"

_MOST_POINTS = 2000
_MOST_CLASSES = 20

# Name in a history, title, what a collapse looks like and on which side of it there is room.
_PANELS = (
    ("loss", "Loss", None, None),
    ("center_norm", "Centre norm", 1.0, "above"),
    ("positive_cosine", "Positive cosine", None, None),
    ("between_variance", "Between-sample variance", 0.0, "below"),
    ("effective_rank", "Effective rank", 1.0, "below"),
    ("participation_ratio", "Participation ratio", 1.0, "below"),
)
_SHARES = ("center_norm", "positive_cosine", "between_variance")


def training_curves(history, path=None):
    """Loss and centre figures over the epochs; a dotted line marks where a collapse would be.

    Args:
        history: Dict of name to list, one value an epoch, as `model.fit(...).history`.
        path: PNG file to write.
    """
    panels = [panel for panel in _PANELS if panel[0] in history]
    rows = math.ceil(len(panels) / 3)
    figure, axes = _figure(rows, min(3, len(panels)), size=(10.5, 2.9 * rows))
    for axis, (name, title, collapsed, room) in zip(axes, panels, strict=False):
        values = np.asarray(history[name], float)
        epochs = np.arange(1, len(values) + 1)
        marker = dict(marker="o", markersize=3.5) if len(values) <= 40 else {}
        axis.plot(epochs, values, color=_COLORS[0], **marker)
        axis.set_title(title, loc="left")
        axis.set_xlabel("epoch")
        axis.xaxis.get_major_locator().set_params(integer=True)
        if name in _SHARES:
            axis.set_ylim(min(-0.12, np.nanmin(values) - 0.04), 1.12)
        elif name != "loss":
            axis.set_ylim(0, max(1.15 * np.nanmax(values, initial=0.0), 2.0))
        if collapsed is not None:
            axis.axhline(collapsed, color=_COLORS[1], linestyle=_DASHES[2], linewidth=1.4)
            axis.annotate(
                "collapsed",
                (1.0, collapsed),
                xycoords=("axes fraction", "data"),
                xytext=(-2, 2 if room == "above" else -3),
                textcoords="offset points",
                ha="right",
                va="bottom" if room == "above" else "top",
                color=_COLORS[1],
                fontsize=8.5,
            )
    for axis in axes[len(panels) :]:
        axis.set_visible(False)
    return _done(figure, path)


def spectrum(embeddings, path=None):
    """Eigenvalues of the covariance of unit embeddings, largest first, on log axes.

    Beside them the spectrum `1 / i`, near which healthy representations lie (Agrawal et al., 2022),
    and how many directions hold 99 % of the variance.

    Args:
        embeddings: `(n, d)` array, or dict of label to array; each is one line.
        path: PNG file to write.
    """
    figure, (axis,) = _figure(1, 1, size=(5.6, 4.0))
    longest = 1
    for k, (label, z) in enumerate(_labelled(embeddings).items()):
        values = geometry.covariance_spectrum(z)
        total = values.sum()
        if total < geometry.NO_VARIANCE:
            axis.plot([], [], color=_COLORS[k], label=_joined(label, "no variance at all"))
            continue
        shares = values / total
        held = 1 + int(np.sum(np.cumsum(shares) < 0.99))
        shares = shares[shares > 1e-6]
        longest = max(longest, len(shares))
        axis.plot(
            np.arange(1, len(shares) + 1),
            shares,
            color=_COLORS[k % len(_COLORS)],
            linestyle=_DASHES[k % len(_DASHES)],
            label=_joined(label, f"99 % in {held} of {np.shape(z)[1]}"),
        )
        axis.plot(held, shares[min(held, len(shares)) - 1], "o", color=_COLORS[k % len(_COLORS)])
    order = np.arange(1.0, max(longest, 2) + 1)
    healthy = 1 / order / np.sum(1 / order)
    axis.plot(order, healthy, color=_GREY, linewidth=1.0, label="1/i, near healthy ones")
    axis.set_xscale("log")
    axis.set_yscale("log")
    axis.set_xlabel("direction, by variance")
    axis.set_ylabel("share of the variance")
    axis.set_title("Spectrum of the covariance", loc="left")
    axis.legend(frameon=False, fontsize=8.5, loc="lower left")
    return _done(figure, path)


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
    points, shares = _principal_components(unit)
    figure, (axis,) = _figure(1, 1, size=(5.6, 4.4))
    size = float(np.clip(16000 / len(points), 8, 30))
    classes = None if labels is None else np.unique(np.asarray(labels)[keep])
    if classes is not None and 1 < len(classes) <= _MOST_CLASSES:
        chosen = np.asarray(labels)[keep]
        for k, name in enumerate(classes):
            inside = chosen == name
            axis.scatter(
                *points[inside].T,
                s=size,
                color=_CLASSES[k % len(_CLASSES)],
                marker=_MARKERS[k // len(_CLASSES) % len(_MARKERS)],
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
    return _done(figure, path)


def cosines(embeddings, path=None):
    """Histogram of the cosines of all pairs of samples, against uniform vectors on the sphere.

    The cosine `t` of two uniform vectors in `d` dimensions has the density
    `(1 - t^2)^((d - 3) / 2)`. A collapse to one point is a peak at 1, one to groups a peak at 1
    and others elsewhere.

    Args:
        embeddings: `(n, d)` array, or dict of label to array of the same dimension or not.
        path: PNG file to write.
    """
    figure, (axis,) = _figure(1, 1, size=(5.6, 4.0))
    labelled = _labelled(embeddings)
    bins = np.linspace(-1.0, 1.0, 101)
    for k, (label, z) in enumerate(labelled.items()):
        values = geometry.pairwise_cosines(z)
        color = _COLORS[k % len(_COLORS)]
        heights, _ = np.histogram(values, bins=bins)
        shares = heights / len(values)
        axis.stairs(shares, bins, fill=True, color=color, alpha=0.25)
        axis.stairs(shares, bins, color=color, linestyle=_DASHES[k % len(_DASHES)])
        axis.plot([], [], color=color, linestyle=_DASHES[k % len(_DASHES)], label=label or "pairs")
    for k, dimension in enumerate(sorted({np.shape(z)[1] for z in labelled.values()})):
        style = dict(color=_BLACK, linewidth=1.1, linestyle=_DASHES[k % len(_DASHES)])
        axis.stairs(uniform_cosine_shares(dimension, bins), bins, **style)
        axis.plot([], [], **style, label=f"uniform in {dimension} dimensions")
    axis.set_xlim(-1.02, 1.02)
    axis.set_xlabel("cosine of two different samples")
    axis.set_ylabel("share of the pairs")
    axis.set_title("Pairwise cosines", loc="left")
    axis.legend(frameon=False, fontsize=8.5, loc="upper left")
    return _done(figure, path)


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


def embedding_pictures(embeddings, folder, labels=None):
    """Writes spectrum, pairwise cosines and projection of embeddings into a folder.

    Args:
        embeddings: `(n, d)` array, or dict of name to array. Every one gets its own projection.
        folder: Where `spectrum.png`, `cosines.png` and `projection.png` go (with more than one
            array `projection_<name>.png`); made if missing.
        labels: `(n,)` classes that the projections are coloured by.

    Returns:
        The paths, in a list.
    """
    labelled = _labelled(embeddings)
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / "spectrum.png", folder / "cosines.png"]
    spectrum(labelled, paths[0])
    cosines(labelled, paths[1])
    for name, z in labelled.items():
        suffix = f"_{name}" if len(labelled) > 1 else ""
        paths.append(folder / f"projection{suffix}.png")
        projection(z, paths[-1], labels=labels, title=_joined(name, "principal components"))
    return paths


def _principal_components(unit):
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


def _labelled(embeddings):
    return embeddings if isinstance(embeddings, dict) else {"": embeddings}


def _joined(label, text):
    return f"{label}: {text}" if label else text[0].upper() + text[1:]


def _figure(rows, columns, size):
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


def _done(figure, path):
    if path is not None:
        with files.atomic_path(path) as temporary:
            figure.savefig(temporary, dpi=144, format="png")
    return figure
