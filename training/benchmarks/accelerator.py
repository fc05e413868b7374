"""Training steps on a GPU: this library through JAX beside PyTorch, and the card's peak.

    python training/benchmarks/accelerator.py [--minutes 9] [--smoke] [--results FILE]

SimCLR and DINO, ResNet-50 and ViT-S at 224 pixels, in bfloat16, over batch sizes. Each contestant
has the GPU for itself, in a process of its own; the two of a case follow each other. Cases are
started until the minutes are over, the most telling first. Where there is no GPU the same programs
run on tiny networks, which shows that they run and nothing else. Needs JAX here, and PyTorch here
or in .venv-torch.
"""

import argparse
import dataclasses
import importlib.util
import json
import os
import pathlib
import statistics
import sys
import time

import venvs
from workers import Failed, Worker

ROOT = pathlib.Path(__file__).resolve().parents[2]
# On ImageNet's scale, as the papers have them; DINO with 4,096 of its 65,536 prototypes.
METHODS = {
    "SimCLR": dict(temperature=0.1, hidden_dim=2048, output_dim=128),
    "DINO": dict(
        momentum=0.996,
        teacher_temperature_epochs=30,
        hidden_dim=2048,
        bottleneck_dim=256,
        output_dim=4096,
        batch_norm=False,
    ),
}
TURNS = 3


@dataclasses.dataclass(frozen=True)
class Case:
    """`image_size`: the views are made in the step, from images of that side; ours only."""

    method: str
    network: str
    batch_size: int
    image_size: int | None = None
    size: int = 224
    options: tuple = ()

    @property
    def name(self):
        made = ", views made in the step" if self.image_size else ""
        return f"{self.method}, {self.network}, {self.size} px, batch {self.batch_size}{made}"

    def forward_passes(self):
        """Of one view: a backward pass costs two; a teacher's is one more."""
        return 3 + (self.method == "DINO")

    def job(self, side):
        options = dict(self.options)
        if side == "peer" and "vit" in self.network:
            options["image_size"] = self.size
        job = {
            "method": self.method,
            "arguments": METHODS[self.method],
            "network": (self.network, options),
            "batch_size": self.batch_size,
            "size": self.size,
        }
        return {**job, "image_size": self.image_size} if self.image_size else job


def large():
    """The cases of a GPU, the most telling first."""
    cases = []
    for batch_size in (256, 512, 128):
        for method, network in (
            ("SimCLR", "resnet50"),
            ("DINO", "vit_small"),
            ("SimCLR", "vit_small"),
            ("DINO", "resnet50"),
        ):
            cases.append(Case(method, network, batch_size))
        if batch_size == 256:
            cases.append(Case("SimCLR", "resnet50", 256, image_size=256))
    return cases


def tiny():
    """The same programs for any machine."""
    vit = (("depth", 1), ("patch_size", 8))
    return [
        Case("SimCLR", "resnet_small", 8, size=32),
        Case("DINO", "vit_tiny", 8, size=32, options=vit),
        Case("SimCLR", "resnet_small", 8, image_size=40, size=32),
    ]


class Sides:
    """Runs one task in a fresh process of one side, alone on the device."""

    def __init__(self, log):
        self.log = log
        here = importlib.util.find_spec("torch") is not None
        self.pythons = {"ours": sys.executable, "peer": sys.executable if here else venvs.torch()}

    def run(self, side, task, seconds, options, **environment):
        """Seconds of each turn, and the answer of the preparation."""
        # JAX takes most of the memory at once: a process that is alone may.
        environment |= {"KERAS_BACKEND": "jax", "XLA_PYTHON_CLIENT_MEM_FRACTION": ".92"}
        threads = os.cpu_count()
        worker = Worker(self.pythons[side], side, threads, self.log, environment.items())
        try:
            answer = worker.ask(do="prepare", key=0, task=task, options=options)
            turns = [worker.ask(do="time", key=0, seconds=seconds) for _ in range(TURNS)]
            versions = worker.ask(do="versions")
        finally:
            worker.close()
        return [turn["seconds"] for turn in turns], answer, versions


def measure(cases, minutes, sides, smoke, save):
    """The results, as far as the time goes; `save` is called with them behind every contestant."""
    end = time.monotonic() + 60 * minutes
    seconds = 0.1 if smoke else 2.0
    size = 256 if smoke else 8192
    turns, answer, _ = sides.run("ours", "accelerator.matrix_peak", seconds, {"size": size})
    results = {
        "device": answer["facts"]["device"],
        "peak_flops": answer["images"] * answer["facts"]["flops"] / statistics.median(turns),
        "cases": [],
        "left_out": [],
        "versions": {},
    }
    forward = {}
    for case in cases:
        if time.monotonic() > end:
            results["left_out"].append(case.name)
            continue
        network = case.network, case.size
        if network not in forward:
            options = {"network": (case.network, dict(case.options)), "size": case.size}
            cpu = {"JAX_PLATFORMS": "cpu"}  # on a GPU XLA does not count before it compiles
            _, answer, _ = sides.run("ours", "accelerator.forward_flops", 0, options, **cpu)
            forward[network] = answer["facts"]["flops"]
        row = {"case": case.name, "flops_per_image": 2 * forward[network] * case.forward_passes()}
        results["cases"].append(row)
        for side in ("ours",) if case.image_size else ("ours", "peer"):
            row[side] = _contestant(sides, side, case, seconds, results["versions"])
            print(f"{case.name}, {side}: {row[side]}", flush=True)
            save(results)
    return results


def _contestant(sides, side, case, seconds, versions):
    started = time.monotonic()
    try:
        turns, answer, found = sides.run(side, "accelerator.step", seconds, case.job(side))
    except Failed as error:
        return {"failed": str(error)}
    versions |= found
    rates = [round(answer["images"] / turn, 1) for turn in turns]
    waited = round(time.monotonic() - started)
    return {"images_per_second": rates, "seconds_with_compilation": waited, **answer["facts"]}


def table(results):
    """The results in Markdown."""
    peak = results["peak_flops"]
    lines = [
        f"One {results['device']}; a product of matrices in bfloat16 reaches "
        f"{peak / 1e12:.0f} TFLOP/s.",
        "",
        "| step | ours, images/s | PyTorch, images/s | ours / PyTorch | ours, share of the peak | "
        "PyTorch's | GiB, ours | PyTorch's |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in results["cases"]:
        rates = {side: _rate(row, side) for side in ("ours", "peer")}
        both = None not in rates.values()
        share = {
            side: f"{100 * rate * row['flops_per_image'] / peak:.0f} %" if rate else ""
            for side, rate in rates.items()
        }
        cells = [
            row["case"],
            *(f"{rate:,.0f}" if rate else _why(row, side) for side, rate in rates.items()),
            f"{rates['ours'] / rates['peer']:.2f}" if both else "",
            *share.values(),
            *(f"{row[side]['GiB']:.0f}" if rate else "" for side, rate in rates.items()),
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _rate(row, side):
    rates = row.get(side, {}).get("images_per_second")
    return statistics.median(rates) if rates else None


def _why(row, side):
    return row[side]["failed"] if side in row else ""


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=30, help="no case starts after them")
    parser.add_argument("--smoke", action="store_true", help="tiny networks, anywhere")
    parser.add_argument("--results", type=pathlib.Path, help="where the figures go, as JSON")
    arguments = parser.parse_args()
    kind = venvs.accelerator()
    if kind is None:
        sys.exit("JAX is missing: pip install 'keras-center-ssl[jax]'")
    smoke = arguments.smoke or kind == "cpu"
    if smoke and not arguments.smoke:
        print("JAX finds no accelerator: tiny networks, to see that everything runs.", flush=True)
    folder = ROOT / ("build/benchmarks" if smoke else "training/benchmarks/results")
    path = arguments.results or folder / "accelerator.json"
    path.parent.mkdir(parents=True, exist_ok=True)

    def save(results):
        path.write_text(json.dumps(results, indent=1) + "\n")

    with open(path.with_suffix(".log"), "w") as log:
        results = measure(tiny() if smoke else large(), arguments.minutes, Sides(log), smoke, save)
    save(results)
    print("\n" + table(results))


if __name__ == "__main__":
    main()
