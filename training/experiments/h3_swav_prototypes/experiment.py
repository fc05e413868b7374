"""SwAV's centre against the mean of its prototypes."""

import keras
import numpy as np
from common import Verdict, chosen, digits, mean, numbers, plots, table, verdicts, words

import keras_center_ssl as kcs

# Name: learned, Sinkhorn, length of the prototypes' mean at the start (None: as they are drawn).
VARIANTS = {
    "fixed, mean 0.1": (False, True, None),
    "fixed, mean 0.5": (False, True, 0.5),
    "fixed, mean 0.9": (False, True, 0.9),
    "learned": (True, True, None),
    "learned, no Sinkhorn": (True, False, None),
    "fixed, mean 0.1, no Sinkhorn": (False, False, None),
}


def settings(quick):
    names = ("fixed, mean 0.1", "fixed, mean 0.9") if quick else VARIANTS
    return [
        {"prototypes": name, "scale": digits.scale_of(quick), "seed": seed}
        for seed in digits.seeds_of(quick)
        for name in names
    ]


def measure(setting):
    learned, sinkhorn, length = VARIANTS[setting["prototypes"]]

    def prepare(model):
        if length is not None:
            kernel = model.prototype_layer.kernel
            kernel.assign(shifted(keras.ops.convert_to_numpy(kernel), length))

    training = digits.train(
        lambda encoder: kcs.methods.SwAV(
            encoder,
            **digits.HEADS,
            num_prototypes=64,
            frozen_epochs=0,
            learned_prototypes=learned,
            sinkhorn=sinkhorn,
        ),
        setting,
        prepare=prepare,
    )
    kernel = keras.ops.convert_to_numpy(training.model.prototype_layer.kernel)
    return {**training.row, "prototype_mean": float(np.linalg.norm(kernel.mean(axis=1)))}


def shifted(kernel, length):
    """Unit columns whose mean has a length, by an offset common to all."""
    direction = np.linalg.svd(kernel)[0][:, :1]
    low, high = 0.0, 100.0
    for _ in range(60):
        middle = (low + high) / 2
        moved = kernel + middle * direction
        moved /= np.linalg.norm(moved, axis=0)
        low, high = (middle, high) if np.linalg.norm(moved.mean(axis=1)) < length else (low, middle)
    return moved


def judge(rows):
    part = {name: chosen(rows, prototypes=name) for name in VARIANTS}
    titles = ("prototypes", "their mean at the end", "`||s||`", "k-NN of features", "verdicts")
    verdict = Verdict(
        text=table(
            titles,
            [
                [
                    name,
                    words(p, "prototype_mean"),
                    words(p, "center_norm"),
                    words(p, "knn_features"),
                    verdicts(p),
                ]
                for name, p in part.items()
                if p
            ],
        )
    )
    if not part["learned"]:
        return verdict
    fixed = [numbers(part[f"fixed, mean {m}"], "center_norm") for m in ("0.1", "0.5", "0.9")]
    verdict.add(
        "`||s||` rises with the length of the fixed prototypes' mean, in every seed",
        all(a < b < c for a, b, c in zip(*fixed, strict=True)),
        "For means .1, .5, .9: " + ", ".join(f"{np.mean(f):.3f}" for f in fixed) + ".",
    )
    verdict.add(
        "from .1 to .9 by more than .1",
        np.mean(fixed[2]) - np.mean(fixed[0]) > 0.1,
        f"By {np.mean(fixed[2]) - np.mean(fixed[0]):.3f}.",
        decisive=True,
    )
    verdict.add("to above .7", min(fixed[2]) > 0.7, f"The least of the seeds: {min(fixed[2]):.3f}.")
    learned = part["learned"]
    verdict.add(
        "learned prototypes end with a mean below .3 and `||s||` below .5",
        mean(learned, "prototype_mean") < 0.3 and mean(learned, "center_norm") < 0.5,
        f"{words(learned, 'prototype_mean')} and {words(learned, 'center_norm')}.",
    )
    loose = part["learned, no Sinkhorn"]
    verdict.add(
        "without Sinkhorn they collapse completely or to clusters",
        all(r["verdict"] in ("complete_collapse", "cluster_collapse") for r in loose),
        f"Verdicts: {verdicts(loose)}.",
    )
    return verdict


def draw(rows, folder):
    columns = {"prototype_mean": "prototypes' mean", "center_norm": "||s||"}
    plots.points(folder / "variants.png", rows, "prototypes", columns)


def check(rows):
    short, long = (chosen(rows, prototypes=f"fixed, mean {m}") for m in ("0.1", "0.9"))
    assert mean(short, "prototype_mean") < 0.3 and mean(long, "prototype_mean") > 0.85
