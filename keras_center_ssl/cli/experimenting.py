"""`center-ssl experiment ...`: the experiments of a checkout of the repository."""

import subprocess
from typing import Annotated

import typer

from keras_center_ssl.cli.tables import print_table
from keras_center_ssl.cli.terminal import console

experiment_app = typer.Typer(
    help="The paper's hypotheses as experiments, in a checkout of the repository.",
    no_args_is_help=True,
)


@experiment_app.command("list")
def experiment_list():
    """List the experiments, and how each prediction fared.

    Example: center-ssl experiment list
    """
    from keras_center_ssl import experiments

    rows = [
        [experiment.id, experiment.title, experiment.verdict]
        for experiment in experiments.list_experiments()
    ]
    print_table(console, ("id", "title", "verdict"), rows)


@experiment_app.command("show")
def experiment_show(name: Annotated[str, typer.Argument(metavar="ID")]):
    """Print an experiment's question, prediction, setting and result.

    Example: center-ssl experiment show T1
    """
    from keras_center_ssl import experiments

    console.print(experiments.find_experiment(name).account)


@experiment_app.command("run")
def experiment_run(
    name: Annotated[str, typer.Argument(metavar="ID")],
    quick: Annotated[
        bool, typer.Option("--quick", help="A small version, whose results are not kept.")
    ] = False,
):
    """Run what an experiment's results do not hold yet, and judge it.

    Example: center-ssl experiment run T1
    """
    from keras_center_ssl import experiments

    experiment = experiments.find_experiment(name)
    done = subprocess.run(experiment.command(*(["--quick"] if quick else [])))
    if done.returncode:
        raise typer.Exit(1)
