"""The centre of embeddings and of features, step by step, for every method."""

from common import Verdict, accuracies, chosen, digits, gallery, mean, numbers, plots, table, values

import keras_center_ssl as kcs

NAMES = (*gallery.HEALTHY, "DCL")
BLIND = "VICReg"


def settings(quick):
    return [
        {"method": name, "scale": digits.scale_of(quick), "seed": seed}
        for seed in digits.seeds_of(quick)
        for name in (["SimCLR"] if quick else NAMES)
    ]


def measure(setting):
    name = setting["method"]
    if name == "DCL":
        training = digits.train(
            lambda encoder: kcs.methods.DCL(encoder, **digits.HEADS, temperature=0.2),
            setting,
            learning_rate=0.1,
        )
    else:
        training = digits.train(gallery.build(name), setting, gallery.learning_rate(name))
    end = {name: training.row[name] for name in ("verdict", *accuracies.COLUMNS)}
    return [{**look, **end} for look in training.history]


def ends(rows, name, first=False):
    """The first or last look of each seed."""
    part = chosen(rows, method=name)
    step = (min if first else max)(numbers(part, "step"))
    return [r for r in part if float(r["step"]) == step]


def judge(rows):
    lines, grown, short = [], [], []
    for name in values(rows, "method"):
        before, after = ends(rows, name, first=True), ends(rows, name)
        start, end, encoder = (
            mean(before, "center_norm"),
            mean(after, "center_norm"),
            mean(after, "encoder_center_norm"),
        )
        encoder_start = mean(before, "encoder_center_norm")
        lines.append([name, start, end, encoder_start, encoder, mean(after, "knn_features")])
        healthy = all(r["verdict"] == "healthy" for r in after)
        grown += [name] if healthy and name != BLIND and end > max(start, 0.5) else []
        short += [name] if encoder < 0.5 else []
    titles = (
        "method",
        "projector, before",
        "after",
        "encoder, before",
        "after",
        "k-NN of features",
    )
    verdict = Verdict(text=table(titles, lines))
    verdict.add(
        "the projector's centre ends shorter than it began or below .5, VICReg apart",
        not grown,
        f"Healthy methods of which it does not hold: {', '.join(grown) or 'none'}.",
        decisive=True,
    )
    verdict.add(
        "the encoder's own centre stays above .5 with every method",
        not short,
        f"Methods that end below: {', '.join(short) or 'none'}.",
    )
    return verdict


def draw(rows, folder):
    plots.centers(folder / "every_method.png", rows, ["method"])


def check(rows):
    assert all(0 <= x <= 1.001 for x in numbers(rows, "encoder_center_norm"))
