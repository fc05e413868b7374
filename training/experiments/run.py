"""Runs what the experiments' results do not hold yet, judges them, and writes their READMEs.

    python training/experiments/run.py [ID ...] [--quick] [--judge]

What an experiment is: a folder beside this file with `experiment.yaml`, a README that holds the
prediction, and `experiment.py` with

    settings(quick) -> list of dicts, each with "seed": what is to be measured
    measure(setting) -> a dict, or a list of them: the rows that results.csv gets for it; what a
        row has as "looks", dicts with a step each, goes to centers.csv
    judge(rows) -> common.Verdict
    draw(rows, folder) -> None; writes pictures, of less than 300 KB
    check(rows) -> None; asserts what has to hold in the quick version, too

It can be stopped at any time; a setting whose rows are in results.csv is not measured again.
"""

import argparse
import importlib.util
import pathlib
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(ROOT), str(HERE)]

from common import plots  # noqa: E402
from common.readme import write_finding, write_index  # noqa: E402
from common.results import Results  # noqa: E402

from keras_center_ssl import cli, experiments  # noqa: E402


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("ids", nargs="*", metavar="ID", help="all, unless given")
    parser.add_argument("--quick", action="store_true", help="small versions, kept nowhere")
    parser.add_argument("--judge", action="store_true", help="measure nothing, judge what is there")
    parser.add_argument(
        "--results", type=pathlib.Path, default=ROOT / "build" / "experiments", help="of --quick"
    )
    arguments = parser.parse_args()
    everything = experiments.list_experiments(HERE)
    chosen = [experiments.find_experiment(name, HERE) for name in arguments.ids] or everything
    for experiment in chosen:
        if arguments.quick:
            run_quick(experiment, arguments.results)
        else:
            run(experiment, measure=not arguments.judge)


def run(experiment, measure=True):
    """Measures what is missing, then judges and draws."""
    module = load(experiment)
    settings = module.settings(quick=False)
    results = Results(experiment.folder / "results.csv", settings)
    centers = Results(experiment.folder / "centers.csv", settings)
    if measure:
        fill(experiment, module, settings, results, centers)
    rows = results.whole_seeds()
    if rows:
        draw(module, rows, centers, experiment.folder)
        write_finding(experiment.folder, module.judge(rows), results)
        write_index(HERE / "README.md", experiments.list_experiments(HERE))
    say(f"{experiment.id}: {experiments.find_experiment(experiment.id, HERE).verdict}")


def run_quick(experiment, folder):
    """The small version, anew, in a folder of its own; returns its rows."""
    module = load(experiment)
    folder = folder / experiment.folder.name
    folder.mkdir(parents=True, exist_ok=True)
    settings = module.settings(quick=True)
    for name in ("results.csv", "centers.csv"):
        (folder / name).unlink(missing_ok=True)
    results = Results(folder / "results.csv", settings)
    centers = Results(folder / "centers.csv", settings)
    fill(experiment, module, settings, results, centers)
    rows = results.whole_seeds()
    module.check(rows)
    draw(module, rows, centers, folder)
    verdict = module.judge(rows)
    say(f"{experiment.id}, quick: what has to hold does. On so little it is {verdict.word}.")
    return rows


def draw(module, rows, centers, folder):
    """The experiment's own pictures, and one of the centre step by step where it was looked at."""
    module.draw(rows, folder)
    looks = centers.whole_seeds()
    if looks:
        plots.centers(folder / "centers.png", looks, centers.variants)


def fill(experiment, module, settings, results, centers):
    began = time.monotonic()
    missing = [setting for setting in settings if not results.holds(setting)]
    for number, setting in enumerate(missing, 1):
        started = time.monotonic()
        measured = module.measure(setting)
        rows = measured if isinstance(measured, list) else [measured]
        looks = [look for row in rows for look in row.pop("looks", ())]
        if looks and not centers.holds(setting):
            centers.add(setting, looks)
        results.add(setting, rows)
        passed = time.monotonic() - began
        left = passed / number * (len(missing) - number)
        words = ", ".join(f"{key} {value}" for key, value in setting.items())
        say(
            f"{experiment.id} {number}/{len(missing)}  {words}: "
            f"{time.monotonic() - started:.0f} s, about {left / 60:.0f} min left"
        )


def load(experiment):
    """The module `experiment.py` of its folder."""
    name = f"experiment_{experiment.id.lower()}"
    path = experiment.folder / "experiment.py"
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def say(text):
    cli.console.print(text)
    cli.console.file.flush()


if __name__ == "__main__":
    cli.main(main)
