"""time_to_accuracy.json, .md and .png from the results of `time_to_accuracy.py`. Pure functions."""

import statistics

from keras_center_ssl import files

NAME = "time_to_accuracy"
OURS = "ours"
LABELS = {
    OURS: "keras-center-ssl",
    "PyTorch": "PyTorch, same features",
    "PyTorch as usual": "PyTorch, global average",
}
COLORS = {OURS: "#1f6feb", "PyTorch": "#b35900", "PyTorch as usual": "#d9a066"}
BASELINES = {"whitened pixels": "--", "raw pixels": ":"}


def write(results, folder):
    """Writes the three files, each whole or not at all; returns the page."""
    files.write_json(folder / f"{NAME}.json", results)
    with files.atomic_path(folder / f"{NAME}.png") as path:
        draw(results, path)
    text = page(results)
    files.write_text(folder / f"{NAME}.md", text)
    return text


def curves(results):
    """`{contestant: {minutes: [accuracy of each seed]}}`, in the order of `LABELS`."""
    found = {}
    for name in LABELS:
        rows = [row for row in results["results"] if row["contestant"] == name]
        for row in sorted(rows, key=lambda row: (row["minutes"], row["seed"])):
            found.setdefault(name, {}).setdefault(row["minutes"], []).append(row["accuracy"])
    return found


def page(results):
    """The whole of time_to_accuracy.md."""
    found = curves(results)
    parts = ["# Time to accuracy", _note(results), f"![Accuracy over minutes]({NAME}.png)"]
    parts += [_table(results, found), "\n".join(sentences(found))]
    if results["skipped"]:
        lines = [f"- {LABELS[name]}: {why}" for name, why in results["skipped"].items()]
        parts += ["## Left out", "\n".join(lines)]
    return "\n\n".join(part for part in parts if part) + "\n"


def sentences(found):
    """For every other contestant: the least time in which ours is as accurate as it ever is."""
    ours = {minutes: statistics.mean(values) for minutes, values in found.get(OURS, {}).items()}
    lines = []
    for name, curve in found.items():
        if name == OURS or not ours:
            continue
        last = max(curve)
        goal = statistics.mean(curve[last])
        enough = [minutes for minutes, accuracy in ours.items() if accuracy >= goal]
        lines.append(
            f"- {LABELS[name]} reaches {_figure(goal)} in {last:g} minutes; ours is there "
            + (f"within {min(enough):g}." if enough else f"not within {max(ours):g}.")
        )
    return lines


def _note(results):
    settings, machine = results["settings"], results["machine"]
    recipe = settings["recipe"]
    versions = ", ".join(f"{name} {v}" for name, v in results["versions"].items() if v)
    precisions = {row["contestant"]: row["precision"] for row in results["results"]}
    precisions = "; ".join(f"{LABELS[name]}: {p}" for name, p in precisions.items())
    return (
        f"k-NN accuracy (k = 20) of the last {settings['held_out']:,} training images of "
        f"`{recipe['data']['source']}`, which no training saw, with the other "
        f"{settings['images'] - settings['held_out']:,} as neighbours. "
        f"{recipe['method']['name']}, network, views and optimizer as in the quickstart recipe; "
        "every figure is a training of its own, whose rate falls to 0 on half a cosine of the time "
        "it has. Of several seeds: the mean, and their range. The clock counts steps with their "
        "views; neither the start (imports, tracing, "
        f"{settings['warm_up']} steps at rate 0) nor the evaluation. {results['date']}, "
        f"{machine['cpu']}, {settings['threads']} threads and cores for every contestant; "
        f"{versions}. Precision: {precisions or 'nothing trained yet'}."
    )


def _table(results, found):
    budgets = sorted({row["minutes"] for row in results["results"]})
    head = ["minutes", *(f"{LABELS[name]} (images/s)" for name in found)]
    lines = [_line(head), "|---" * len(head) + "|"]
    for minutes in budgets:
        cells = [_cell(results, name, minutes, found[name].get(minutes)) for name in found]
        seeds = max(len(curve.get(minutes, ())) for curve in found.values())
        lines.append(_line([f"{minutes:g}, {seeds} seed{'s' * (seeds > 1)}", *cells]))
    for name in BASELINES:
        if name in results["baselines"]:
            accuracy = _figure(results["baselines"][name])
            lines.append(_line([name, accuracy, *[""] * (len(found) - 1)]))
    return "\n".join(lines)


def _cell(results, name, minutes, accuracies):
    if not accuracies:
        return ""
    speed = statistics.mean(
        row["images_per_second"]
        for row in results["results"]
        if (row["contestant"], row["minutes"]) == (name, minutes)
    )
    spread = ""
    if len(accuracies) > 1:
        spread = f", {_figure(min(accuracies))} to {_figure(max(accuracies))}"
    return f"{_figure(statistics.mean(accuracies))}{spread} ({speed:,.0f})"


def _figure(accuracy):
    return f"{accuracy:.3f}".removeprefix("0")


def _line(cells):
    return "| " + " | ".join(cells) + " |"


def draw(results, path):
    """Accuracy over minutes: a line each through the seeds' means, pixels as horizontal lines."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(7.5, 4.6))
    found = curves(results)
    for name, curve in found.items():
        means = [statistics.mean(values) for values in curve.values()]
        axes.plot(list(curve), means, "-o", ms=5, color=COLORS[name], label=LABELS[name])
        for minutes, values in curve.items():
            if len(values) > 1:
                axes.scatter([minutes] * len(values), values, s=12, alpha=0.5, color=COLORS[name])
    for name, style in BASELINES.items():
        if name in results["baselines"]:
            axes.axhline(results["baselines"][name], ls=style, lw=1.2, color="0.4", label=name)
    budgets = sorted({row["minutes"] for row in results["results"]})
    axes.set_xscale("log", base=2)
    axes.set_xticks(budgets, [f"{minutes:g}" for minutes in budgets])
    axes.minorticks_off()
    axes.set_xlabel(f"minutes of training on {results['settings']['threads']} cores")
    axes.set_ylabel("k-NN accuracy on held-out images")
    axes.grid(color="0.9")
    axes.legend(frameon=False)
    figure.tight_layout()
    figure.savefig(path, dpi=140)
    plt.close(figure)
