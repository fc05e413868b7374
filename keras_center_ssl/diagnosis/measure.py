"""From embeddings to a verdict: are they healthy, and if not, in which way did they collapse?

NumPy only: works on the embeddings of any framework, with neither Keras nor TensorFlow imported.

```python
report = kcs.diagnose(embeddings)          # or diagnose(view1, view2), diagnose_file("z.npy")
print(report)
report.verdict                             # "dimensional_collapse"
```
"""

import pathlib

import numpy as np

from keras_center_ssl import geometry
from keras_center_ssl.diagnosis import sources
from keras_center_ssl.diagnosis.groups import tight_groups
from keras_center_ssl.diagnosis.report import CollapseReport
from keras_center_ssl.diagnosis.rules import dimensions_99_of, judge, thresholds, warnings_of
from keras_center_ssl.errors import InputError

# The spectrum comes from all samples up to this many dimensions, from a subsample beyond.
_EXACT_DIMENSIONS = 2048
_SUBSAMPLE = 2048
_SUBSAMPLE_ENTRIES = 2**25
_GROUP_SUBSAMPLE = 1024


def diagnose(z1, z2=None, *, name=None):
    """Says whether embeddings are healthy or collapsed, and why.

    Args:
        z1: `(n, d)` embeddings of any framework that NumPy can read, any scale; best of held-out
            samples. `(n, h, w, d)` feature maps are averaged over height and width.
        z2: Embeddings of second views of the same samples, or `None`. With them the report also
            says how much of the spread tells samples apart and how much is augmentation noise.
        name: What is diagnosed, for the report.

    Returns:
        A `CollapseReport`. Thresholds hold for `n` from 64 and `d` from 8 to 8192; the module's
        docstring says where they come from.

    Raises:
        InputError: for wrong or mismatched shapes, fewer than 2 samples, NaN or infinite entries
            and zero rows.
    """
    return _report(sources.from_arrays(z1, z2), name)


def diagnose_file(path, *, name=None):
    """`diagnose` for a `.npy` or `.npz` file, read block by block: it may be larger than memory.

    Args:
        path: A `.npy` file with one array, or an `.npz` file with `z1` and `z2`, or with `z`,
            `features` or `embeddings`; failing these the first array with 2 or 4 axes is taken.
        name: What is diagnosed; the file's name by default.

    Returns:
        A `CollapseReport`. Centre, spread and (up to 2048 dimensions) spectrum are those of all
        samples; groups and uniformity those of a seeded subsample, whose size is in the figures.
    """
    source = sources.from_file(path)
    return _report(source, pathlib.Path(path).name if name is None else name)


def _report(source, name):
    moments, samples = _read(source)
    n, d = source.samples, source.dimension
    figures = _figures(moments, samples)
    # Beyond a size the spectrum comes from the subsample, and is held against what that can show.
    seen = n if moments.second is not None else len(samples[0])
    limits = thresholds(seen, d)
    verdict, reasons = judge(figures, limits, seen, d)
    return CollapseReport(
        verdict=verdict,
        reasons=reasons,
        figures=figures,
        thresholds=limits,
        warnings=source.notes + warnings_of(verdict, figures, limits, n, d, seen),
        samples=n,
        dimension=d,
        views=source.views,
        name=name,
    )


def _read(source):
    """One pass over the source: the moments of all rows, and a subsample of them per view."""
    n, d = source.samples, source.dimension
    size = int(np.clip(_SUBSAMPLE_ENTRIES // d, 256, _SUBSAMPLE))
    chosen = geometry.subsample(np.arange(n), size)
    moments = geometry.Moments(d, source.views, second_moment=n > size and d <= _EXACT_DIMENSIONS)
    kept = [[] for _ in range(source.views)]
    start = 0
    try:
        for views in source.blocks():
            units = moments.update(*views)
            end = start + len(units[0])
            inside = chosen[np.searchsorted(chosen, start) : np.searchsorted(chosen, end)]
            for rows, unit in zip(kept, units, strict=True):
                rows.append(unit[inside - start])
            start = end
    except InputError:
        geometry.refuse_bad_rows(source.blocks())
        raise
    return moments, [np.concatenate(rows) for rows in kept]


def _figures(moments, samples):
    """All figures, as floats; `samples` is the subsample of unit rows, one array per view."""
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
    groups, within, gap = tight_groups(geometry.subsample(first, _GROUP_SUBSAMPLE))
    figures |= {
        "normalized_std": moments.normalized_std,
        "participation_ratio": geometry.participation_ratio_of(spectrum),
        "effective_rank": geometry.effective_rank_of(spectrum),
        "effective_rank_uncentered": geometry.effective_rank_of(uncentered),
        "dimensions_99": dimensions_99_of(spectrum),
        "uniformity": geometry.uniformity(first),
        "groups": groups,
        "within_group_share": within,
        "group_gap": gap,
        "subsample": len(first),
    }
    return {key: float(value) for key, value in figures.items()}


def _spectra(moments, samples):
    """Eigenvalues of covariance and second moment, from the cheapest exact source at hand."""
    if moments.second is not None:
        return moments.spectrum(), moments.spectrum(center=False)
    pooled = np.concatenate(samples)
    return tuple(geometry.covariance_spectrum(pooled, center=center) for center in (True, False))
