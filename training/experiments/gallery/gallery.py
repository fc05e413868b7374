"""Trains every configuration of the gallery and holds the verdicts against the expectations.

    python training/experiments/gallery/gallery.py [--dataset digits] [--seeds 3] [--only TEXT]

Finished trainings are kept in results.csv beside this file and are not repeated; `make gallery`
prints the table from them, after training what is missing.
"""

import argparse
import csv
import pathlib
import warnings

import keras
import numpy as np
from configurations import CONFIGURATIONS, build
from table import write_table

import keras_center_ssl as kcs

HERE = pathlib.Path(__file__).parent
FIELDS = (
    "dataset",
    "configuration",
    "seed",
    "verdict",
    "seen",
    "certain",
    "steps",
    "knn_embeddings",
    "knn_features",
    "knn_untrained",
    "center_norm",
    "between_variance",
    "participation_ratio",
    "dimensions_99",
)
CHECKS = 50  # a training is looked at this many times

DATASETS = {
    "digits": dict(
        width=8,
        batch_size=64,
        epochs=15,
        limit=None,
        views=dict(size=8, area=(0.5, 1.0), flip=0.0, brightness=0.3, contrast=0.3),
    ),
    "fashion_mnist": dict(
        width=8, batch_size=64, epochs=3, limit=8192, views=dict(size=28, area=(0.3, 1.0))
    ),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dataset", choices=DATASETS, action="append")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--only", default="", help="configurations whose name contains this")
    parser.add_argument("--results", type=pathlib.Path, default=HERE / "results.csv")
    arguments = parser.parse_args()
    # What the monitor says is in the table.
    warnings.simplefilter("ignore", kcs.errors.CollapseWarning)
    for dataset in arguments.dataset or DATASETS:
        for seed in range(1, arguments.seeds + 1):  # settings were chosen on seed 0
            for configuration in CONFIGURATIONS:
                key = (dataset, configuration.name, str(seed))
                if arguments.only.lower() in configuration.name.lower() and key not in finished(
                    arguments.results
                ):
                    row = train(configuration, dataset, seed)
                    append(arguments.results, row)
                    print(
                        f"{dataset}  {configuration.name}  seed {seed}: {row['verdict']}"
                        f"  k-NN {row['knn_embeddings']:.3f}",
                        flush=True,
                    )
    print(write_table(arguments.results, HERE / "README.md"))


def train(configuration, dataset, seed):
    """One training; returns its row of results.csv."""
    setup = DATASETS[dataset]
    keras.backend.clear_session()
    keras.utils.set_random_seed(seed)
    train_set = kcs.data.load(dataset, "train", setup["limit"])
    test_set = kcs.data.load(dataset, "test", 2000)
    views = kcs.views.simclr(**setup["views"], blur=0.0, grey=0.0, interpolation="bilinear")
    batches = kcs.data.multi_view(train_set, views, setup["batch_size"], seed=seed)
    held_out = kcs.data.multi_view(
        test_set, views, 120, seed=seed + 1000, shuffle=False, drop_remainder=False
    )
    encoder = kcs.encoders.resnet_small(train_set.images.shape[1:], width=setup["width"])
    model = build(configuration, encoder)
    steps = int(batches.cardinality()) * setup["epochs"]
    row = {"dataset": dataset, "configuration": configuration.name, "seed": seed, "steps": steps}
    row["knn_untrained"] = accuracy(encoder, train_set, test_set)
    monitor = kcs.callbacks.CollapseMonitor(every=max(1, steps // CHECKS), data=held_out)
    model.fit(batches, epochs=setup["epochs"], verbose=0, callbacks=[monitor])
    last = monitor.history[-1]
    row |= {name: round(last["figures"].get(name, float("nan")), 4) for name in FIELDS[-4:]}
    row["verdict"] = last["verdict"]
    row["seen"], row["certain"] = first_seen(monitor.history)
    row["knn_features"] = accuracy(encoder, train_set, test_set)
    row["knn_embeddings"] = accuracy(
        lambda x: model.projector(model.encoder(x, training=False), training=False),
        train_set,
        test_set,
    )
    return row


def first_seen(history):
    """First step of the last streak of checks without a healthy one, and where it was certain."""
    seen = certain = ""
    for check in history:
        if check["verdict"] == "healthy":
            seen = certain = ""
        else:
            seen = seen or check["step"]
            certain = certain or (check["step"] if check["certain"] else "")
    return seen, certain


def accuracy(encoder, train_set, test_set):
    """k-NN accuracy; 0 where embeddings are not finite or zero."""
    features = [kcs.evaluation.embed(encoder, x.images) for x in (train_set, test_set)]
    if not all(np.isfinite(f).all() and np.abs(f).sum(axis=1).all() for f in features):
        return 0.0
    return round(
        kcs.evaluation.knn_accuracy(features[0], train_set.labels, features[1], test_set.labels), 4
    )


def finished(path):
    if not path.is_file():
        return set()
    with open(path, newline="") as file:
        return {(r["dataset"], r["configuration"], r["seed"]) for r in csv.DictReader(file)}


def append(path, row):
    new = not path.is_file()
    with open(path, "a", newline="") as file:
        writer = csv.DictWriter(file, FIELDS)
        if new:
            writer.writeheader()
        writer.writerow(row)


if __name__ == "__main__":
    main()
