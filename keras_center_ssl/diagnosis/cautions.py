"""What limits a verdict, and what a reader should know beside it."""

from keras_center_ssl.diagnosis.rules import FEW_SAMPLES, least_between
from keras_center_ssl.diagnosis.words import percent

# From this share of the squared length on, a centre is worth a sentence in health, too.
CENTER_SHARE_LARGE = 0.9
# No class of a classifier is larger than this share of the samples; a single point may be.
LARGEST_CLASS = 0.6
# From this share of the samples on, so are duplicates.
DUPLICATE_SHARE = 0.1


def warnings_of(verdict, figures, limits, n, d, seen):
    """Sentences about what limits a verdict, and what to do about it.

    Args:
        verdict: What `rules.judge` found.
        figures: Name to float, all that `kcs.diagnose` reports.
        limits: What the figures were held against.
        n: Number of samples.
        d: Number of dimensions.
        seen: Number of samples behind the ranks.
    """
    return [
        *_of_size(n, d, seen),
        *_of_the_centre(verdict, figures, limits, n),
        *_of_the_views(figures, limits),
        *_of_duplicates(verdict, figures, n),
        *_of_classes(verdict, figures, limits),
    ]


def _of_size(n, d, seen):
    if n < FEW_SAMPLES:
        yield (
            f"Only {n} samples: the thresholds were checked from {FEW_SAMPLES} on. Take this as a "
            "hint, and pass more samples."
        )
    if seen < n:
        yield (
            f"With {d} dimensions the ranks come from a seeded subsample of {seen} of the {n} "
            f"samples, and are judged against what {seen} samples can show."
        )
    elif n < d:
        yield (
            f"{n} samples show at most {n - 1} of {d} dimensions, so the ranks are lower bounds "
            f"and are judged against what {n} samples can show. Pass more than {d} samples to "
            "see the whole spectrum."
        )


def _of_the_centre(verdict, figures, limits, n):
    share, error = figures["center_norm_squared"], figures["center_norm_squared_error"]
    if abs(share - limits["center_norm_squared"]) < 2 * error:
        yield (
            f"The share of the centre, {share:.4f} ± {2 * error:.4f}, cannot be told from its "
            f"limit {limits['center_norm_squared']} with {n} samples. Pass more."
        )
    if CENTER_SHARE_LARGE <= share and verdict != "complete_collapse":
        yield (
            f"The common centre holds {percent(share)} of the squared length, so all cosines are "
            "close to 1. Features after a ReLU and untrained encoders look like this without "
            "having lost information; subtract the mean before comparing by cosine."
        )


def _of_the_views(figures, limits):
    between, share = figures.get("between_variance"), figures["center_norm_squared"]
    if between is None or between >= least_between(figures, limits):
        return
    if share < limits["center_norm_squared"]:
        yield (
            "The two views of a sample are no more alike than two random samples (mean cosine "
            f"{figures['positive_cosine']:.3f} against {share:.3f}): the spread is augmentation "
            "noise and carries no information about the sample, whatever its rank. Check that "
            "both views are in the same order, and how strong the augmentation is."
        )


def _of_duplicates(verdict, figures, n):
    share = figures["near_duplicate_share"]
    # Of one point all samples are duplicates: that was said.
    if share < DUPLICATE_SHARE or verdict == "complete_collapse":
        return
    size = figures["subsample"]
    yield (
        f"{percent(share)} of the samples are duplicates or near duplicates of another one, "
        f"{percent(figures['duplicate_share'])} exact ones: there are "
        f"{figures['distinct_points']:.0f} distinct points among {n} samples, and "
        f"{figures['distinct_share'] * size:.0f} among {size:.0f} where near ones count as one. "
        "Look for repeated images, and for images that the encoder ignores."
    )


def _of_classes(verdict, figures, limits):
    if verdict != "cluster_collapse" or figures["group_gap"] < limits["group_gap"]:
        return
    if figures["within_group_share"] > limits["within_group_share"]:
        return
    if figures["largest_group_share"] > LARGEST_CLASS:
        return
    yield (
        f"A classifier's features look like this after training with labels, one tight group a "
        f"class (neural collapse). If there were labels of {figures['groups']:.0f} classes, that "
        "is what to expect; of embeddings trained without labels it is a collapse."
    )


def without_the_mean(verdict, centered, views):
    """What is left of a complete collapse where the mean is subtracted, as a sentence.

    Args:
        verdict: The verdict on the embeddings as they are.
        centered: The verdict with the mean subtracted; `None` where nothing is left then.
        views: Number of views.
    """
    if verdict != "complete_collapse" or centered is None:
        return []
    if centered != "healthy":
        return [
            "Subtracting the mean does not help: the verdict on what is left is "
            f"{centered.replace('_', ' ')}."
        ]
    begin = "Subtracting the mean recovers the rank of these embeddings: the verdict is then "
    if views == 2:
        return [
            f"{begin}healthy, and the two views agree in what is left. Subtract it before they are "
            "compared by cosine."
        ]
    return [
        f"{begin}healthy. That is right for a long common mean, as word vectors have it; but one "
        "view cannot tell whether what is left is information or noise. Pass a second view."
    ]
