"""The variants behind the main findings, on a subset of Fashion-MNIST."""

from common import (
    Verdict,
    all_complete,
    chosen,
    digits,
    gallery,
    mean,
    none_complete,
    numbers,
    plots,
    table,
    verdicts,
    words,
)
from common.objectives import Parts

import keras_center_ssl as kcs

_PARTS = {
    "centre term": {"attraction": 0.0, "center": 1.0},
    "attraction": {"center": 0.0},
    "both": {"center": 1.0},
    "InfoNCE's repulsion": {"center": 1.0, "local": 1.0},
    "the same without its mean": {"local": 1.0},
}
_SIMSIAM = {"SimSiam, no predictor": None, "SimSiam, mean subtraction": "mean"}
_METHODS = (
    "Barlow Twins",
    "Barlow Twins, no redundancy term",
    "SimCLR",
    "BYOL",
    "SwAV",
)
SHORTER = ("SimCLR", "BYOL", "SwAV", "Barlow Twins")
CASES = (*_PARTS, *_SIMSIAM, *_METHODS)


def settings(quick):
    scale = "tiny" if quick else "fashion"
    return [
        {"case": name, "scale": scale, "seed": seed}
        for seed in digits.seeds_of(quick)
        for name in (("both",) if quick else CASES)
    ]


def measure(setting):
    name = setting["case"]
    rate = gallery.learning_rate(name) if name in _METHODS else 0.05
    training = digits.train(lambda encoder: build(name, encoder), setting, rate)
    return {**training.row, "center_norm_before": training.history[0]["center_norm"]}


def build(name, encoder):
    if name in _PARTS:
        return Parts(encoder, **_PARTS[name])
    if name in _SIMSIAM:
        variant = {"predictor": _SIMSIAM[name], "last_batch_norm": False, "predictor_dim": 16}
        return kcs.methods.SimSiam(encoder, **digits.HEADS, **variant)
    return gallery.build(name)(encoder)


def judge(rows):
    part = {name: chosen(rows, case=name) for name in CASES}
    titles = ("case", "`||s||` before", "after", "participation ratio", "k-NN", "untrained")
    columns = ("center_norm_before", "center_norm", "participation_ratio", "knn_features")
    lines = [
        [name, *(words(p, c) for c in (*columns, "knn_untrained")), verdicts(p)]
        for name, p in part.items()
        if p
    ]
    verdict = Verdict(text=table((*titles, "verdicts"), lines))
    if not part["attraction"]:
        return verdict
    both = part["both"]
    verdict.add(
        "F1: the attraction alone collapses completely",
        all_complete(part["attraction"]),
        f"Verdicts: {verdicts(part['attraction'])}.",
        decisive=True,
    )
    verdict.add(
        "F1: with the centre term it does not",
        none_complete(both),
        f"Verdicts: {verdicts(both)}.",
        decisive=True,
    )
    verdict.add(
        "F1: and k-NN is above the untrained encoder's",
        mean(both, "knn_features") > mean(both, "knn_untrained"),
        f"{words(both, 'knn_features')} against {words(both, 'knn_untrained')}.",
    )
    alone = part["centre term"]
    gain = mean(alone, "knn_features") - mean(alone, "knn_untrained")
    verdict.add(
        "F1: the centre term alone ends with `||s||` below .1 and gains at most .03",
        mean(alone, "center_norm") < 0.1 and gain <= 0.03,
        f"{words(alone, 'center_norm')}; k-NN changes by {gain:+.3f}.",
    )
    rest = part["the same without its mean"]
    verdict.add(
        "N1: the repulsion without its mean part collapses completely",
        all_complete(rest),
        f"Verdicts: {verdicts(rest)}; `||s||` {words(rest, 'center_norm')}.",
    )
    _halved(verdict, "N1: the mean part alone", both, part["InfoNCE's repulsion"])
    none, kept = (part[name] for name in _SIMSIAM)
    verdict.add(
        "H1: SimSiam collapses without predictor, and does not with mean subtraction",
        all_complete(none) and none_complete(kept),
        f"Verdicts: {verdicts(none)}; {verdicts(kept)}.",
    )
    lost = part["Barlow Twins, no redundancy term"]
    verdict.add(
        "H2: Barlow Twins without its redundancy term does not collapse completely",
        none_complete(lost),
        f"Verdicts: {verdicts(lost)}.",
    )
    _halved(verdict, "H2: without the term", lost, part["Barlow Twins"])
    longer = [
        name
        for name in SHORTER
        for row in part[name]
        if float(row["center_norm"]) >= float(row["center_norm_before"])
    ]
    verdict.add(
        "S1: the projector's centre ends shorter than it began",
        not longer,
        f"Trainings of which it does not hold: {len(longer)} of "
        f"{sum(len(part[name]) for name in SHORTER)}.",
    )
    return verdict


def _halved(verdict, what, less, more):
    ranks = [mean(rows, "participation_ratio") for rows in (less, more)]
    verdict.add(
        f"{what} leaves a participation ratio below half",
        ranks[0] < ranks[1] / 2,
        f"{ranks[0]:.2f} against {ranks[1]:.2f}.",
    )


def draw(rows, folder):
    columns = {"center_norm": "||s||", "participation_ratio": "participation ratio"}
    plots.points(folder / "cases.png", rows, "case", {**columns, "knn_features": "k-NN"})


def check(rows):
    assert none_complete(rows) and min(numbers(rows, "center_norm_before")) > 0
