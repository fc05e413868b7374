"""DINO with and without centring and sharpening."""

import math

from common import Verdict, chosen, digits, mean, plots, table, verdicts, words

import keras_center_ssl as kcs

OUTPUTS = 128


def settings(quick):
    return [
        {"centering": c, "sharpening": s, "scale": digits.scale_of(quick), "seed": seed}
        for seed in digits.seeds_of(quick)
        for c, s in (
            [(True, True)] if quick else [(a, b) for a in (True, False) for b in (True, False)]
        )
    ]


def measure(setting):
    training = digits.train(
        lambda encoder: kcs.methods.DINO(
            encoder,
            hidden_dim=128,
            bottleneck_dim=64,
            output_dim=OUTPUTS,
            momentum=0.99,
            batch_norm=True,
            frozen_epochs=0,
            teacher_temperature_epochs=0,
            centering=setting["centering"],
            sharpening=setting["sharpening"],
        ),
        setting,
        learning_rate=0.1,
    )
    return {
        **training.row,
        "entropy_share": training.logs["teacher_entropy"][-1] / math.log(OUTPUTS),
        "divergence": training.logs["teacher_student_kl"][-1],
    }


def judge(rows):
    part = {
        (c, s): chosen(rows, centering=c, sharpening=s)
        for c in (True, False)
        for s in (True, False)
    }
    titles = (
        "centring",
        "sharpening",
        "entropy / log K",
        "divergence",
        "`||s||`",
        "k-NN of features",
    )
    verdict = Verdict(
        text=table(
            (*titles, "verdicts"),
            [
                [
                    *("yes" if on else "no" for on in key),
                    words(p, "entropy_share"),
                    words(p, "divergence"),
                    words(p, "center_norm"),
                    words(p, "knn_features"),
                    verdicts(p),
                ]
                for key, p in part.items()
                if p
            ],
        )
    )
    if not part[False, True]:
        return verdict
    both, no_center, no_sharp = part[True, True], part[False, True], part[True, False]
    verdict.add(
        "with both, an entropy between 10 % and 90 % of log K, and a k-NN accuracy that rises",
        0.1 < mean(both, "entropy_share") < 0.9
        and mean(both, "knn_features") > mean(both, "knn_untrained"),
        f"{words(both, 'entropy_share')}; k-NN {words(both, 'knn_features')} against "
        f"{words(both, 'knn_untrained')}.",
    )
    verdict.add(
        "without centring the entropy falls below 10 %",
        mean(no_center, "entropy_share") < 0.1,
        f"{words(no_center, 'entropy_share')}.",
    )
    verdict.add(
        "without sharpening it is above 95 %, and the divergence below .05",
        mean(no_sharp, "entropy_share") > 0.95 and mean(no_sharp, "divergence") < 0.05,
        f"{words(no_sharp, 'entropy_share')} and {words(no_sharp, 'divergence')}.",
    )
    best = max(mean(no_center, "knn_features"), mean(no_sharp, "knn_features"))
    verdict.add(
        "either alone serves k-NN worse than both, by more than .02",
        best < mean(both, "knn_features") - 0.02,
        f"Both {words(both, 'knn_features')}, no centring {words(no_center, 'knn_features')}, "
        f"no sharpening {words(no_sharp, 'knn_features')}.",
        decisive=True,
    )
    return verdict


def draw(rows, folder):
    names = {("True", "True"): "both", ("True", "False"): "no sharpening"}
    names |= {("False", "True"): "no centring", ("False", "False"): "neither"}
    labelled = [{**r, "variant": names[r["centering"], r["sharpening"]]} for r in rows]
    columns = {"entropy_share": "entropy / log K", "divergence": "divergence"}
    plots.points(folder / "variants.png", labelled, "variant", {**columns, "knn_features": "k-NN"})


def check(rows):
    assert 0 <= mean(rows, "entropy_share") <= 1.0001
