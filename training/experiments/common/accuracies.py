"""What every training on images is read beside: k-NN, linear probe, and baselines of both."""

from common.rows import chosen, variants_of
from common.statistics import mean, words
from common.verdict import table

_BASELINES = {
    "the untrained encoder": "untrained",
    "raw pixels": "raw_pixels",
    "PCA-whitened pixels, as many dimensions": "whitened_pixels",
}
COLUMNS = (
    "knn_features",
    "linear_features",
    *(f"{protocol}_{name}" for name in _BASELINES.values() for protocol in ("knn", "linear")),
)


def section(rows, variants):
    """The accuracies of each variant and of the baselines in Markdown, empty where rows have none.

    Args:
        rows: Of results.csv.
        variants: The columns that tell variants apart.
    """
    if not rows or not set(COLUMNS) <= set(rows[0]):
        return ""
    # Some experiments have several rows a training.
    rows = list({tuple(row[name] for name in (*variants, "seed")): row for row in rows}.values())
    lines = []
    for label, case in variants_of(rows, variants).items():
        part = chosen(rows, **case)
        lines.append([label, *(words(part, name) for name in COLUMNS[:2])])
    for said, name in _BASELINES.items():
        figures = [f"{protocol}_{name}" for protocol in ("knn", "linear")]
        how = words if name == "untrained" else lambda rows, name: f"{mean(rows, name):.3f}"
        lines.append([f"*{said}*", *(how(rows, figure) for figure in figures)])
    titles = ("", "k-NN of features", "linear probe")
    return (
        f"Accuracies on the test images, beside what needs no training:\n\n{table(titles, lines)}"
    )
