"""The rules from figures to a verdict, and where their thresholds come from.

Each verdict rests on a figure of `keras_center_ssl.geometry` and on a threshold that is stated in
the report. Where the thresholds come from:

- **complete_collapse**: the common centre holds at least 98 % of the squared length (`U >= 0.98`).
  All cosines then lie within a few hundredths of 1, and a softmax at temperature 0.1 can hardly
  tell two samples apart. The bar is that high on purpose: features that cannot be negative (after
  a ReLU) have a large centre at full health. Independent half-normal features give `U = 2/pi`,
  untrained ReLU encoders 0.65 to 0.99 (measured on digits and Fashion-MNIST) with a nearest
  neighbour accuracy of 0.6 to 0.7 where chance is 0.1. So between 0.98 and 0.998 the verdict asks
  whether the centre is a mere offset: if what is left is not spread evenly like noise (its
  participation ratio is at most half of `N`, below) and, with two views, lies mostly between
  samples, it is structure. It is then judged by the rules below, and the large centre becomes a
  warning. From 0.998 on there is no way out; the report then says what the verdict would be with
  the mean subtracted, which recovers embeddings of full rank with a long common mean.
  With two views there is a second way in: `B < 0.02`, or `B` within 4 of its standard errors of 0.
  Nothing tells samples apart then, whatever the spread: beside the centre there is augmentation
  noise only. Independent and shuffled views come out here, since no information about the sample
  is left in what the views share, and of the four verdicts only this one says so.
- **cluster_collapse**, either of
  - tight groups hold all samples. They are found by single linkage (cutting the longest edges of
    the minimum spanning tree); at most `n / 4` of them must leave less than 5 % of the variance
    within, and the shortest edge between groups must be at least twice the longest within. A
    continuous cloud, however low its rank, has no such gap: the sorted edges of its tree fall off
    smoothly (lines, arcs and circles of 64 samples: no false verdict in 2400 draws);
  - a quarter as many distinct points as samples or fewer, where samples within 2 % of the usual
    distance of each other count as one. 64 points, 65, or one point that holds 90 % of the samples
    beside a cloud of the rest: no sample of such a point can be told from another. In few
    directions chance brings samples near each other, too; there they have to be twenty times as
    near as that. Above a quarter duplicates are a warning: data sets hold some.
- **dimensional_collapse**, either of
  - `participation_ratio` below that of a spectrum `i^-2` (2.2 to 2.5): one direction outweighs all
    others together. Healthy spectra are near `i^-1` (Agrawal et al., 2022): 4.8 at d = 8, 18 at
    128, 56 at 8192;
  - `dimensions_99`, the directions that hold 99 % of the variance, below `sqrt(2 N)`, where
    `N = d (n - 1) / (d + n - 1)` is the participation ratio of `n` vectors spread uniformly on the
    sphere, the most one can see. That is half-way, on a log scale, between a circle (2, the
    lowest rank of a continuous cloud of unit vectors: of rank 1 there are only two points) and
    all directions: 4 at d = 8, 11 at 64, 15 at 128 and 28 at 512, from 2000 samples.
    Projectors of 128 dimensions trained on digits had 31 and 73 such directions (NT-Xent at
    temperature 0.5 and 0.1), 24 (centre loss with decorrelation) and 4 (without it).
    The effective rank is reported but not held against a limit, for it weighs the tail: 2 % of
    noise lift it from 4 to 20 for a cloud of rank 4 in 512 dimensions.

  The limit grows with the width, so that rank 20 is a dimensional collapse in 512 dimensions and
  healthy in 128. It asks what an encoder makes of the dimensions it was given, not whether 20
  directions are enough for a task: for that compare the figure itself (docs/diagnosis.md).
"""

import numpy as np

from keras_center_ssl import geometry
from keras_center_ssl.diagnosis.groups import GROUP_GAP, most_groups
from keras_center_ssl.diagnosis.report import Verdict
from keras_center_ssl.diagnosis.words import percent

CENTER_SHARE = 0.98
CENTER_SHARE_OFFSET = 0.998
BETWEEN_SHARE = 0.02
# Standard errors that the between-sample variance has to be above 0.
BETWEEN_ERRORS = 4.0
WITHIN_GROUP_SHARE = 0.05
DISTINCT_SHARE = 0.25
VARIANCE_HELD = 0.99
SPECTRUM_EXPONENT = 2.0
FEW_SAMPLES = 64


def participation_ratio_null(n, d):
    """Expected participation ratio of `n` vectors uniform on the sphere in `d` dimensions.

    `d (n - 1) / (d + n - 1)`: their covariance is `I / d`, and an estimate of it from `n` samples
    has `E tr S^2 = (tr S)^2 (1 / d + 1 / (n - 1))` to leading order.
    """
    return d * (n - 1) / (d + n - 1)


def participation_ratio_of_power_law(dimensions, exponent=SPECTRUM_EXPONENT):
    """Participation ratio of the spectrum `i^-exponent`, i = 1..dimensions."""
    return geometry.participation_ratio_of(np.arange(1.0, dimensions + 1) ** -exponent)


def dimensions_99_of(spectrum, no_variance=geometry.NO_VARIANCE):
    """How many of the largest eigenvalues hold 99 % of the variance; 1 if there is none."""
    total = float(np.sum(spectrum))
    held = np.cumsum(spectrum) / total if total >= no_variance else np.ones(1)
    return 1 + int(np.sum(held < VARIANCE_HELD))


def thresholds(n, d):
    """What the figures of `n` samples in `d` dimensions are held against, by name."""
    available = participation_ratio_null(n, d)
    return {
        "center_norm_squared": CENTER_SHARE,
        "center_norm_squared_offset": CENTER_SHARE_OFFSET,
        "between_variance": BETWEEN_SHARE,
        "participation_ratio": participation_ratio_of_power_law(max(1, round(available))),
        "participation_ratio_noise": available / 2,
        "dimensions_99": float(np.sqrt(2 * available)),
        "within_group_share": WITHIN_GROUP_SHARE,
        "group_gap": GROUP_GAP,
        "groups": float(most_groups(n)),
        "distinct_share": DISTINCT_SHARE,
    }


def judge(figures, limits, n, d) -> tuple[Verdict, list[str]]:
    """The one rule from figures to a verdict, for `diagnose` and for figures of other origin.

    Args:
        figures: Name to float: `center_norm_squared`, `participation_ratio`, `dimensions_99`, with
            two views `between_variance`, its error and `augmentation_noise`, and `groups`,
            `within_group_share`, `group_gap` and `distinct_share`. Where the last four are missing
            (sums over samples do not hold them) tight groups and duplicates are not looked for; two
            or three groups then show as a dimensional collapse. Missing ranks are not judged
            either.
        limits: What `thresholds` gives for the samples that the ranks come from.
        n: Number of those samples.
        d: Number of dimensions.

    Returns:
        `(verdict, reasons)`: one of `VERDICTS`, and sentences that explain it.
    """
    found: tuple[tuple[Verdict, list[str]], ...] = (
        ("complete_collapse", _same(figures, limits)),
        ("cluster_collapse", _grouped(figures, limits) if "group_gap" in figures else []),
        (
            "dimensional_collapse",
            _low_rank(figures, limits, n, d) if "dimensions_99" in figures else [],
        ),
        ("cluster_collapse", _few_points(figures, limits)),
    )
    for verdict, reasons in found:
        if reasons:
            return verdict, reasons
    return "healthy", _nothing_found(figures, limits, d)


def _nothing_found(figures, limits, d):
    """Reasons to say that no collapse was found."""
    share = figures["center_norm_squared"]
    reasons = [
        f"{percent(max(0.0, share))} of the squared length is the common centre, which is "
        + (
            f"below the {percent(limits['center_norm_squared'])} of a collapse."
            if share < limits["center_norm_squared"]
            else "an offset: what is left has the structure of healthy embeddings."
        )
    ]
    if "dimensions_99" in figures:
        reasons.append(
            f"The variance fills the equivalent of {figures['participation_ratio']:.1f} equal "
            f"directions (limit {limits['participation_ratio']:.1f}), and "
            f"{figures['dimensions_99']:.0f} of {d} directions hold 99 % of it (limit "
            f"{limits['dimensions_99']:.1f})."
        )
    if "group_gap" in figures:
        reasons.append("The samples do not fall into a few tight groups.")
    return reasons


def _same(figures, limits):
    """Reasons to say that all samples have one embedding."""
    share = figures["center_norm_squared"]
    rest = max(0.0, 1.0 - share)
    between = figures.get("between_variance")
    reasons = [
        f"{percent(share)} of the squared length of every embedding is the common centre "
        f"(limit {percent(limits['center_norm_squared'])})."
    ]
    if share >= limits["center_norm_squared"]:
        offset = (
            share < limits["center_norm_squared_offset"]
            and figures.get("participation_ratio", np.inf) <= limits["participation_ratio_noise"]
            and (between is None or between >= rest / 2)
        )
        reasons.append(
            f"All samples have nearly the same embedding: {percent(rest)} is left to tell them "
            "apart."
        )
        return [] if offset else reasons
    if between is not None and between < least_between(figures, limits):
        return [
            f"{percent(max(0.0, share))} of the squared length of every embedding is the common "
            f"centre, and {percent(figures['augmentation_noise'])} is augmentation noise.",
            f"Only {percent(max(0.0, between))} tells samples apart (limit "
            f"{percent(least_between(figures, limits))}): no information about the sample is left.",
        ]
    return []


def least_between(figures, limits):
    """The between-sample variance that can be told from none, and matters."""
    noise = BETWEEN_ERRORS * figures.get("between_variance_error", 0.0)
    return max(limits["between_variance"], noise)


def _grouped(figures, limits):
    """Reasons to say that a few tight groups hold all samples."""
    within, gap = figures["within_group_share"], figures["group_gap"]
    if within > limits["within_group_share"] or gap < limits["group_gap"]:
        return []
    apart = f"{gap:.1f} times" if gap < 1000 else "more than 1000 times"
    return [
        f"{figures['groups']:.0f} tight groups hold all samples: {percent(within)} of the "
        f"variance is within the groups (limit {percent(limits['within_group_share'])}), and they "
        f"lie {apart} as far apart as neighbours within a group (limit {limits['group_gap']:.0f}).",
        f"Samples of one group can hardly be told apart; the largest holds "
        f"{percent(figures['largest_group_share'])} of them.",
    ]


def _low_rank(figures, limits, n, d):
    """Reasons to say that the embeddings use too few dimensions."""
    reasons = []
    ratio, held = figures["participation_ratio"], figures["dimensions_99"]
    if ratio < limits["participation_ratio"]:
        reasons.append(
            f"The variance fills the equivalent of {ratio:.1f} equal directions of {d} "
            f"(participation ratio; limit {limits['participation_ratio']:.1f}): one direction "
            "outweighs all others together."
        )
    if held < limits["dimensions_99"]:
        reasons.append(
            f"{held:.0f} of {d} directions hold 99 % of the variance (limit "
            f"{limits['dimensions_99']:.1f} for {n} samples)."
        )
    return reasons


def _few_points(figures, limits):
    """Reasons to say that most samples share their embedding with others."""
    if figures.get("distinct_share", 1.0) > limits["distinct_share"]:
        return []
    return [
        f"Most samples have the embedding of others: there is one distinct point for every "
        f"{1 / figures['distinct_share']:.0f} samples (limit {1 / limits['distinct_share']:.0f}), "
        "near duplicates counted as one.",
        f"{percent(figures['duplicate_share'])} of the samples are exact duplicates and "
        f"{percent(figures['near_duplicate_share'])} exact or near ones: they cannot be told "
        "apart.",
    ]
