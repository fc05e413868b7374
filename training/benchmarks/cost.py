"""How cost grows: with the batch, the dimension of the embeddings, and the number of replicas.

    python training/benchmarks/cost.py [--quick]

Writes cost.csv, cost.md and cost.png into results/.
"""

import argparse
import csv
import os
import pathlib

from workers import LOG, Workers, machine

RESULTS = pathlib.Path(__file__).parent / "results"
LOSSES = ("center", "nt_xent", "barlow_twins", "vicreg")
METHODS = ("SimCLR", "CenterSSL")
FIELDS = ("growth", "what", "size", "seconds")
AXES = {
    "batch": "images in a batch (128 dimensions)",
    "dimension": "dimension of the embeddings (batch 256)",
    "replicas": "replicas (global batch 256)",
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="smaller sizes only")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--seconds", type=float, default=1.0, help="of every measurement")
    parser.add_argument("--results", type=pathlib.Path, default=RESULTS)
    arguments = parser.parse_args()
    arguments.results.mkdir(parents=True, exist_ok=True)
    with open(arguments.results / LOG, "w") as log:
        rows = measure(Workers(arguments.threads, log), arguments.seconds, arguments.quick)
    with open(arguments.results / "cost.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, FIELDS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    text = sentences(rows)
    (arguments.results / "cost.md").write_text(page(text, arguments.threads), encoding="utf-8")
    draw(rows, arguments.results / "cost.png")
    print(text)


def measure(workers, seconds, quick=False):
    """A row per measurement, with the fields `FIELDS`."""
    batches = (64, 256) if quick else (64, 256, 1024, 4096)
    dimensions = (64, 512) if quick else (64, 256, 1024, 2048, 4096, 8192)
    replicas = (1, 2) if quick else (1, 2, 4)
    jobs = []
    for size in batches:
        options = {"batch_size": size}
        jobs += [("batch", f"step, {m}", size, "step", {**options, "method": m}) for m in METHODS]
        jobs += _parts("batch", size, {**options, "dim": 128})
    for size in dimensions:
        jobs += _parts("dimension", size, {"batch_size": 256, "dim": size})
    for size in replicas:
        options = {"batch_size": 256, "replicas": size}
        jobs += [
            ("replicas", f"step, {m}", size, "step", {**options, "method": m}) for m in METHODS
        ]
    rows = []
    for growth, what, size, task, options in jobs:
        # In a fresh process: TensorFlow divides a CPU into logical ones only before its first use.
        worker = workers.start("ours") if growth == "replicas" else workers["ours"]
        worker.ask(do="prepare", key="", task=f"cost.{task}", options=options)
        answer = worker.ask(do="time", key="", seconds=seconds)
        worker.ask(do="drop")
        if growth == "replicas":
            worker.close()
        rows.append({"growth": growth, "what": what, "size": size, "seconds": answer["seconds"]})
        print(f"{growth} {size}: {what} {1000 * answer['seconds']:.2f} ms", flush=True)
    workers.close()
    return rows


def _parts(growth, size, options):
    """The losses' and the tracker's jobs at one size."""
    losses = [(growth, f"loss, {name}", size, "loss", {**options, "name": name}) for name in LOSSES]
    return [*losses, (growth, "centre tracking", size, "tracking", options)]


def sentences(rows):
    """For every growth and everything measured in it: how much more the largest size costs."""
    lines = []
    for growth in AXES:
        lines.append(f"**{growth.capitalize()}.**")
        for what, times in curves(rows, growth).items():
            (first, start), (last, end) = min(times.items()), max(times.items())
            lines.append(
                f"- {what}: {1000 * start:.3g} ms at {first}, {1000 * end:.3g} ms at {last}: "
                f"{end / start:.1f} times the time for {last / first:g} times the {growth}."
            )
        lines.append("")
    steps, shares = curves(rows, "batch"), []
    for size, step in steps.get("step, SimCLR", {}).items():
        loss, tracking = steps["loss, nt_xent"][size], steps["centre tracking"][size]
        shares.append(f"{100 * loss / step:.1f} % and {100 * tracking / step:.1f} % at {size}")
    lines.append(f"NT-Xent and centre tracking take, of SimCLR's step: {'; '.join(shares)}.")
    return "\n".join(lines)


def page(text, threads):
    found = machine()
    head = (
        f"{found['cpu']}, {found['cores']} cores, {threads} threads. Losses: forward and backward "
        "pass. Steps: `resnet_small(width=16)` at 32 pixels, two views. Replicas are logical CPUs "
        "that share the same cores: what is seen is what a further replica adds, not what it "
        "saves. Above 2,048 dimensions the tracker keeps no covariance."
    )
    return f"# How cost grows\n\n{head}\n\n![Cost](cost.png)\n\n{text}\n"


def curves(rows, growth):
    """`{what: {size: seconds}}`."""
    found = {}
    for row in rows:
        if row["growth"] == growth:
            found.setdefault(row["what"], {})[int(row["size"])] = float(row["seconds"])
    return found


def draw(rows, path):
    """cost.png: a panel per growth, logarithmic but for the replicas' milliseconds."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    names = list(dict.fromkeys(row["what"] for row in rows))
    colors = dict(zip(names, plt.rcParams["axes.prop_cycle"].by_key()["color"], strict=False))
    figure, panels = plt.subplots(1, len(AXES), figsize=(13, 4.6))
    for axes, (growth, label) in zip(panels, AXES.items(), strict=True):
        for what, times in curves(rows, growth).items():
            style = {"step": "-o", "loss": "--s"}.get(what.split(",")[0], ":^")
            sizes = sorted(times)
            values = [1000 * times[size] for size in sizes]
            axes.plot(sizes, values, style, ms=4, label=what, color=colors[what])
        sizes = sorted({int(r["size"]) for r in rows if r["growth"] == growth})
        axes.set_xscale("log", base=2)
        axes.set_xticks(sizes, [str(size) for size in sizes])
        axes.set_xlabel(label)
        axes.set_ylabel("milliseconds")
        axes.grid(color="0.9")
        if growth == "replicas":
            axes.set_ylim(0)  # it does not span decades
        else:
            axes.set_yscale("log")
    lines = {line.get_label(): line for axes in panels for line in axes.get_lines()}
    figure.legend(lines.values(), lines, loc="lower center", ncols=len(lines), fontsize=8)
    figure.tight_layout(rect=(0, 0.06, 1, 1))
    figure.savefig(path, dpi=140)
    plt.close(figure)


if __name__ == "__main__":
    main()
