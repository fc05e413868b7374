"""The critical weight of data that are no images: a table, and time series."""

import numpy as np
from common import Verdict, chosen, mean, plots, table, toy, values

import keras_center_ssl as kcs

FACTORS = (0.2, 0.35, 0.5, 0.7, 0.85, 1.0, 1.2, 1.5, 2.0, 3.0, 5.0)
COLLAPSED = 0.99
DATA = ("table", "series")


class Table:
    """scikit-learn's breast cancer data: a view has noise, and a fifth of the columns left out."""

    def __init__(self, rng):
        from sklearn.datasets import load_breast_cancer

        rows = load_breast_cancer().data
        self.rows = ((rows - rows.mean(axis=0)) / rows.std(axis=0)).astype("float32")
        self.rng, self.dim = rng, self.rows.shape[1] + 1

    def __len__(self):
        return len(self.rows)

    def views(self, rows):
        x = self.rows[rows][None].repeat(2, axis=0)
        x += 0.5 * self.rng.standard_normal(x.shape, "float32")
        x *= self.rng.random(x.shape, "float32") > 0.2
        return with_bias(x)


class Series:
    """Sums of three sines of random size and phase; a view is a crop, with noise."""

    LENGTH, ROOM = 32, 8

    def __init__(self, rng, samples=400):
        time = np.arange(self.LENGTH + self.ROOM, dtype="float32")
        periods = np.array([64.0, 24.0, 9.0], "float32")
        size = rng.standard_normal((samples, 3, 1), "float32")
        phase = 2 * np.pi * rng.random((samples, 3, 1), "float32")
        self.rows = (size * np.sin(2 * np.pi * time / periods[:, None] + phase)).sum(axis=1)
        self.rng, self.dim = rng, self.LENGTH + 1

    def __len__(self):
        return len(self.rows)

    def views(self, rows):
        start = self.rng.integers(0, self.ROOM + 1, (2, len(rows), 1))
        cropped = [
            np.take_along_axis(self.rows[rows], s + np.arange(self.LENGTH), axis=1) for s in start
        ]
        x = np.stack(cropped)
        return with_bias(x + 0.5 * self.rng.standard_normal(x.shape, "float32"))


def with_bias(x):
    # The bias is as large as the inputs, so that it learns as fast.
    return np.concatenate([x, np.full((*x.shape[:2], 1), np.sqrt(x.shape[2]), "float32")], axis=2)


def source(name, seed):
    rng = np.random.default_rng(seed)
    return Table(rng) if name == "table" else Series(rng)


def settings(quick):
    return [
        {"data": name, "steps": 300 if quick else 4000, "seed": seed}
        for seed in ((1,) if quick else (1, 2, 3))
        for name in DATA
    ]


def measure(setting):
    data = source(setting["data"], setting["seed"])
    everything = np.arange(len(data))
    x1, x2 = data.views(np.tile(everything, 2))
    critical = kcs.critical_center_weight(x1[:, :-1], x2[:, :-1])
    weights = [float(critical) * factor for factor in FACTORS]
    encoders = toy.train(data, weights, 64, setting["seed"], steps=setting["steps"], rate=0.1)
    return [
        {
            "factor": factor,
            "predicted": float(critical),
            "predicted_low": critical.low,
            "predicted_high": critical.high,
            "center_norm": kcs.geometry.center_norm(x1 @ encoder, x2 @ encoder),
            "between_variance": kcs.geometry.between_variance(x1 @ encoder, x2 @ encoder),
        }
        for factor, encoder in zip(FACTORS, encoders, strict=True)
    ]


def boundary(rows):
    """Largest factor that collapsed and the next, `None` where none or all did."""
    fell = [float(r["factor"]) for r in rows if float(r["center_norm"]) > COLLAPSED]
    above = [f for f in FACTORS if not fell or f > max(fell)]
    return (max(fell), above[0]) if fell and above else None


def judge(rows):
    verdict, lines = Verdict(), []
    for name in DATA:
        found = []
        for seed in values(rows, "seed"):
            part = chosen(rows, data=name, seed=seed)
            edge = boundary(part)
            found.append(edge)
            said = "none" if edge is None else f"{edge[0]:g} to {edge[1]:g}"
            interval = f"{mean(part, 'predicted_low'):.3f} to {mean(part, 'predicted_high'):.3f}"
            lines.append([name, seed, mean(part, "predicted"), interval, said])
        verdict.add(
            f"on the {name} the threshold is within a factor of 2 of the estimate",
            all(edge and edge[1] > 0.5 and edge[0] < 2 for edge in found),
            "Measured, in units of the estimate: "
            + "; ".join("none" if e is None else f"{e[0]:g} to {e[1]:g}" for e in found)
            + ".",
            decisive=True,
        )
    titles = ("data", "seed", "predicted", "its interval", "measured / predicted")
    verdict.text = table(titles, lines)
    return verdict


def draw(rows, folder):
    lines = {
        name: (FACTORS, [mean(chosen(rows, data=name, factor=f), "center_norm") for f in FACTORS])
        for name in DATA
    }
    ticks = {factor: f"{factor:g}" for factor in (0.2, 0.5, 1, 2, 5)}
    plots.around_the_estimate(folder / "thresholds.png", lines, ticks)


def check(rows):
    for name in DATA:
        part = {float(r["factor"]): float(r["center_norm"]) for r in chosen(rows, data=name)}
        assert part[0.2] > part[5.0] + 0.02, part
