"""The centre term alone, the attraction alone, and both."""

from common import (
    Verdict,
    all_complete,
    chosen,
    digits,
    mean,
    numbers,
    plots,
    table,
    verdicts,
    words,
)
from common.objectives import Parts

OBJECTIVES = {
    "centre term": {"attraction": 0.0, "center": 1.0},
    "attraction": {"attraction": 1.0, "center": 0.0},
    "both": {"attraction": 1.0, "center": 1.0},
}


def settings(quick):
    return [
        {"objective": name, "scale": digits.scale_of(quick), "seed": seed}
        for seed in digits.seeds_of(quick)
        for name in (("centre term",) if quick else OBJECTIVES)
    ]


def measure(setting):
    arguments = OBJECTIVES[setting["objective"]]
    return digits.train(lambda encoder: Parts(encoder, **arguments), setting).row


def judge(rows):
    part = {name: chosen(rows, objective=name) for name in OBJECTIVES}
    titles = ("objective", "`||s||`", "views' cosine A", "k-NN of features", "before", "verdicts")
    lines = [
        [
            name,
            words(p, "center_norm"),
            words(p, "positive_cosine"),
            words(p, "knn_features"),
            words(p, "knn_untrained"),
            verdicts(p),
        ]
        for name, p in part.items()
        if p
    ]
    verdict = Verdict(text=table(titles, lines))
    alone, both = part["centre term"], part["both"]
    gain = mean(alone, "knn_features") - mean(alone, "knn_untrained")
    verdict.add(
        "the centre term alone ends with `||s||` below .1",
        max(numbers(alone, "center_norm")) < 0.1,
        f"{words(alone, 'center_norm')}.",
    )
    verdict.add(
        "and a k-NN accuracy that is at most .03 above the untrained encoder's",
        gain <= 0.03,
        f"It changes by {gain:+.3f}.",
        decisive=True,
    )
    if not both:
        return verdict
    verdict.add(
        "its views agree less than with both terms",
        mean(alone, "positive_cosine") < mean(both, "positive_cosine"),
        f"{words(alone, 'positive_cosine')} against {words(both, 'positive_cosine')}.",
    )
    verdict.add(
        "with both, k-NN is above the untrained encoder's",
        mean(both, "knn_features") > mean(both, "knn_untrained"),
        f"{words(both, 'knn_features')} against {words(both, 'knn_untrained')}.",
    )
    verdict.add(
        "the attraction alone collapses completely",
        all_complete(part["attraction"]),
        f"Verdicts: {verdicts(part['attraction'])}.",
    )
    return verdict


def draw(rows, folder):
    columns = {"center_norm": "||s||", "positive_cosine": "cosine of views"}
    plots.points(folder / "objectives.png", rows, "objective", {**columns, "knn_features": "k-NN"})


def check(rows):
    assert all(float(r["center_norm"]) < 0.95 for r in rows)
