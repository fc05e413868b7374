"""Does a training in bfloat16 end where one in float32 does? The same recipe and seeds in both.

    python training/experiments/precision/precision.py [--recipe quickstart] [--seeds 3]

Judged on the last 10,000 training images, which no training saw. Trains what results.csv does not
hold yet, and writes the table of README.md beside this file.
"""

import argparse
import csv
import pathlib
import statistics
import tempfile

from keras_center_ssl import cli, runs

HERE = pathlib.Path(__file__).parent
RECIPES = HERE.parents[1] / "recipes"
PRECISIONS = ("float32", "mixed_bfloat16")
FIELDS = (
    "recipe",
    "seed",
    "precision",
    "knn",
    "linear",
    "verdict",
    "center_norm",
    "effective_rank",
)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--recipe", action="append", help="name without .yaml; several are fine")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", dest="changes")
    parser.add_argument("--results", type=pathlib.Path, default=HERE / "results.csv")
    arguments = parser.parse_args()
    cli.quiet_start()
    for recipe in arguments.recipe or ("quickstart", "quickstart-simclr"):
        for seed in range(arguments.seeds):
            for precision in PRECISIONS:
                key = (recipe, str(seed), precision)
                if key not in {
                    tuple(row[k] for k in FIELDS[:3]) for row in read(arguments.results)
                }:
                    row = train(recipe, seed, precision, arguments.changes)
                    append(arguments.results, row)
                    print(*row.values(), flush=True)
    text = table(read(arguments.results))
    print(text)
    readme = arguments.results.with_name("README.md")
    if readme.is_file():
        head = readme.read_text("utf-8").split("<!-- table -->")[0]
        readme.write_text(f"{head}<!-- table -->\n\n{text}\n", "utf-8")


def train(name, seed, precision, changes=()):
    """One training; its figures on the images that were held out."""
    wanted = [f"seed={seed}", f"precision={precision}", "data.hold_out=10000", *changes]
    recipe = runs.load_recipe(RECIPES / f"{name}.yaml", wanted)
    with tempfile.TemporaryDirectory() as folder:
        run = runs.train(recipe, pathlib.Path(folder) / "run")
        metrics = runs.evaluate(run, protocols=("knn", "linear"))
    collapse = metrics["collapse"]["projection"]
    return {
        "recipe": name,
        "seed": seed,
        "precision": precision,
        "knn": metrics["knn_accuracy"]["trained"],
        "linear": metrics["linear_accuracy"]["trained"],
        "verdict": collapse["verdict"],
        "center_norm": round(collapse["figures"]["center_norm"], 4),
        "effective_rank": round(collapse["figures"]["effective_rank"], 1),
    }


def read(path):
    if not path.is_file():
        return []
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def append(path, row):
    new = not path.is_file()
    with open(path, "a", newline="") as file:
        writer = csv.DictWriter(file, FIELDS)
        if new:
            writer.writeheader()
        writer.writerow(row)


def table(rows):
    """Means over seeds, and the differences seed by seed."""
    head = ("recipe", "precision", "seeds", *FIELDS[3:5], "verdicts", *FIELDS[6:])
    lines = [head, ("---",) * len(head)]
    for recipe in dict.fromkeys(row["recipe"] for row in rows):
        found = {
            p: [r for r in rows if r["recipe"] == recipe and r["precision"] == p]
            for p in PRECISIONS
        }
        for precision, part in found.items():
            verdicts = ", ".join(sorted({row["verdict"] for row in part}))
            figures = [
                mean([float(row[key]) for row in part]) for key in (*FIELDS[3:5], *FIELDS[6:])
            ]
            lines.append((recipe, precision, len(part), *figures[:2], verdicts, *figures[2:]))
        both = {row["seed"]: row for row in found["float32"]}
        pairs = [(both[row["seed"]], row) for row in found["mixed_bfloat16"] if row["seed"] in both]
        changes = [
            mean([float(other[key]) - float(one[key]) for one, other in pairs], "+")
            for key in FIELDS[3:5]
        ]
        lines.append((recipe, "difference", len(pairs), *changes, "", "", ""))
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


def mean(values, sign=""):
    """Mean, and least and most."""
    if not values:
        return ""
    middle, least, most = (
        f"{v:{sign}.4f}" for v in (statistics.fmean(values), min(values), max(values))
    )
    return f"{middle} ({least} to {most})"


if __name__ == "__main__":
    main()
