"""Barlow Twins with and without redundancy term and batch norm."""

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


def settings(quick):
    return [
        {"redundancy": weight, "batch_norm": norm, "scale": digits.scale_of(quick), "seed": seed}
        for seed in digits.seeds_of(quick)
        for norm in (True, False)
        for weight in (0.005, 0.0)
    ]


def measure(setting):
    return digits.train(
        lambda encoder: kcs.methods.BarlowTwins(
            encoder,
            **digits.HEADS,
            loss_scale=0.1,
            redundancy_weight=setting["redundancy"],
            batch_norm=setting["batch_norm"],
        ),
        setting,
        learning_rate=0.05 if setting["batch_norm"] else 0.005,
    ).row


def judge(rows):
    part = {
        (norm, weight): chosen(rows, batch_norm=norm, redundancy=weight)
        for norm in (True, False)
        for weight in (0.005, 0.0)
    }
    titles = (
        "batch norm",
        "redundancy weight",
        "`||s||`",
        "participation ratio",
        "k-NN",
        "verdicts",
    )
    verdict = Verdict(
        text=table(
            titles,
            [
                [
                    "yes" if norm else "no",
                    weight,
                    words(p, "center_norm"),
                    words(p, "participation_ratio"),
                    words(p, "knn_features"),
                    verdicts(p),
                ]
                for (norm, weight), p in part.items()
            ],
        )
    )
    whole, without = (mean(part[True, w], "participation_ratio") for w in (0.005, 0.0))
    verdict.add(
        "with batch norm no complete collapse without the term",
        none_complete(part[True, 0.0]),
        f"Verdicts: {verdicts(part[True, 0.0])}; `||s||` {words(part[True, 0.0], 'center_norm')}.",
        decisive=True,
    )
    verdict.add(
        "and a participation ratio below half of that with it",
        without < whole / 2,
        f"{words(part[True, 0.0], 'participation_ratio')} against "
        f"{words(part[True, 0.005], 'participation_ratio')}.",
        decisive=True,
    )
    verdict.add(
        "without batch norm complete collapse",
        all_complete(part[False, 0.0]),
        f"Verdicts: {verdicts(part[False, 0.0])}; "
        f"`||s||` {words(part[False, 0.0], 'center_norm')}.",
    )
    return verdict


def draw(rows, folder):
    labelled = [
        {
            **r,
            "variant": ("with" if float(r["redundancy"]) else "without")
            + (" term, BN" if r["batch_norm"] == "True" else " term, no BN"),
        }
        for r in rows
    ]
    columns = {"center_norm": "||s||", "participation_ratio": "participation ratio"}
    plots.points(folder / "variants.png", labelled, "variant", {**columns, "knn_features": "k-NN"})


def check(rows):
    assert none_complete(chosen(rows, batch_norm=True))
