"""Does a training in bfloat16 end where one in float32 does? The same recipe and seeds in both.

    python training/experiments/precision/precision.py [--recipe quickstart] [--seeds 3]

Judged on the last 10,000 training images, which no training saw. Trains what results.csv does not
hold yet, and writes the table of README.md beside this file.
"""

import argparse
import pathlib
import statistics
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from common import table  # noqa: E402
from common.results import Results  # noqa: E402

from keras_center_ssl import cli, runs  # noqa: E402

RECIPES = HERE.parents[1] / "recipes"
PRECISIONS = ("float32", "mixed_bfloat16")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--recipe", action="append", help="name without .yaml; several are fine")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", dest="changes")
    parser.add_argument("--results", type=pathlib.Path, default=HERE / "results.csv")
    arguments = parser.parse_args()
    cli.quiet_start()
    settings = [
        {"recipe": recipe, "seed": seed, "precision": precision}
        for recipe in arguments.recipe or ("quickstart",)
        for seed in range(arguments.seeds)
        for precision in PRECISIONS
    ]
    results = Results(arguments.results, settings)
    for setting in settings:
        if not results.holds(setting):
            results.add(setting, [train(**setting, changes=arguments.changes)])
            print(*results.rows[-1].values(), flush=True)
    text = compared(results.rows)
    print(text)
    readme = arguments.results.with_name("README.md")
    if readme.is_file():
        head = readme.read_text("utf-8").split("<!-- table -->")[0]
        readme.write_text(f"{head}<!-- table -->\n\n{text}\n", "utf-8")


def train(recipe, seed, precision, changes=()):
    """One training; its figures on the images that were held out."""
    wanted = [f"seed={seed}", f"precision={precision}", "data.hold_out=10000", *changes]
    loaded = runs.load_recipe(RECIPES / f"{recipe}.yaml", wanted)
    with tempfile.TemporaryDirectory() as folder:
        run = runs.train(loaded, pathlib.Path(folder) / "run")
        metrics = runs.evaluate(run, protocols=("knn", "linear"))
    collapse = metrics["collapse"]["projection"]
    return {
        "knn": metrics["knn_accuracy"]["trained"],
        "linear": metrics["linear_accuracy"]["trained"],
        "verdict": collapse["verdict"],
        "center_norm": round(collapse["figures"]["center_norm"], 4),
        "effective_rank": round(collapse["figures"]["effective_rank"], 1),
    }


# Figure -> its title, and how its values are written.
COLUMNS = {
    "knn": ("k-NN", ".4f"),
    "linear": ("linear probe", ".4f"),
    "center_norm": ("centre norm", ".3f"),
    "effective_rank": ("effective rank", ".1f"),
}


def compared(rows):
    """Means over seeds, and the differences seed by seed."""
    titles = [title for title, _ in COLUMNS.values()]
    head = ["recipe", "precision", "seeds", "verdicts", *titles]
    lines = []
    for recipe in dict.fromkeys(row["recipe"] for row in rows):
        of = {p: {} for p in PRECISIONS}
        for row in rows:
            if row["recipe"] == recipe:
                of[row["precision"]][row["seed"]] = row
        for precision, seeds in of.items():
            verdicts = ", ".join(sorted({row["verdict"] for row in seeds.values()}))
            values = {k: [float(row[k]) for row in seeds.values()] for k in COLUMNS}
            cells = [mean(values[key], form) for key, (_, form) in COLUMNS.items()]
            lines.append([recipe, precision, str(len(seeds)), verdicts, *cells])
        one, other = of.values()
        both = [seed for seed in one if seed in other]
        changes = {k: [float(other[s][k]) - float(one[s][k]) for s in both] for k in COLUMNS}
        cells = [mean(changes[key], f"+{form}") for key, (_, form) in COLUMNS.items()]
        lines.append([recipe, "difference", str(len(both)), "", *cells])
    return table(head, lines)


def mean(values, form):
    """Mean, and least and most."""
    if not values:
        return ""
    middle, least, most = (
        f"{v:{form}}" for v in (statistics.fmean(values), min(values), max(values))
    )
    return f"{middle} ({least} to {most})"


if __name__ == "__main__":
    main()
