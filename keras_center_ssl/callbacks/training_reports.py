"""The rule of `kcs.diagnose` on what a training has at hand: running sums, or a probe's embeddings.

Unlike `kcs.diagnose` it takes embeddings that are not finite, or mostly zero.
"""

import dataclasses
import math

import numpy as np

from keras_center_ssl import diagnosis, geometry
from keras_center_ssl.callbacks.spectra import log_shares, participation_ratio, spectrum
from keras_center_ssl.diagnosis.rules import FEW_SAMPLES

# Above this share of zero vectors there is not enough left to measure.
_MOST_ZEROS = 0.5
# Below this share of the spread that a loss holds, embeddings shrink to a point. On digits with
# VICReg, VISReg and LeJEPA: .57 and more in health, .21 untrained, .02 without a variance term.
_LEAST_SPREAD = 0.05


def report_of_sums(tracker, window, steps, loss):
    """The verdict on the sums of some steps.

    Args:
        tracker: The `CenterTracker` that kept them.
        window: A `Snapshot` of those steps alone.
        steps: How many they are.
        loss: The running loss, a float.

    Returns:
        A `CollapseReport`, and histograms as a dict of name to array; `(None, {})` where there
        are too few samples for a verdict.
    """
    figures = tracker.step_figures(window)
    finite = all(map(math.isfinite, (loss, *figures.values())))
    # The covariance is centred within each step, which costs one degree of freedom a step.
    count = window.covariance_count - steps if tracker.tracks_covariance else window.count
    # One NaN is enough to be sure, few samples are not.
    if finite and count < FEW_SAMPLES:
        return None, {}
    figures["center_norm_squared"] = figures["center_norm"] ** 2
    figures["augmentation_noise"] = 1.0 - figures["positive_cosine"]
    covariance = tracker.covariance(window)
    limits = diagnosis.thresholds(max(int(count), FEW_SAMPLES), tracker.dim)
    histograms = {}
    if covariance is not None and np.isfinite(covariance).all():
        values = spectrum(covariance, limits["dimensions_99"])
        none = tracker.no_variance(window)
        figures["participation_ratio"] = participation_ratio(covariance, none)
        figures["dimensions_99"] = float(diagnosis.dimensions_99_of(values, none))
        histograms["spectrum"] = log_shares(values)
    report = _unfit_or_judged(
        figures if finite else {},
        limits,
        not_finite=not finite,
        zero=window.zero_share,
        samples=int(window.count),
        dimension=tracker.dim,
        name=f"embeddings of the last {steps} steps",
    )
    return report, histograms


def report_of_embeddings(embeddings, loss, embedding_std=None, histograms=False):
    """The verdict on the embeddings of a fixed set of views.

    Args:
        embeddings: One or two `(n, d)` arrays, one a view.
        loss: The running loss, a float.
        embedding_std: What the loss holds each dimension's standard deviation at; `None` where it
            normalises embeddings, so that their length says nothing.
        histograms: Whether to make those of the second result, which cost time.

    Returns:
        A `CollapseReport`, and histograms as a dict of name to array.
    """
    n, d = embeddings[0].shape
    name = f"embeddings of {n} fixed samples"
    finite = np.all([np.isfinite(z).all(axis=1) for z in embeddings], axis=0)
    zero = np.any([~z.any(axis=1) for z in embeddings], axis=0)
    all_finite = finite.all() and math.isfinite(loss)
    if not all_finite or zero.mean() > _MOST_ZEROS or (~zero).sum() < 2:
        report = _unfit_or_judged(
            {},
            diagnosis.thresholds(n, d),
            not_finite=not all_finite,
            zero=zero.mean(),
            samples=n,
            dimension=d,
            name=name,
        )
        return report, {}
    kept = [z[~zero].astype("float64") for z in embeddings]
    drawn = {}
    if histograms:
        drawn = {
            "spectrum": log_shares(geometry.covariance_spectrum(kept[0])),
            "pairwise_cosine": geometry.pairwise_cosines(kept[0]),
        }
    report = diagnosis.diagnose(*kept, name=name)
    return (report if embedding_std is None else _shrunken(report, kept[0], embedding_std)), drawn


def _shrunken(report, embeddings, held):
    """The report with the spread of the embeddings as they are, which directions do not show."""
    spread = float(np.sqrt(embeddings.var(axis=0).mean()))
    limit = _LEAST_SPREAD * held
    report = dataclasses.replace(
        report,
        figures={**report.figures, "embedding_std": spread},
        thresholds={**report.thresholds, "embedding_std": limit},
    )
    if spread >= limit or report.verdict == "complete_collapse":
        return report
    reason = (
        f"The embeddings shrink to a point: the standard deviation of their dimensions is "
        f"{spread:.2g}, and the loss is to hold it at {held:g} (limit {limit:g}). What is left of "
        "their directions is the noise of the views."
    )
    return dataclasses.replace(report, verdict="complete_collapse", reasons=[reason])


def diverged(report, weight):
    """The report on a model one of whose weights is not finite, whatever its embeddings say."""
    reason = (
        f"The weight {weight!r} is NaN or infinite: the training diverged. Activations such as "
        "ReLU can turn NaN into 0 and hide it from the embeddings."
    )
    return dataclasses.replace(report, verdict=diagnosis.DIVERGED, reasons=[reason], figures={})


def _unfit_or_judged(figures, limits, *, not_finite, zero, samples, dimension, name):
    """A report on embeddings some of which may be unfit to measure."""
    if not_finite:
        verdict = diagnosis.DIVERGED
        reasons = ["The loss or embeddings are NaN or infinite: the training diverged."]
    elif zero > _MOST_ZEROS:
        verdict = "complete_collapse"
        reasons = [
            f"{100 * zero:.0f} % of the embeddings are zero vectors, which have no direction: the "
            "encoder's last units are dead, or its outputs overflow."
        ]
    else:
        verdict, reasons = diagnosis.judge(figures, limits, samples, dimension)
    return diagnosis.CollapseReport(
        verdict=verdict,
        reasons=reasons,
        figures=figures,
        thresholds=limits,
        warnings=[],
        samples=samples,
        dimension=dimension,
        views=2,
        name=name,
    )
