"""What whitening does to features: how much shrinkage, from how many images, and where it hurts.

    python training/experiments/whitening/whitening.py RUN

RUN is a run that held images out, so that nothing is chosen on the test images:

    center-ssl train training/recipes/quickstart.yaml --set data.hold_out=10000 --out RUN

Writes results.csv and the tables of README.md beside this file.
"""

import argparse
import csv
import pathlib

import keras
import numpy as np

import keras_center_ssl as kcs
from keras_center_ssl import runs
from keras_center_ssl.encoders.whitening import whitening_matrix

HERE = pathlib.Path(__file__).parent
SHRINKAGES = (0.0, 1e-4, 1e-3, 1e-2, 1e-1, 1.0)
COUNTS = (100, 300, 1000, 3000, 10000, 50000)
FIELDS = ("part", "features", "images", "shrinkage", "dimensions", "knn")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=pathlib.Path)
    run = runs.Run(parser.parse_args().run)
    encoder = kcs.encoders.plain(run.load_model().encoder)
    train = kcs.data.load(run.recipe.data.open("train"))
    held = kcs.data.load(run.recipe.data.open("hold_out"))
    rows = []

    def judge(part, name, sets, images, shrinkage=None, dimensions=None, fitted_on=None):
        """k-NN accuracy of `(features, labels)` of both sets, whitened on `images` of them."""
        (a, a_labels), (b, b_labels) = sets
        if shrinkage is not None:
            fit = (a if fitted_on is None else fitted_on)[:images].astype("float64")
            mean = fit.mean(axis=0)
            matrix = whitening_matrix(np.cov(fit.T, bias=True), dimensions, shrinkage)
            a, b = ((part - mean) @ matrix for part in (a, b))
        accuracy = kcs.evaluation.knn_accuracy(a, a_labels, b, b_labels)
        row = dict(
            part=part,
            features=name,
            images=images if shrinkage is not None else "",
            shrinkage="" if shrinkage is None else shrinkage,
            dimensions=a.shape[1],
            knn=round(accuracy, 4),
        )
        rows.append(row)
        print(row, flush=True)

    sets = [(kcs.evaluation.embed(encoder, s), s.labels) for s in (train, held)]
    whole = len(sets[0][0])
    judge("shrinkage", "encoder", sets, whole)
    for shrinkage in SHRINKAGES:
        judge("shrinkage", "encoder", sets, whole, shrinkage)
    for dimensions in (16, 64, 128):
        judge("dimensions", "encoder", sets, whole, 1e-3, dimensions)
    for count in COUNTS:
        for shrinkage in (0.0, 1e-3, 1e-2, 1e-1):
            # What a direction's variance is cannot be known from fewer images than directions.
            if shrinkage or count > sets[0][0].shape[1]:
                judge("few images", "encoder", sets, count, shrinkage)

    fine = finer(encoder, 7)
    few = [part.take(10000) for part in (train, held)]
    high = [(kcs.evaluation.embed(fine, s), s.labels) for s in few]
    judge("high dimension", "7 x 7 cells", high, 10000)
    for shrinkage in (1e-4, 1e-3, 1e-2, 1e-1):
        judge("high dimension", "7 x 7 cells", high, 10000, shrinkage)

    size = encoder.input_shape[1:3]
    digits = [kcs.data.load("digits", split, image_size=size) for split in ("train", "test")]
    others = [(kcs.evaluation.embed(encoder, s), s.labels) for s in digits]
    judge("transfer to digits", "encoder", others, len(others[0][0]))
    for name, fitted in (("fitted on the training images", sets[0][0]), ("on digits", None)):
        for shrinkage in (1e-3, 1e-2, 1e-1):
            count = whole if fitted is not None else len(others[0][0])
            judge("transfer to digits", name, others, count, shrinkage, fitted_on=fitted)

    with open(HERE / "results.csv", "w", newline="") as file:
        writer = csv.DictWriter(file, FIELDS)
        writer.writeheader()
        writer.writerows(rows)
    readme = HERE / "README.md"
    head = readme.read_text("utf-8").split("<!-- table -->")[0]
    readme.write_text(f"{head}<!-- table -->\n\n{tables(rows)}\n", "utf-8")


def finer(encoder, grid):
    """The encoder's last feature maps, averaged over `grid x grid` cells."""
    maps = [layer.output for layer in encoder.layers if len(layer.output.shape) == 4][-1]
    return kcs.encoders.as_encoder(keras.Model(encoder.input, maps), grid=grid)


def tables(rows):
    lines = []
    for part in dict.fromkeys(row["part"] for row in rows):
        lines += [
            f"## {part.capitalize()}",
            "",
            "| features | fitted on | shrinkage | dim. | k-NN |",
        ]
        lines += ["|---|---|---|---|---|"]
        for row in (row for row in rows if row["part"] == part):
            fitted = f"{row['images']:,} images" if row["images"] != "" else "not whitened"
            lines.append(
                f"| {row['features']} | {fitted} | {row['shrinkage']} | {row['dimensions']} | "
                f"{row['knn']:.4f} |"
            )
        lines.append("")
    return "\n".join(lines).rstrip()


if __name__ == "__main__":
    main()
