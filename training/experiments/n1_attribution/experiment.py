"""InfoNCE's repulsion, split into the batch's mean and the rest."""

from common import (
    Verdict,
    all_complete,
    chosen,
    digits,
    mean,
    none_complete,
    numbers,
    plots,
    table,
    verdicts,
    words,
)
from common.objectives import Parts

VARIANTS = {
    "all": {"center": 1.0, "local": 1.0},
    "mean": {"center": 1.0},
    "rest": {"local": 1.0},
    "none": {},
}


def settings(quick):
    return [
        {"repulsion": name, "scale": digits.scale_of(quick), "seed": seed}
        for seed in digits.seeds_of(quick)
        for name in (("all",) if quick else VARIANTS)
    ]


def measure(setting):
    parts = VARIANTS[setting["repulsion"]]
    return digits.train(lambda encoder: Parts(encoder, **parts), setting).row


def judge(rows):
    part = {name: chosen(rows, repulsion=name) for name in VARIANTS}
    titles = ("repulsion", "`||s||`", "participation ratio", "k-NN of features", "verdicts")
    lines = [
        [
            name,
            words(p, "center_norm"),
            words(p, "participation_ratio"),
            words(p, "knn_features"),
            verdicts(p),
        ]
        for name, p in part.items()
        if p
    ]
    verdict = Verdict(text=table(titles, lines))
    if not part["mean"]:
        return verdict
    verdict.add(
        "the mean part alone prevents complete collapse",
        none_complete(part["mean"]),
        f"Verdicts: {verdicts(part['mean'])}; `||s||` {words(part['mean'], 'center_norm')}.",
        decisive=True,
    )
    ranks = [mean(part[name], "participation_ratio") for name in ("mean", "all")]
    verdict.add(
        "but leaves a participation ratio below half of that of the whole repulsion",
        ranks[0] < ranks[1] / 2,
        f"{ranks[0]:.2f} against {ranks[1]:.2f}.",
    )
    least = min(numbers(part["rest"], "center_norm"))
    verdict.add(
        "the rest alone leaves `||s||` above .9",
        least > 0.9,
        f"The least of the seeds: {least:.3f}; verdicts: {verdicts(part['rest'])}.",
        decisive=True,
    )
    verdict.add(
        "no repulsion is a complete collapse",
        all_complete(part["none"]),
        f"Verdicts: {verdicts(part['none'])}.",
    )
    return verdict


def draw(rows, folder):
    columns = {"center_norm": "||s||", "participation_ratio": "participation ratio"}
    plots.points(folder / "parts.png", rows, "repulsion", {**columns, "knn_features": "k-NN"})


def check(rows):
    assert none_complete(rows)
