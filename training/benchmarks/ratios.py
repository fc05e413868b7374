"""Which ratios the tables show, and what the project aims at. Pure functions of the results."""

import dataclasses
import statistics


@dataclasses.dataclass(frozen=True)
class Ratio:
    """Time of `slow` over the time of `fast`, two contestants of a section.

    `form`: `"times"` (2.0x), `"extra"` (by how much slower, 7 %) or `"share"` (7 %). Where memory
    is compared, `net` leaves out what the libraries take before the first model. The goal is for
    the cases whose name starts with `goal_at`.
    """

    label: str
    slow: str
    fast: str
    form: str = "times"
    at_least: float | None = None
    at_most: float | None = None
    net: bool = False
    goal_at: str = ""

    def met(self, value, case=""):
        """Whether the goal is reached; `None` where there is none."""
        if not case.startswith(self.goal_at):
            return None
        if self.at_least is not None:
            return value >= self.at_least
        return None if self.at_most is None else value <= self.at_most

    def text(self, value):
        if self.form == "times":
            return f"{value:.1f}x" if value >= 9.95 else f"{value:.2f}x"
        return f"{100 * (value - (self.form == 'extra')):.1f} %"

    def goal(self):
        where = f" at {self.goal_at}" if self.goal_at else ""
        if self.at_least is not None:
            return f"≥ {self.text(self.at_least)}{where}"
        return "" if self.at_most is None else f"≤ {self.text(self.at_most)}{where}"


@dataclasses.dataclass(frozen=True)
class Section:
    """A table: `columns` are the contestants whose own figures it shows, in `unit`."""

    title: str
    note: str
    columns: tuple
    ratios: tuple
    unit: str = "images/s"


SECTIONS = {
    "views": Section(
        "Views",
        "SimCLR's recipe, blur included, from images in memory: `kcs.data.multi_view` against "
        "torchvision on PIL images in a DataLoader with a worker per core, and against KerasCV's "
        "layers in `tf.data` (bilinear: they have no bicubic).",
        ("ours", "torchvision", "KerasCV"),
        (
            Ratio(
                "views, against torchvision", "torchvision", "ours", at_least=12, goal_at="32 px"
            ),
            Ratio("views, against KerasCV", "KerasCV", "ours", at_least=8, goal_at="32 px"),
        ),
        "views/s",
    ),
    "folder": Section(
        "From a folder of JPEGs",
        "The same views of photographs of 500 x 375 pixels, decoded anew whenever they are wanted: "
        "`kcs.data.multi_view(folder, ..., image_size=256)` against torchvision's ImageFolder way, "
        "with a worker per core.",
        ("ours", "torchvision"),
        (Ratio("folder of JPEGs, against torchvision", "torchvision", "ours", at_least=3),),
        "views/s",
    ),
    "encoder": Section(
        "Encoders",
        "Forward and backward pass at 32 pixels, with our fused batch norm, with Keras' own, and "
        "in PyTorch (eager, channels_last).",
        ("ours", "Keras' BatchNormalization", "PyTorch"),
        (
            Ratio(
                "encoder, against Keras' batch norm",
                "Keras' BatchNormalization",
                "ours",
                at_least=1.5,
            ),
            Ratio("encoder, against PyTorch", "PyTorch", "ours", at_least=1.0),
        ),
    ),
    "step": Section(
        "Training step",
        "`resnet_small(width=16)` at 32 pixels, batch 256, two views that are there already, SGD "
        "with momentum. *Encoder alone*: its forward and backward passes on both views, and the "
        "teacher's forward passes, without heads, loss, optimizer or figures. PyTorch runs eager, "
        "in channels_last (solo-learn's default) and with contiguous tensors (PyTorch's own).",
        ("ours", "encoder alone", "PyTorch", "PyTorch, contiguous"),
        (
            Ratio("step, against PyTorch, channels_last", "PyTorch", "ours", at_least=1.2),
            Ratio("step, against PyTorch, contiguous", "PyTorch, contiguous", "ours", at_least=1.2),
            Ratio("step, on top of the encoder", "ours", "encoder alone", "extra", at_most=1.1),
            Ratio(
                "centre tracking, of the step",
                "centre tracking alone",
                "ours",
                "share",
                at_most=0.02,
            ),
        ),
    ),
    "end to end": Section(
        "End to end",
        "The same step with its views: `fit` on `kcs.data.multi_view`, against a PyTorch loop over "
        "a DataLoader with torchvision's views and a worker per core; and against `fit` on views "
        "made before.",
        ("ours", "fit on views made before", "PyTorch"),
        (
            Ratio("end to end, against PyTorch", "PyTorch", "ours", at_least=2.5),
            Ratio(
                "end to end, against views made before",
                "ours",
                "fit on views made before",
                at_most=1.05,
            ),
        ),
    ),
    "bfloat16": Section(
        "bfloat16",
        "The training step, and SimCLR end to end, in `mixed_bfloat16`, and under `torch.autocast` "
        "on PyTorch's side; each beside the same in float32. Only on a CPU that multiplies "
        "bfloat16 (AMX, AVX512-BF16).",
        ("ours", "ours, float32", "PyTorch", "PyTorch, float32"),
        (
            Ratio("bfloat16, against our float32", "ours, float32", "ours"),
            Ratio("bfloat16, PyTorch's against its float32", "PyTorch, float32", "PyTorch"),
            Ratio("bfloat16, against PyTorch in bfloat16", "PyTorch", "ours"),
        ),
    ),
    "exported": Section(
        "Exported encoders",
        "Time of one batch at 32 pixels: the exported file in ONNX Runtime, Keras' `predict`, and "
        "PyTorch (eager, inference mode).",
        ("ours", "Keras' predict", "PyTorch"),
        (
            Ratio("exported, against Keras' predict", "Keras' predict", "ours"),
            Ratio("exported, against PyTorch", "PyTorch", "ours"),
        ),
        "ms",
    ),
    "compiled": Section(
        "XLA",
        "A step with `jit_compile=False`, which is what `compile()` chooses on a CPU, against "
        "`jit_compile=True`.",
        ("ours", "jit_compile=True"),
        (Ratio("step without XLA, against with it", "jit_compile=True", "ours"),),
    ),
    "memory": Section(
        "Memory",
        "Largest resident memory of a process that trains a few steps, everything included; in "
        "brackets what the libraries take before the first model.",
        ("ours", "PyTorch"),
        (
            Ratio("peak memory, of PyTorch's", "ours", "PyTorch", at_most=1.0),
            Ratio("the same without the libraries", "ours", "PyTorch", at_most=1.0, net=True),
        ),
        "MiB",
    ),
}


def cases(rows, section):
    """`{case: {contestant: row}}` of a section, in the order of the results."""
    found = {}
    for row in rows:
        if row["section"] == section:
            found.setdefault(row["case"], {})[row["contestant"]] = row
    return found


def cost(row):
    """Median seconds, or the peak of memory in MiB."""
    return statistics.median(row["seconds"]) if row["seconds"] else row["facts"]["peak"]


def value(ratio, contestants):
    """The ratio in a case, or `None` where one of the two is missing.

    The median over the turns of the ratio of each turn: what slows the machine for a while slows
    both.
    """
    slow, fast = contestants.get(ratio.slow), contestants.get(ratio.fast)
    if slow is None or fast is None:
        return None
    if not slow["seconds"]:
        own, other = (
            row["facts"]["peak"] - ratio.net * row["facts"]["before"] for row in (slow, fast)
        )
        return own / other
    turns = zip(slow["seconds"], fast["seconds"], strict=True)
    return statistics.median(a / b for a, b in turns)


def spread(row):
    """Half the range between the quartiles of the turns, as a share of their median."""
    if len(row["seconds"]) < 3:
        return None
    low, middle, high = statistics.quantiles(row["seconds"], n=4, method="inclusive")
    return (high - low) / 2 / middle
