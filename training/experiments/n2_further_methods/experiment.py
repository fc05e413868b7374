"""Methods outside the paper: what their centre does, and whether a long one does harm."""

import keras
import numpy as np
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

import keras_center_ssl as kcs

# As the gallery has them, and DCL, which it does not have.
NAMES = (
    "VICReg",
    "VISReg",
    "VISReg, centre weight 0",
    "TiCo",
    "TiCo, centred moment",
    "MoCo",
    "DCL",
    "LeJEPA",
    "SimDINO",
)


def settings(quick):
    return [
        {"configuration": name, "scale": digits.scale_of(quick), "seed": seed}
        for seed in digits.seeds_of(quick)
        for name in (("VICReg",) if quick else NAMES)
    ]


def measure(setting):
    name = setting["configuration"]
    if name == "DCL":
        training = digits.train(
            lambda encoder: kcs.methods.DCL(encoder, **digits.HEADS, temperature=0.2),
            setting,
            learning_rate=0.1,
        )
    else:
        training = digits.train(gallery.build(name), setting, gallery.learning_rate(name))
    nothing = dict.fromkeys(("moved_norm", "loss_change", "knn_change"), float("nan"))
    return {**training.row, **nothing, **(shifted(training, setting) if name == "VICReg" else {})}


def shifted(training, setting):
    """What a constant added to the embeddings does to VICReg's centre, its loss and k-NN."""
    model, scale = training.model, setting["scale"]
    z = digits.embed(model, scale)[0]
    direction = np.random.default_rng(setting["seed"]).standard_normal(z[0].shape[1])
    length = 10 * np.linalg.norm(z[0] - z[0].mean(axis=0), axis=1).mean()
    constant = (length * direction / np.linalg.norm(direction)).astype("float32")
    middle = np.concatenate(z).mean(axis=0)

    def loss(offset):
        return float(keras.ops.convert_to_numpy(kcs.losses.vicreg(*(x + offset for x in z))))

    accuracies = [
        digits.accuracy(
            lambda x, c=c: keras.ops.convert_to_numpy(digits.projected(model, x)) + c - middle - c,
            scale,
        )
        for c in (0.0, constant)
    ]
    return {
        "moved_norm": kcs.geometry.center_norm(*(x + constant for x in z)),
        "loss_change": loss(constant) / loss(0.0) - 1,
        "knn_change": accuracies[1] - accuracies[0],
    }


def judge(rows):
    part = {name: chosen(rows, configuration=name) for name in NAMES}
    titles = ("method", "`||s||`", "participation ratio", "k-NN of features", "verdicts")
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
    moved = part["VICReg"]
    change = max(map(abs, numbers(moved, "loss_change")))
    verdict.add(
        "a constant raises VICReg's `||s||` above .9 at a loss that is the same to 1 in 1,000",
        min(numbers(moved, "moved_norm")) > 0.9 and change < 1e-3,
        f"`||s||` from {words(moved, 'center_norm')} to {words(moved, 'moved_norm')}; the loss "
        f"changes by {change:.1e} at most, k-NN of centred embeddings by "
        f"{max(map(abs, numbers(moved, 'knn_change'))):.3f}.",
        decisive=True,
    )
    if not part["TiCo"]:
        return verdict
    free, held = part["VISReg, centre weight 0"], part["VISReg"]
    verdict.add(
        "VISReg with centre weight 0 is healthy, at a longer centre than with 1",
        all(r["verdict"] == "healthy" for r in free)
        and mean(free, "center_norm") > mean(held, "center_norm"),
        f"Verdicts: {verdicts(free)}; `||s||` {words(free, 'center_norm')} against "
        f"{words(held, 'center_norm')}.",
        decisive=True,
    )
    verdict.add(
        "TiCo collapses completely with a centred second moment, and does not with its own",
        all_complete(part["TiCo, centred moment"]) and none_complete(part["TiCo"]),
        f"Verdicts: {verdicts(part['TiCo, centred moment'])} and {verdicts(part['TiCo'])}.",
        decisive=True,
    )
    others = [name for name in ("MoCo", "DCL", "LeJEPA", "SimDINO")]
    verdict.add(
        "MoCo, DCL, LeJEPA and SimDINO are healthy with `||s||` below .7",
        all(
            r["verdict"] == "healthy" and float(r["center_norm"]) < 0.7
            for name in others
            for r in part[name]
        ),
        "; ".join(f"{n} {verdicts(part[n])}, {mean(part[n], 'center_norm'):.2f}" for n in others)
        + ".",
    )
    return verdict


def draw(rows, folder):
    columns = {"center_norm": "||s||", "participation_ratio": "participation ratio"}
    plots.points(folder / "methods.png", rows, "configuration", {**columns, "knn_features": "k-NN"})


def check(rows):
    assert min(numbers(rows, "moved_norm")) > 0.9
    assert max(map(abs, numbers(rows, "loss_change"))) < 1e-3
