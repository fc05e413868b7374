"""The library's methods on text and on recordings: the critical weight, and what is learned."""

import keras
import numpy as np
from common import Verdict, chosen, mean, none_complete, plots, table, values, verdicts, words
from common.passages import Passages
from common.recordings import Recordings

import keras_center_ssl as kcs

FACTORS = (0.25, 0.5, 0.71, 1.0, 1.41, 2.0, 4.0)
DATA = {"text": Passages, "recordings": Recordings}
HEADS = {"hidden_dim": 128, "output_dim": 64}
BATCH = 64


def settings(quick):
    steps, seeds = (40, (1,)) if quick else (600, (1, 2, 3))
    factors = (0.25, 4.0) if quick else FACTORS
    return [
        {"data": name, "method": method, "factor": factor, "steps": steps, "seed": seed}
        for seed in seeds
        for name in DATA
        for method, factor in (*(("CenterSSL", f) for f in factors), ("SimCLR", 0.0))
    ]


def measure(setting):
    keras.backend.clear_session()
    keras.utils.set_random_seed(setting["seed"])
    rng = np.random.default_rng(setting["seed"])
    data = DATA[setting["data"]]()
    encoder = data.encoder()
    before = [features(encoder, view) for view in data.views(np.tile(data.train, 2), rng)]
    critical = kcs.critical_center_weight(*before)
    if setting["method"] == "SimCLR":
        model = kcs.methods.SimCLR(encoder, temperature=0.2, **HEADS)
    else:
        model = kcs.methods.CenterSSL(
            encoder,
            center_weight=setting["factor"] * float(critical),
            decorrelation_weight=0.0,
            **HEADS,
        )
    untrained = data.accuracy(lambda x: features(encoder, x))
    model.compile(keras.optimizers.SGD(0.05, momentum=0.9))
    model.fit(Batches(data, rng, setting["steps"]), verbose=0, shuffle=False)
    pair = [features(encoder, view) for view in data.views(data.test, np.random.default_rng(1000))]
    embeddings = [keras.ops.convert_to_numpy(model.projector(z, training=False)) for z in pair]
    return {
        "predicted": float(critical),
        "predicted_low": critical.low,
        "predicted_high": critical.high,
        "center_norm": kcs.geometry.center_norm(*embeddings),
        "participation_ratio": kcs.geometry.participation_ratio(embeddings[0]),
        "verdict": kcs.diagnose(*embeddings).verdict,
        "knn_features": data.accuracy(lambda x: features(encoder, x)),
        "knn_untrained": untrained,
        "knn_inputs": data.accuracy(lambda x: x),
    }


def features(encoder, x):
    return keras.ops.convert_to_numpy(encoder(x, training=False))


class Batches(keras.utils.PyDataset):
    """Two views of samples drawn at random, step after step."""

    def __init__(self, data, rng, steps):
        super().__init__()
        self.data, self.rng, self.steps = data, rng, steps

    def __len__(self):
        return self.steps

    def __getitem__(self, step):
        return (tuple(self.data.views(self.rng.choice(self.data.train, BATCH), self.rng)),)


def threshold(rows):
    """Largest factor with complete collapse in most seeds, and the next; `None` for none."""
    fell = [f for f in FACTORS if _most_collapse(chosen(rows, factor=f))]
    above = [f for f in FACTORS if fell and f > max(fell)]
    return (max(fell), above[0]) if above else None


def _most_collapse(rows):
    return 2 * sum(r["verdict"] == "complete_collapse" for r in rows) > len(rows)


def judge(rows):
    verdict, lines = Verdict(), []
    for name in DATA:
        part = chosen(rows, data=name, method="CenterSSL")
        for factor in values(part, "factor"):
            p = chosen(part, factor=float(factor))
            lines.append([name, "CenterSSL", factor, *cells(p)])
        lines.append([name, "SimCLR", "", *cells(chosen(rows, data=name, method="SimCLR"))])
        found = threshold(part)
        between = f"between {found[0]:g} and {found[1]:g} of it" if found else "nowhere"
        estimate = (
            f"{mean(part, 'predicted'):.3f} (interval {mean(part, 'predicted_low'):.3f} to "
            f"{mean(part, 'predicted_high'):.3f}, means over seeds)"
        )
        verdict.add(
            f"on {name} the threshold is within a factor of 2 of the estimate",
            found is not None and found[1] > 0.5 and found[0] < 2,
            f"The estimate: {estimate}; measured {between}.",
            decisive=True,
        )
        quarter, four = (chosen(part, factor=f) for f in (0.25, 4.0))
        verdict.add(
            f"a quarter of it collapses on {name} in most seeds, four times it in none",
            _most_collapse(quarter) and none_complete(four),
            f"Verdicts: {verdicts(quarter)}; {verdicts(four)}.",
        )
    learned = chosen(rows, data="text", method="SimCLR")
    verdict.add(
        "on text SimCLR's k-NN is above the untrained encoder's in every seed",
        all(float(r["knn_features"]) > float(r["knn_untrained"]) for r in learned),
        f"{words(learned, 'knn_features')} against {words(learned, 'knn_untrained')}; the hashed "
        f"counts themselves {words(learned, 'knn_inputs')}.",
    )
    titles = ("data", "method", "lambda / estimate", "`||s||`", "participation ratio", "k-NN")
    verdict.text = table((*titles, "verdicts"), lines)
    return verdict


def cells(rows):
    figures = [words(rows, name) for name in ("center_norm", "participation_ratio")]
    accuracy = "" if rows[0]["data"] == "recordings" else words(rows, "knn_features")
    return [*figures, accuracy, verdicts(rows)]


def draw(rows, folder):
    lines = {}
    for name in DATA:
        part = chosen(rows, data=name, method="CenterSSL")
        factors = [float(f) for f in values(part, "factor")]
        lines[name] = (factors, [mean(chosen(part, factor=f), "center_norm") for f in factors])
    ticks = {0.25: "1/4", 0.5: "1/2", 1: "1", 2: "2", 4: "4"}
    plots.around_the_estimate(folder / "thresholds.png", lines, ticks)


def check(rows):
    assert all(0 <= float(r["predicted_low"]) <= float(r["predicted_high"]) <= 1 for r in rows)
    assert all(0 <= float(r["center_norm"]) <= 1.001 for r in rows)
