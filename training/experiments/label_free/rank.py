"""Which figure without labels ranks encoders as k-NN accuracy does? On the gallery's trainings.

    python training/experiments/label_free/rank.py [--dataset digits] [--seeds 3]

Trains what results.csv does not hold yet, without the monitor's checks, and writes the table of
rank correlations into README.md. The configurations are those of the gallery: collapsed and healthy
ones.
"""

import argparse
import csv
import pathlib
import sys
import warnings

import keras
import numpy as np

import keras_center_ssl as kcs

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "gallery"))

from configurations import CONFIGURATIONS, build  # noqa: E402
from gallery import DATASETS, accuracy  # noqa: E402

# Figure -> +1 where more should be better, -1 where less should be.
FIGURES = {
    "lidar": 1,
    "effective_rank": 1,
    "effective_rank_uncentered": 1,
    "participation_ratio": 1,
    "nesum": 1,
    "two_nn": 1,
    "between_variance": 1,
    "normalized_std": 1,
    "alpha_req": -1,
    "self_cluster": -1,
    "uniformity": -1,
    "center_norm": -1,
    "loss": -1,
}
FIELDS = ("dataset", "configuration", "seed", "verdict", "knn", *FIGURES)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dataset", choices=DATASETS, action="append")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--results", type=pathlib.Path, default=HERE / "results.csv")
    arguments = parser.parse_args()
    for dataset in arguments.dataset or DATASETS:
        for seed in range(1, arguments.seeds + 1):
            for configuration in CONFIGURATIONS:
                key = (dataset, configuration.name, str(seed))
                if key not in {tuple(r[k] for k in FIELDS[:3]) for r in read(arguments.results)}:
                    row = train(configuration, dataset, seed)
                    append(arguments.results, row)
                    print(f"{dataset}  {configuration.name}  {seed}: k-NN {row['knn']}", flush=True)
    text = table(read(arguments.results))
    print(text)
    readme = HERE / "README.md"
    head = readme.read_text("utf-8").split("<!-- table -->")[0]
    readme.write_text(f"{head}<!-- table -->\n\n{text}\n", "utf-8")


def train(configuration, dataset, seed):
    """One training; its k-NN accuracy of features, and the figures of two views of test images."""
    setup = DATASETS[dataset]
    keras.backend.clear_session()
    keras.utils.set_random_seed(seed)
    train_set = kcs.data.load(dataset, "train", setup["limit"])
    test_set = kcs.data.load(dataset, "test", 2000)
    views = kcs.views.simclr(**setup["views"], blur=0.0, grey=0.0, interpolation="bilinear")
    batches = kcs.data.multi_view(train_set, views, setup["batch_size"], seed=seed)
    encoder = kcs.encoders.resnet_small(train_set.images.shape[1:], width=setup["width"])
    model = build(configuration, encoder)
    history = model.fit(batches, epochs=setup["epochs"], verbose=0).history
    pairs = kcs.data.multi_view(
        test_set, views, 100, seed=seed + 1000, shuffle=False, drop_remainder=False
    )
    z1, z2 = ([], [])
    for ((view1, view2),) in pairs:
        for part, view in ((z1, view1), (z2, view2)):
            part.append(np.asarray(encoder(view, training=False)))
    z1, z2 = np.concatenate(z1), np.concatenate(z2)
    row = {"dataset": dataset, "configuration": configuration.name, "seed": seed}
    row["knn"] = accuracy(encoder, train_set, test_set)
    row["loss"] = history["loss"][-1]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            report = kcs.diagnose(z1, z2)
            row["verdict"] = report.verdict
            row |= {key: report.figures[key] for key in FIGURES if key in report.figures}
            row |= kcs.evaluation.label_free(z1, z2)
        except kcs.InputError:
            row["verdict"] = "no figures"
    return {key: row.get(key, "") for key in FIELDS}


def read(path):
    if not path.is_file():
        return []
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def append(path, row):
    new = not path.is_file()
    with open(path, "a", newline="") as file:
        writer = csv.DictWriter(file, FIELDS)
        if new:
            writer.writeheader()
        writer.writerow(row)


def table(rows):
    """Spearman's rank correlation of each figure with k-NN accuracy, per dataset and subset."""
    datasets = list(dict.fromkeys(row["dataset"] for row in rows))
    columns = [(d, healthy) for d in datasets for healthy in (False, True)]
    head = ["figure", *(f"{d}, {'healthy only' if h else 'all'}" for d, h in columns)]
    lines = [head, ["---"] * len(head)]
    values = {
        key: [correlation(rows, key, sign, *column) for column in columns]
        for key, sign in FIGURES.items()
    }
    for key in sorted(values, key=lambda key: -np.nanmean(values[key])):
        cells = (f"{mean:+.2f} ({low:+.2f} to {high:+.2f})" for mean, low, high in values[key])
        sign = "" if FIGURES[key] > 0 else " (less is better)"
        lines.append([f"{kcs.figures.label(key)}{sign}", *cells])
    counts = [sum(1 for _ in usable(rows, *column)) for column in columns]
    lines.append(["trainings", *map(str, counts)])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def usable(rows, dataset, healthy):
    return (
        row
        for row in rows
        if row["dataset"] == dataset and (row["verdict"] == "healthy" or not healthy)
    )


def correlation(rows, key, sign, dataset, healthy, draws=1000):
    """Spearman's rho with a 95 % bootstrap interval over trainings; NaN for fewer than 5."""
    pairs = [
        (r[key], r["knn"]) for r in usable(rows, dataset, healthy) if r[key] not in ("", "nan")
    ]
    if len(pairs) < 5:
        return (np.nan,) * 3
    x, y = np.array(pairs, float).T
    rng = np.random.default_rng(0)
    drawn = [spearman(sign * x[i], y[i]) for i in rng.integers(0, len(x), (draws, len(x)))]
    return spearman(sign * x, y), *np.nanquantile(drawn, (0.025, 0.975))


def spearman(x, y):
    """Pearson's correlation of the ranks, ties sharing their mean rank."""
    ranks = [mean_ranks(v) for v in (x, y)]
    if any(np.ptp(r) == 0 for r in ranks):
        return np.nan
    return float(np.corrcoef(*ranks)[0, 1])


def mean_ranks(values):
    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return (last - (counts - 1) / 2)[places]


if __name__ == "__main__":
    main()
