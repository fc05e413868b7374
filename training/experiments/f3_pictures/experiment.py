"""What each collapse looks like: two principal components, and the spectrum."""

import keras
import numpy as np
from common import Verdict, chosen, digits, gallery, numbers, table, values, verdicts, words

import keras_center_ssl as kcs
from keras_center_ssl.reports.plots import style

EXPECTED = {
    "CenterSSL": ("healthy",),
    "CenterSSL, centre weight 0": ("complete_collapse",),
    "CenterSSL, no decorrelation": ("dimensional_collapse", "cluster_collapse"),
    "SwAV, no Sinkhorn": ("complete_collapse", "cluster_collapse"),
}
# Added after the first run, which had no cluster collapse: a collection that holds few pictures,
# each many times over with a little noise, as a camera's of scenes that stand still. Looked at are
# these pictures and not the test images.
COPIES = "CenterSSL, 12 images in copies"
FEW = 12
NOISE = 0.02  # standard deviation of a pixel, of 1
EXPECTED[COPIES] = ("cluster_collapse",)
SHOWN = 120


def settings(quick):
    return [
        {"configuration": name, "scale": digits.scale_of(quick), "seed": seed}
        for seed in digits.seeds_of(quick)
        for name in (["CenterSSL"] if quick else EXPECTED)
    ]


def measure(setting):
    name = setting["configuration"]
    configuration = "CenterSSL" if name == COPIES else name
    copies = copied(setting["scale"]) if name == COPIES else None
    training = digits.train(
        gallery.build(configuration),
        setting,
        gallery.learning_rate(configuration),
        train_set=copies,
    )
    if name == COPIES:
        z = keras.ops.convert_to_numpy(digits.projected(training.model, copies.images))
        report = kcs.diagnose(z)
        training.row["verdict"] = report.verdict
        training.row |= {f: report.figures[f] for f in ("center_norm", "participation_ratio")}
    else:
        z = digits.embed(training.model, setting["scale"])[0][0]
    z = z.astype("float64")
    z /= np.linalg.norm(z, axis=1, keepdims=True)
    center = z.mean(axis=0)
    _, singular, directions = np.linalg.svd(z - center, full_matrices=False)
    # The first axis of the picture is the centre's, as far as there is one.
    points = np.stack([z @ center / (np.linalg.norm(center) + 1e-12), (z - center) @ directions[0]])
    labels = (copies or digits.images(setting["scale"])[1]).labels
    shares = singular**2 / max((singular**2).sum(), 1e-30)
    row = {**training.row, **{f"share_{k}": float(s) for k, s in enumerate(shares[:16])}}
    for k in range(SHOWN):
        row |= {f"x_{k}": float(points[0, k]), f"y_{k}": float(points[1, k])}
        row[f"label_{k}"] = int(labels[k])
    return row


def copied(scale):
    """As many training images as ever, of which only `FEW` differ."""
    source = digits.images(scale)[0]
    chosen = np.arange(len(source.images)) % FEW
    noise = NOISE * np.random.default_rng(0).standard_normal(source.images.shape)
    images = np.clip(source.images[chosen] + noise, 0, 1).astype("float32")
    return kcs.data.ArraySource(images, source.labels[chosen])


def judge(rows):
    verdict = Verdict()
    lines = []
    for name, expected in EXPECTED.items():
        part = chosen(rows, configuration=name)
        if not part:
            continue
        good = sum(r["verdict"] in expected for r in part)
        figures = [words(part, c) for c in ("center_norm", "participation_ratio")]
        lines.append([name, *figures, verdicts(part)])
        verdict.add(
            f"{name}: {' or '.join(e.replace('_', ' ') for e in expected)}",
            2 * good > len(part),
            f"Verdicts: {verdicts(part)}.",
            decisive=True,
        )
    verdict.text = table(("configuration", "`||s||`", "participation ratio", "verdicts"), lines)
    return verdict


def draw(rows, folder):
    first = [r for r in rows if r["seed"] == values(rows, "seed")[0]]
    figure, axes = style.new_figure(2, len(first), (2.7 * len(first) + 0.5, 5))
    axes = axes.reshape(2, -1)
    for k, row in enumerate(first):
        for label in range(10):
            mine = [i for i in range(SHOWN) if row[f"label_{i}"] == str(label)]
            x, y = ([float(row[f"{name}_{i}"]) for i in mine] for name in "xy")
            axes[0, k].scatter(x, y, s=10, **style.class_look(label))
        axes[0, k].set(xlim=(-1.05, 1.05), ylim=(-1.05, 1.05), aspect="equal")
        axes[0, k].set_title(row["configuration"].replace(", ", "\n"), fontsize=9)
        axes[0, k].set_xlabel("along the centre", fontsize=8)
        shares = [float(row[f"share_{i}"]) for i in range(16) if f"share_{i}" in row]
        axes[1, k].bar(range(1, len(shares) + 1), shares, color=style.line_color(0))
        axes[1, k].set(ylim=(0, 1))
        axes[1, k].set_xlabel("direction", fontsize=8)
    axes[0, 0].set_ylabel("first principal direction")
    axes[1, 0].set_ylabel("share of the variance")
    style.done(figure, folder / "pictures.png")


def check(rows):
    assert all(abs(x) <= 1 for x in numbers(rows, "x_0"))
