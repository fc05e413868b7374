"""The centre weight from 0 to 4: CenterSSL, and as a penalty on SimSiam, BYOL and Barlow Twins."""

import keras
import numpy as np
from common import (
    Verdict,
    chosen,
    digits,
    mean,
    none_complete,
    plots,
    table,
    values,
    verdicts,
    words,
)

import keras_center_ssl as kcs

METHODS = {
    "CenterSSL": (kcs.methods.CenterSSL, {**digits.HEADS, "decorrelation_weight": 0.0}),
    "SimSiam": (kcs.methods.SimSiam, {**digits.HEADS, "predictor_dim": 16}),
    "BYOL": (kcs.methods.BYOL, {**digits.HEADS, "predictor_dim": 128, "momentum": 0.9}),
    "Barlow Twins": (kcs.methods.BarlowTwins, {**digits.HEADS, "loss_scale": 0.1}),
}
WEIGHTS = (0.0, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 4.0)
PENALTIES = (0.0, 0.1, 1.0, 4.0)


def settings(quick):
    cases = [("CenterSSL", weight) for weight in ((0.0, 1.0) if quick else WEIGHTS)]
    if not quick:
        cases += [(name, weight) for name in list(METHODS)[1:] for weight in PENALTIES]
    return [
        {"method": name, "center_weight": weight, "scale": digits.scale_of(quick), "seed": seed}
        for seed in digits.seeds_of(quick)
        for name, weight in cases
    ]


def measure(setting):
    method, arguments = METHODS[setting["method"]]
    found = {}

    def prepare(model):
        if setting["method"] == "CenterSSL":
            found.update(estimate(model.encoder, digits.images(setting["scale"])[0].images))

    training = digits.train(
        lambda encoder: method(encoder, center_weight=setting["center_weight"], **arguments),
        setting,
        prepare=prepare,
    )
    empty = {
        "predicted": float("nan"),
        "predicted_low": float("nan"),
        "predicted_high": float("nan"),
    }
    return {**training.row, **empty, **found}


def estimate(encoder, images):
    """The critical weight before training, from two views of the training images."""
    pair = digits.views()(images, seed=(2000, 0))
    features = [keras.ops.convert_to_numpy(encoder(view, training=False)) for view in pair]
    critical = kcs.critical_center_weight(*features)
    return {
        "predicted": float(critical),
        "predicted_low": critical.low,
        "predicted_high": critical.high,
    }


def threshold(rows):
    """Largest centre weight with complete collapse in most seeds, and the next one."""
    weights = [float(w) for w in values(rows, "center_weight")]
    fell = [
        w
        for w in weights
        if sum(r["verdict"] == "complete_collapse" for r in chosen(rows, center_weight=w))
        > len(chosen(rows, center_weight=w)) / 2
    ]
    if not fell or max(fell) == max(weights):
        return None
    return max(fell), min(w for w in weights if w > max(fell))


def judge(rows):
    titles = ("method", "lambda", "`||s||`", "participation ratio", "k-NN of features", "verdicts")
    cases = list(dict.fromkeys((r["method"], r["center_weight"]) for r in rows))
    lines = []
    for name, weight in cases:
        p = chosen(rows, method=name, center_weight=weight)
        figures = [words(p, c) for c in ("center_norm", "participation_ratio", "knn_features")]
        lines.append([name, weight, *figures, verdicts(p)])
    verdict = Verdict(text=table(titles, lines))
    own = chosen(rows, method="CenterSSL")
    found, critical = threshold(own), mean(own, "predicted")
    high = mean(own, "predicted_high")
    between = found and f"between {found[0]:g} and {found[1]:g}"
    predicted = (
        f"predicted {critical:.3f} (interval {mean(own, 'predicted_low'):.3f} to {high:.3f}, means "
        "over seeds)"
    )
    verdict.add(
        "CenterSSL collapses below a threshold, which is not above the estimate's upper end",
        found is not None and found[0] <= high,
        f"Measured {between or 'nowhere'}; {predicted}.",
        decisive=True,
    )
    verdict.add(
        "and within a factor of 2 of the estimate",
        found is not None and found[1] > critical / 2 and found[0] < 2 * critical,
        f"Measured {between or 'nowhere'}, {predicted}.",
        decisive=True,
    )
    if not chosen(rows, method="BYOL"):
        return verdict
    knn = {float(w): mean(chosen(own, center_weight=w), "knn_features") for w in WEIGHTS}
    plateau = [knn[w] for w in (0.5, 1.0, 2.0)]
    verdict.add(
        "above, k-NN is a plateau (within .03 from .5 to 2), and not better at 4",
        np.ptp(plateau) < 0.03 and knn[4.0] < max(plateau) + 0.005,
        ", ".join(f"{w:g}: {accuracy:.3f}" for w, accuracy in knn.items()) + ".",
    )
    for name in list(METHODS)[1:]:
        part = [chosen(rows, method=name, center_weight=w) for w in PENALTIES]
        norms = [mean(p, "center_norm") for p in part]
        change = mean(part[2], "knn_features") - mean(part[0], "knn_features")
        verdict.add(
            f"as a penalty on {name} it never lengthens the centre by more than .05",
            none_complete(part[0]) and max(np.diff(norms)) <= 0.05,
            f"`||s||` at lambda 0, .1, 1, 4: {', '.join(f'{n:.3f}' for n in norms)}.",
            decisive=True,
        )
        verdict.add(
            f"and leaves k-NN of {name} within .03 at lambda 1",
            abs(change) <= 0.03,
            f"It changes by {change:+.3f}.",
        )
    return verdict


def draw(rows, folder):
    columns = {"||s||": "center_norm", "Participation ratio": "participation_ratio"}
    panels = {}
    for title, column in {**columns, "k-NN of features": "knn_features"}.items():
        panels[title] = {}
        for name in values(rows, "method"):
            weights = values(chosen(rows, method=name), "center_weight")
            means = [mean(chosen(rows, method=name, center_weight=w), column) for w in weights]
            panels[title][name] = ([float(w) for w in weights], means)
    figure = plots.curves(None, panels, "centre weight lambda", size=(11, 3.2), xlim=(0, 4))
    own = chosen(rows, method="CenterSSL")
    for axis in figure.axes:
        axis.set_xscale("symlog", linthresh=0.02)
        axis.minorticks_off()
        axis.set_xticks([0, 0.02, 0.1, 0.5, 1, 4], ["0", ".02", ".1", ".5", "1", "4"])
        axis.axvspan(
            mean(own, "predicted_low"), mean(own, "predicted_high"), alpha=0.15, color="gray"
        )
    plots.style.done(figure, folder / "lambda.png")


def check(rows):
    assert all(0 <= float(r["predicted_low"]) <= float(r["predicted_high"]) <= 1 for r in rows)
