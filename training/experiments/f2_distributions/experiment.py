"""Cosines between different samples, with and without the centre term."""

import numpy as np
from common import Verdict, chosen, digits, mean, numbers, plots, table, words

import keras_center_ssl as kcs

OBJECTIVES = {
    "without": {"center_weight": 0.0, "decorrelation_weight": 0.0},
    "with": {"center_weight": 1.0, "decorrelation_weight": 0.0},
    "with, decorrelated": {"center_weight": 1.0, "decorrelation_weight": 2.5},
}
EDGES = np.linspace(-1, 1, 41)


def settings(quick):
    return [
        {"term": name, "scale": digits.scale_of(quick), "seed": seed}
        for seed in digits.seeds_of(quick)
        for name in (("with",) if quick else OBJECTIVES)
    ]


def measure(setting):
    training = digits.train(
        lambda encoder: kcs.methods.CenterSSL(
            encoder, **digits.HEADS, **OBJECTIVES[setting["term"]]
        ),
        setting,
    )
    z = digits.embed(training.model, setting["scale"])[0][0].astype("float64")
    z /= np.linalg.norm(z, axis=1, keepdims=True)
    cosines = (z @ z.T)[np.triu_indices(len(z), 1)]
    counts = np.histogram(np.clip(cosines, -1, 1), EDGES, density=True)[0]
    return {
        **training.row,
        "cosine_mean": float(cosines.mean()),
        "cosine_deviation": float(cosines.std()),
        "above_09": float((cosines > 0.9).mean()),
        **{f"bin_{k}": float(count) for k, count in enumerate(counts)},
    }


def judge(rows):
    part = {name: chosen(rows, term=name) for name in OBJECTIVES}
    titles = ("centre term", "mean cosine", "deviation", "share above .9", "k-NN of features")
    columns = ("cosine_mean", "cosine_deviation", "above_09", "knn_features")
    lines = [[name, *(words(p, c) for c in columns)] for name, p in part.items() if p]
    verdict = Verdict(text=table(titles, lines))
    own = part["with"]
    verdict.add(
        "with the term the mean cosine is between -.1 and .1",
        all(abs(x) < 0.1 for x in numbers(own, "cosine_mean")),
        f"{words(own, 'cosine_mean')}.",
        decisive=True,
    )
    verdict.add(
        "and their deviation above .3",
        min(numbers(own, "cosine_deviation")) > 0.3,
        f"{words(own, 'cosine_deviation')}.",
    )
    if not part["without"]:
        return verdict
    verdict.add(
        "without it 99 % of the cosines are above .9",
        min(numbers(part["without"], "above_09")) > 0.99,
        f"{words(part['without'], 'above_09')}.",
    )
    more = part["with, decorrelated"]
    verdict.add(
        "decorrelation leaves the mean there and makes the deviation smaller",
        all(abs(x) < 0.1 for x in numbers(more, "cosine_mean"))
        and mean(more, "cosine_deviation") < mean(own, "cosine_deviation"),
        f"{words(more, 'cosine_mean')}; {words(more, 'cosine_deviation')} against "
        f"{words(own, 'cosine_deviation')}.",
    )
    return verdict


def draw(rows, folder):
    middles = (EDGES[1:] + EDGES[:-1]) / 2
    lines = {
        f"{name} the term": (middles, [mean(p, f"bin_{k}") + 1e-3 for k in range(len(middles))])
        for name in OBJECTIVES
        if (p := chosen(rows, term=name))
    }
    title = "Density of cosines, all pairs of test images"
    plots.curves(folder / "cosines.png", {title: lines}, "cosine", size=(7, 3.4), yscale="log")


def check(rows):
    assert all(-1 <= x <= 1 for x in numbers(rows, "cosine_mean"))
