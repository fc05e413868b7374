"""BYOL by the momentum of its teacher, with and without predictor and weight decay."""

from common import Verdict, chosen, digits, mean, numbers, plots, table, verdicts, words

import keras_center_ssl as kcs

MOMENTA = (0.0, 0.5, 0.9, 0.99, 1.0)
LONG = 0.95
NEVER = 10**6


def settings(quick):
    cases = [(m, p, 0.0) for m in MOMENTA for p in ("mlp", "none")]
    cases += [(0.9, p, 0.001) for p in ("mlp", "none")]
    if quick:
        cases = [(0.0, "mlp", 0.0), (1.0, "none", 0.0)]
    return [
        {
            "momentum": momentum,
            "predictor": predictor,
            "weight_decay": decay,
            "scale": digits.scale_of(quick),
            "seed": seed,
        }
        for seed in digits.seeds_of(quick)
        for momentum, predictor, decay in cases
    ]


def measure(setting):
    training = digits.train(
        lambda encoder: kcs.methods.BYOL(
            encoder,
            **digits.HEADS,
            predictor_dim=128,
            momentum=setting["momentum"],
            final_momentum=None,
            predictor=None if setting["predictor"] == "none" else "mlp",
        ),
        setting,
        weight_decay=setting["weight_decay"] or None,
    )
    long = [look["step"] for look in training.history if look["center_norm"] > LONG]
    return {**training.row, "first_long": long[0] if long else NEVER}


def judge(rows):
    def part(momentum, predictor, decay=0.0):
        return chosen(rows, momentum=momentum, predictor=predictor, weight_decay=decay)

    def first(found):
        steps = [int(r["first_long"]) for r in found]
        return ", ".join("never" if s == NEVER else str(s) for s in steps)

    cases = list(dict.fromkeys((r["momentum"], r["predictor"], r["weight_decay"]) for r in rows))
    titles = ("momentum", "predictor", "weight decay", "`||s||`", "step of `||s||` > .95")
    verdict = Verdict(
        text=table(
            (*titles, "k-NN of features", "verdicts"),
            [
                [
                    *case,
                    words(part(*case), "center_norm"),
                    first(part(*case)),
                    words(part(*case), "knn_features"),
                    verdicts(part(*case)),
                ]
                for case in cases
            ],
        )
    )
    if not part(0.9, "none"):
        return verdict
    ahead = [sorted(int(r["first_long"]) for r in part(m, "none")) for m in (0.0, 0.5, 0.9)]
    middle = [steps[len(steps) // 2] for steps in ahead]
    verdict.add(
        "without predictor `||s||` passes .95 at momentum 0, .5 and .9, the later the larger",
        middle[0] <= middle[1] <= middle[2] < NEVER and middle[0] < middle[2],
        "First steps: " + "; ".join(first(part(m, "none")) for m in (0.0, 0.5, 0.9)) + ".",
        decisive=True,
    )
    late = part(0.99, "none") + part(1.0, "none")
    verdict.add(
        "at .99 and 1 it does not",
        all(int(r["first_long"]) == NEVER for r in late),
        f"First steps: {first(late)}.",
    )
    helped = [r for r in rows if r["predictor"] == "mlp"]
    verdict.add(
        "with predictor `||s||` stays below .95 at every momentum",
        all(int(r["first_long"]) == NEVER for r in helped),
        f"The largest at an end: {max(numbers(helped, 'center_norm')):.3f}; first steps above: "
        f"{first(helped)}.",
        decisive=True,
    )
    gaps = [
        abs(mean(part(0.9, p, 0.001), "center_norm") - mean(part(0.9, p), "center_norm"))
        for p in ("mlp", "none")
    ]
    verdict.add(
        "weight decay changes neither (by less than .1)",
        max(gaps) < 0.1,
        f"It changes `||s||` by {gaps[0]:.3f} with and {gaps[1]:.3f} without predictor.",
    )
    return verdict


def draw(rows, folder):
    labelled = [
        {
            **r,
            "variant": f"m {r['momentum']}, {'no ' if r['predictor'] == 'none' else ''}predictor"
            + (", decay" if float(r["weight_decay"]) else ""),
        }
        for r in rows
    ]
    columns = {"center_norm": "||s||", "knn_features": "k-NN of features"}
    plots.points(folder / "variants.png", labelled, "variant", columns)


def check(rows):
    assert len(rows) == 2 and all(0 <= x <= 1 for x in numbers(rows, "center_norm"))
