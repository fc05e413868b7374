"""`diagnose`: one pass over the embeddings, the figures, and the report on them."""

import pathlib

import numpy as np

from keras_center_ssl import geometry
from keras_center_ssl.diagnosis import sources
from keras_center_ssl.diagnosis.cautions import warnings_of, without_the_mean
from keras_center_ssl.diagnosis.groups import (
    SpanningTree,
    find_groups,
    fingerprints,
    near_duplicates,
)
from keras_center_ssl.diagnosis.report import CollapseReport
from keras_center_ssl.diagnosis.rules import dimensions_99_of, judge, thresholds
from keras_center_ssl.errors import InputError
from keras_center_ssl.types import Array, FilePath

# The spectrum comes from all samples up to this many dimensions, from a subsample beyond.
_EXACT_DIMENSIONS = 2048
_SUBSAMPLE = 2048
_SUBSAMPLE_ENTRIES = 2**25


def diagnose(
    z1: Array, z2: Array | None = None, *, name: str | None = None, data_format: str | None = None
) -> CollapseReport:
    """Says whether embeddings are healthy or collapsed, and why.

    Args:
        z1: `(n, d)` embeddings of any framework that NumPy can read, any scale; best of held-out
            samples. `(n, h, w, d)` feature maps are averaged over height and width.
        z2: Embeddings of second views of the same samples, or `None`. With them the report also
            says how much of the spread tells samples apart and how much is augmentation noise.
        name: What is diagnosed, for the report.
        data_format: Of feature maps: `"channels_last"`, `"channels_first"` for `(n, d, h, w)`, or
            `None` to tell by the shape.

    Returns:
        A `CollapseReport`. Thresholds hold for `n` from 64 and `d` from 8 to 8192;
        `keras_center_ssl.diagnosis.rules` says where they come from.

    Raises:
        InputError: for wrong or mismatched shapes, feature maps that may have their channels first,
            fewer than 2 samples, masked, NaN or infinite entries and zero rows.
    """
    return _report(sources.from_arrays(z1, z2, data_format), name)


def diagnose_file(
    path: FilePath, *, name: str | None = None, data_format: str | None = None
) -> CollapseReport:
    """`diagnose` for a `.npy` or `.npz` file, read block by block: it may be larger than memory.

    Args:
        path: A `.npy` file with one array, or an `.npz` file with `z1` and `z2`, or with `z`,
            `features` or `embeddings`; failing these the first array with 2 or 4 axes is taken.
        name: What is diagnosed; the file's name by default.
        data_format: Of feature maps, as in `diagnose`.

    Returns:
        A `CollapseReport`. Centre, spread, exact duplicates and (up to 2048 dimensions) spectrum
        are those of all samples; groups, near duplicates and uniformity those of a seeded
        subsample, whose size is in the figures.
    """
    source = sources.from_file(path, data_format)
    return _report(source, pathlib.Path(path).name if name is None else name)


def _report(source, name):
    n, d = source.samples, source.dimension
    found = _Measured(source)
    verdict, reasons = found.judge()
    centered = None
    if found.figures["center_norm_squared"] >= found.limits["center_norm_squared"]:
        centered = _verdict_without_the_mean(found)
    warnings = warnings_of(verdict, found.figures, found.limits, n, d, found.seen)
    return CollapseReport(
        verdict=verdict,
        reasons=reasons,
        figures=found.figures,
        thresholds=found.limits,
        warnings=source.notes + without_the_mean(verdict, centered, source.views) + warnings,
        samples=n,
        dimension=d,
        views=source.views,
        name=name,
        centered_verdict=centered,
    )


class _Measured:
    """The figures of a source, what they are held against, and the subsample behind some."""

    def __init__(self, source):
        self.moments, self.samples, prints = _read(source)
        self.figures = _figures(self.moments, self.samples, prints)
        # Beyond a size the spectrum comes from the subsample, and is held against what that shows.
        exact = self.moments.second is not None
        self.seen = source.samples if exact else len(self.samples[0])
        self.limits = thresholds(self.seen, source.dimension)

    def judge(self):
        return judge(self.figures, self.limits, self.seen, self.moments.dimension)


def _verdict_without_the_mean(found):
    """The verdict on the subsample with the mean of all samples subtracted, or `None`."""
    rows = [unit - found.moments.center for unit in found.samples]
    squared = np.array([np.einsum("ij,ij->i", z, z) for z in rows])
    if squared.mean() < geometry.NO_VARIANCE:
        return None
    # A sample at the mean has no direction.
    kept = (squared > geometry.NO_VARIANCE * squared.mean()).all(axis=0)
    if kept.sum() < 2:
        return None
    return _Measured(sources.from_arrays(*(z[kept] for z in rows))).judge()[0]


def _read(source):
    """One pass over the source.

    Returns:
        The moments of all rows; a subsample of the unit rows per view; and a fingerprint of each
        row of the first view.
    """
    n, d = source.samples, source.dimension
    size = int(np.clip(_SUBSAMPLE_ENTRIES // d, 256, _SUBSAMPLE))
    chosen = geometry.subsample(np.arange(n), size)
    moments = geometry.Moments(d, source.views, second_moment=n > size and d <= _EXACT_DIMENSIONS)
    kept = [[] for _ in range(source.views)]
    prints = []
    start = 0
    try:
        for views in source.blocks():
            units = moments.update(*views)
            prints.append(fingerprints(units[0]))
            end = start + len(units[0])
            inside = chosen[np.searchsorted(chosen, start) : np.searchsorted(chosen, end)]
            for rows, unit in zip(kept, units, strict=True):
                rows.append(unit[inside - start])
            start = end
    except InputError:
        geometry.refuse_bad_rows(source.blocks())
        raise
    return moments, [np.concatenate(rows) for rows in kept], np.concatenate(prints)


def _figures(moments, samples, prints):
    """All figures, as floats; of what `_read` returns."""
    first = samples[0]
    spectrum, uncentered = _spectra(moments, samples)
    n = moments.count
    # Standard error of the U-statistic: its projection on single samples, then on pairs.
    along = np.mean(samples, axis=0) @ moments.center
    error = np.sqrt(4 * along.var() / n + 2 * np.sum(spectrum**2) / n**2)
    figures = {
        "center_norm_squared": moments.center_norm_squared,
        "center_norm_squared_error": error,
        "center_norm": moments.center_norm,
    }
    if moments.views == 2:
        cosines = np.einsum("ij,ij->i", *samples)
        figures |= {
            "positive_cosine": moments.positive_cosine,
            "augmentation_noise": 1.0 - moments.positive_cosine,
            "between_variance": moments.between_variance,
            "between_variance_error": np.hypot(error, cosines.std() / np.sqrt(n)),
            "alignment": moments.alignment,
        }
    directions = geometry.participation_ratio_of(spectrum)
    figures |= {
        "normalized_std": moments.normalized_std,
        "participation_ratio": directions,
        "effective_rank": geometry.effective_rank_of(spectrum),
        "effective_rank_uncentered": geometry.effective_rank_of(uncentered),
        "dimensions_99": dimensions_99_of(spectrum),
        "uniformity": geometry.uniformity(first),
        **_neighbours(first, directions, prints),
        "subsample": len(first),
    }
    return {key: float(value) for key, value in figures.items()}


def _neighbours(unit, directions, prints):
    """Figures of groups and duplicates."""
    tree = SpanningTree(unit)
    groups = find_groups(unit, tree)
    near, distinct = near_duplicates(unit, tree, directions)
    counts = np.unique(prints, return_counts=True)[1]
    exact = counts[counts > 1].sum() / len(prints)
    return {
        "groups": groups.count,
        "within_group_share": groups.within,
        "group_gap": groups.gap,
        "largest_group_share": groups.largest,
        "distinct_points": len(counts),
        "distinct_share": distinct / len(unit),
        "duplicate_share": exact,
        "near_duplicate_share": max(near, exact),
    }


def _spectra(moments, samples):
    """Eigenvalues of covariance and second moment, from the cheapest exact source at hand."""
    if moments.second is not None:
        return moments.spectrum(), moments.spectrum(center=False)
    pooled = np.concatenate(samples)
    return tuple(geometry.covariance_spectrum(pooled, center=center) for center in (True, False))
