"""The final length of the centre against the initial one, set by the last layer's bias."""

import keras
import numpy as np
from common import Verdict, chosen, digits, mean, numbers, plots, table, verdicts, words

import keras_center_ssl as kcs

STARTS = (0.0, 0.3, 0.6, 0.95)
METHODS = {
    "SimSiam": (
        kcs.methods.SimSiam,
        {**digits.HEADS, "predictor_dim": 16, "last_batch_norm": False},
    ),
    "CenterSSL": (kcs.methods.CenterSSL, {**digits.HEADS, "decorrelation_weight": 0.0}),
    "SimCLR": (kcs.methods.SimCLR, {**digits.HEADS, "temperature": 0.2}),
}


def settings(quick):
    return [
        {"method": name, "start": start, "scale": digits.scale_of(quick), "seed": seed}
        for seed in digits.seeds_of(quick)
        for name in (("CenterSSL",) if quick else METHODS)
        for start in ((0.6,) if quick else STARTS)
    ]


def measure(setting):
    method, arguments = METHODS[setting["method"]]
    found = {}

    def prepare(model):
        found["initial"] = move(model, digits.images(setting["scale"])[0].images, setting)

    training = digits.train(lambda encoder: method(encoder, **arguments), setting, prepare=prepare)
    return {**training.row, "initial": found["initial"]}


def move(model, images, setting):
    """Sets the last bias so that the centre of the embeddings has the wanted length; returns it."""
    # Training mode: before training the batch norms' running statistics say nothing.
    z = model.projector(model.encoder(images, training=True), training=True)
    z = keras.ops.convert_to_numpy(z).astype("float64")
    direction = np.random.default_rng(setting["seed"]).standard_normal(z.shape[1])
    direction *= np.linalg.norm(z, axis=1).mean() / np.linalg.norm(direction)

    def offset(amount):
        return amount * direction - z.mean(axis=0)

    low, high = 0.0, 100.0
    for _ in range(60):
        middle = (low + high) / 2
        long = kcs.geometry.center_norm(z + offset(middle)) > setting["start"]
        low, high = (low, middle) if long else (middle, high)
    bias = [layer for layer in model.projector.layers if isinstance(layer, keras.layers.Dense)][
        -1
    ].bias
    bias.assign((keras.ops.convert_to_numpy(bias) + offset(high)).astype("float32"))
    return kcs.geometry.center_norm(z + offset(high))


def judge(rows):
    titles = ("method", "start", "`||s||` at first", "at the end", "k-NN of features", "verdicts")
    lines = []
    for name in METHODS:
        for start in STARTS:
            p = chosen(rows, method=name, start=start)
            if p:
                ends = [words(p, c) for c in ("initial", "center_norm", "knn_features")]
                lines.append([name, start, *ends, verdicts(p)])
    verdict = Verdict(text=table(titles, lines))
    if not chosen(rows, method="SimSiam"):
        return verdict
    low, high = (
        numbers(chosen(rows, method="SimSiam", start=s), "center_norm") for s in (0.0, 0.95)
    )
    verdict.add(
        "SimSiam's final `||s||` from .95 is larger than that from 0 by .1 or more, in every seed",
        all(b - a >= 0.1 for a, b in zip(low, high, strict=True)),
        "; ".join(f"{a:.3f} and {b:.3f}" for a, b in zip(low, high, strict=True)) + ".",
        decisive=True,
    )
    for name in ("CenterSSL", "SimCLR"):
        means = [mean(chosen(rows, method=name, start=s), "center_norm") for s in STARTS]
        verdict.add(
            f"{name} comes to a common end value, within .1",
            np.ptp(means) < 0.1,
            f"From {', '.join(f'{s:g}' for s in STARTS)}: {', '.join(f'{m:.3f}' for m in means)}.",
        )
    return verdict


def draw(rows, folder):
    lines = {
        name: (
            [mean(chosen(rows, method=name, start=s), "initial") for s in STARTS],
            [mean(chosen(rows, method=name, start=s), "center_norm") for s in STARTS],
        )
        for name in METHODS
        if len(chosen(rows, method=name)) >= len(STARTS)
    }
    if lines:
        title = "||s|| at the end"
        plots.curves(folder / "ends.png", {title: lines}, "||s|| at first", ylim=(-0.02, 1.02))


def check(rows):
    assert all(abs(x - 0.6) < 0.02 for x in numbers(rows, "initial"))
