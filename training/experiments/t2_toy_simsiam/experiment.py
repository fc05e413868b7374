"""The simplified objective and SimSiam on the same latents and the same linear encoder."""

import keras
import numpy as np
from common import Verdict, chosen, mean, numbers, plots, table, toy, values, words
from common.objectives import Linear

import keras_center_ssl as kcs

OBJECTIVES = {
    "simplified": {},
    "simplified, decorrelated": {"decorrelation_weight": 1.0},
    "SimSiam": {"predictor": True},
}
STEPS = 600


def settings(quick):
    return [
        {"objective": name, "steps": 60 if quick else STEPS, "seed": seed}
        for seed in ((1,) if quick else (1, 2, 3))
        for name in OBJECTIVES
    ]


def measure(setting):
    seed, steps = setting["seed"], setting["steps"]
    keras.utils.set_random_seed(seed)
    latents = toy.Latents(256, np.random.default_rng(seed))
    # The library's methods take images: (B, 1, 1, C).
    layers = [keras.Input((1, 1, latents.dim)), keras.layers.Flatten(), keras.layers.Dense(4)]
    model = Linear(keras.Sequential(layers), **OBJECTIVES[setting["objective"]])
    model.compile(keras.optimizers.SGD(0.05, momentum=0.9))
    rows = np.arange(256)
    probe = [as_images(x) for x in latents.views(np.tile(rows, 8))]
    looks = [look(model, probe, 0)]
    for step in range(1, steps + 1):
        model.train_on_batch(tuple(as_images(x) for x in latents.views(rows)))
        if step % (steps // 20) == 0:
            looks.append(look(model, probe, step))
    return looks


def as_images(x):
    return x[:, None, None, :]


def look(model, probe, step):
    z1, z2 = (keras.ops.convert_to_numpy(model.encoder(x)) for x in probe)
    return {
        "step": step,
        "center_norm": kcs.geometry.center_norm(z1, z2),
        "positive_cosine": kcs.geometry.positive_cosine(z1, z2),
        "participation_ratio": kcs.geometry.participation_ratio(z1),
    }


def ends(rows, objective):
    last = max(numbers(rows, "step"))
    return [r for r in chosen(rows, objective=objective) if float(r["step"]) == last]


def judge(rows):
    simplified, siamese = chosen(rows, objective="simplified"), chosen(rows, objective="SimSiam")
    largest = max(numbers(simplified, "center_norm"))
    pairs = {name: numbers(ends(rows, name), "participation_ratio") for name in OBJECTIVES}
    low, own, high = (pairs[name] for name in ("simplified", "SimSiam", "simplified, decorrelated"))
    verdict = Verdict(
        text=table(
            ("objective", "`||s||` at the end", "participation ratio"),
            [
                [
                    n,
                    words(ends(rows, n), "center_norm"),
                    words(ends(rows, n), "participation_ratio"),
                ]
                for n in OBJECTIVES
            ],
        )
    )
    verdict.add(
        "the simplified objective never reaches `||s||` .99",
        largest < 0.99,
        f"The largest of {len(simplified)} looks: {largest:.3f}.",
        decisive=True,
    )
    verdict.add(
        "nor does SimSiam",
        max(numbers(siamese, "center_norm")) < 0.99,
        f"The largest: {max(numbers(siamese, 'center_norm')):.3f}.",
    )
    verdict.add(
        "its participation ratio is lower than SimSiam's in every seed",
        all(a < b for a, b in zip(low, own, strict=True)),
        f"{', '.join(f'{a:.2f} against {b:.2f}' for a, b in zip(low, own, strict=True))}.",
        decisive=True,
    )
    verdict.add(
        "with decorrelation it is above SimSiam's",
        all(a > b for a, b in zip(high, own, strict=True)),
        f"{', '.join(f'{a:.2f} against {b:.2f}' for a, b in zip(high, own, strict=True))}.",
    )
    return verdict


def draw(rows, folder):
    panels = {"Centre ||s||": "center_norm", "Participation ratio": "participation_ratio"}
    drawn = {}
    for title, column in panels.items():
        drawn[title] = {}
        for name in OBJECTIVES:
            part = chosen(rows, objective=name)
            steps = values(part, "step")
            means = [mean(chosen(part, step=step), column) for step in steps]
            drawn[title][name] = ([int(step) for step in steps], means)
    plots.curves(folder / "training.png", drawn, "step")


def check(rows):
    assert max(numbers(chosen(rows, objective="simplified"), "center_norm")) < 0.99
