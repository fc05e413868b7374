"""SimSiam with other things in the place of its predictor."""

from common import (
    Verdict,
    all_complete,
    chosen,
    digits,
    mean,
    none_complete,
    plots,
    table,
    verdicts,
    words,
)

import keras_center_ssl as kcs

VARIANTS = {
    "mlp": {"predictor": "mlp"},
    "none": {"predictor": None},
    "mean": {"predictor": "mean"},
    "batch norm": {"predictor": "batch_norm"},
    "bias": {"predictor": "bias"},
    "none, centre weight 1": {"predictor": None, "center_weight": 1.0},
}


def settings(quick):
    names = ("none", "mean") if quick else VARIANTS
    return [
        {"predictor": name, "last_batch_norm": last, "scale": digits.scale_of(quick), "seed": seed}
        for seed in digits.seeds_of(quick)
        for last in (False, True)
        for name in names
    ]


def measure(setting):
    return digits.train(
        lambda encoder: kcs.methods.SimSiam(
            encoder,
            **digits.HEADS,
            predictor_dim=16,
            last_batch_norm=setting["last_batch_norm"],
            **VARIANTS[setting["predictor"]],
        ),
        setting,
    ).row


def judge(rows):
    free, normed = (chosen(rows, last_batch_norm=last) for last in (False, True))
    off = {name: chosen(free, predictor=name) for name in VARIANTS}
    on = {name: chosen(normed, predictor=name) for name in VARIANTS}
    lines = [
        [
            name,
            "yes" if group is on else "no",
            words(part, "center_norm"),
            words(part, "participation_ratio"),
            words(part, "knn_features"),
            verdicts(part),
        ]
        for group in (off, on)
        for name, part in group.items()
        if part
    ]
    titles = ("predictor", "last batch norm", "`||s||`", "participation ratio", "k-NN of features")
    verdict = Verdict(text=table((*titles, "verdicts"), lines))
    if not off["bias"]:
        return verdict
    verdict.add(
        "without last batch norm and predictor, complete collapse in every seed",
        all_complete(off["none"]),
        f"Verdicts: {verdicts(off['none'])}; `||s||` {words(off['none'], 'center_norm')}.",
    )
    verdict.add(
        "mean subtraction does not collapse completely",
        none_complete(off["mean"]),
        f"Verdicts: {verdicts(off['mean'])}; `||s||` {words(off['mean'], 'center_norm')}.",
        decisive=True,
    )
    for name in ("batch norm", "none, centre weight 1"):
        verdict.add(
            f"nor does {name}",
            none_complete(off[name]),
            f"Verdicts: {verdicts(off[name])}; `||s||` {words(off[name], 'center_norm')}.",
        )
    verdict.add(
        "a learned bias alone ends with a shorter centre than no predictor",
        mean(off["bias"], "center_norm") < mean(off["none"], "center_norm"),
        f"{words(off['bias'], 'center_norm')} against {words(off['none'], 'center_norm')}.",
    )
    ranks = {name: mean(part, "participation_ratio") for name, part in on.items()}
    verdict.add(
        "with the last batch norm no complete collapse, and the lowest rank without predictor",
        none_complete(normed) and min(ranks, key=ranks.get) == "none",
        f"Verdicts: {verdicts(normed)}; lowest rank: {min(ranks, key=ranks.get)}.",
    )
    return verdict


def draw(rows, folder):
    labelled = [
        {**r, "variant": r["predictor"] + (", last BN" if r["last_batch_norm"] == "True" else "")}
        for r in rows
    ]
    columns = {"center_norm": "||s||", "participation_ratio": "participation ratio"}
    plots.points(folder / "variants.png", labelled, "variant", {**columns, "knn_features": "k-NN"})


def check(rows):
    assert none_complete(chosen(rows, predictor="mean"))
