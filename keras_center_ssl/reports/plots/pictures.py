"""All pictures of embeddings, in one folder."""

from keras_center_ssl.reports.plots import style
from keras_center_ssl.reports.plots.histograms import cosines
from keras_center_ssl.reports.plots.projections import projection
from keras_center_ssl.reports.plots.spectra import spectrum


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
    labelled = style.by_label(embeddings)
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / "spectrum.png", folder / "cosines.png"]
    spectrum(labelled, paths[0])
    cosines(labelled, paths[1])
    for name, z in labelled.items():
        suffix = f"_{name}" if len(labelled) > 1 else ""
        paths.append(folder / f"projection{suffix}.png")
        projection(z, paths[-1], labels=labels, title=style.joined(name, "principal components"))
    return paths
