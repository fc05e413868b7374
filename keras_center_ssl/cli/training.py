"""`center-ssl train`."""

import pathlib
import shlex
import sys
from typing import Annotated

import typer

from keras_center_ssl.cli.options import AsJson, print_json
from keras_center_ssl.cli.terminal import console, errors, quiet_start, show_own_warnings
from keras_center_ssl.errors import DivergenceError, TrainingStopped


def train(
    recipe: Annotated[
        str,
        typer.Argument(
            help="A recipe, a YAML file; or the name of a method, such as simsiam, with --data: "
            "then a recipe is chosen for the data and the time.",
        ),
    ],
    source: Annotated[
        str | None,
        typer.Option(
            "--data",
            help="With a method's name: a folder, .npy, .npz; fashion_mnist, tfds:NAME, ...",
        ),
    ] = None,
    minutes: Annotated[
        float, typer.Option(help="With a method's name: how long the training may take.")
    ] = 20.0,
    recipe_only: Annotated[
        bool,
        typer.Option(
            "--recipe-only", help="With a method's name: print the chosen recipe, and end."
        ),
    ] = False,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", help="Change the recipe: epochs=1, method.temperature=0.2, ..."),
    ] = None,
    out: Annotated[
        pathlib.Path | None,
        typer.Option(help="The run folder to make. [runs/<name of the recipe>]"),
    ] = None,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume",
            help="Go on with the run in --out from its last checkpoint, as if it had not been "
            "interrupted. Begins one where there is none.",
        ),
    ] = False,
    checkpoint_every: Annotated[
        int | None,
        typer.Option(min=1, help="Steps between checkpoints. [10 minutes, and every epoch's end]"),
    ] = None,
    strategy: Annotated[
        str | None,
        typer.Option(
            autocompletion=lambda: [
                "one_device",
                "mirrored",
                "multi_worker",
                "tpu",
                "data_parallel",
            ],
            help="one_device, mirrored (all GPUs), multi_worker (reads TF_CONFIG) or tpu; on JAX "
            "data_parallel (all devices). The batch size is that of all devices together.",
        ),
    ] = None,
    tracker: Annotated[
        list[str] | None,
        typer.Option(
            autocompletion=lambda: ["mlflow", "tensorboard", "trackio", "wandb"],
            help="Also log to mlflow, wandb, trackio or tensorboard. May be given repeatedly.",
        ),
    ] = None,
    as_json: AsJson = False,
):
    """Train an encoder into a run folder, from a recipe or with one that is chosen for the data.

    Example: center-ssl train simsiam --data photographs --minutes 20
    """
    quiet_start()
    from keras_center_ssl import runs
    from keras_center_ssl.callbacks import TrainingProgress
    from keras_center_ssl.cli.choosing import recipe_for
    from keras_center_ssl.engine import strategies, workers
    from keras_center_ssl.runs.tracking import tracked

    devices = strategy and strategies.open_strategy(strategy)
    # Of several workers, the first one talks.
    console.quiet = console.quiet or not workers.is_chief(devices)
    # Beside the JSON: that is for programs.
    said = errors if as_json and not console.quiet else console
    console.outlives_reader = True
    loaded, text, out = recipe_for(
        recipe, source, minutes, settings or (), out, resume, recipe_only, strategy, said
    )
    done = resume and runs.is_finished(out)
    if not done:
        said.print(f"Training {loaded.name} ({loaded.method.name}) into {out}")
        if devices:
            said.print(f"{strategy}: {strategies.describe(devices)}")
    progress = TrainingProgress(said)
    show_own_warnings()
    try:
        # Of several workers, the first one logs.
        trackers = tracker if tracker and workers.is_chief(devices) and not done else ()
        with tracked(trackers, loaded, out, said.print) as logging:
            run = runs.train(
                loaded,
                out,
                callbacks=[progress, *logging],
                resume=resume,
                checkpoint_every=checkpoint_every,
                say=said.print,
                strategy=devices,
                recipe_text=text,
            )
    except (TrainingStopped, DivergenceError) as stop:
        progress.close()
        _explain(stop, runs.resumes_from(out))
        raise typer.Exit(128 + stop.signal if getattr(stop, "signal", None) else 1) from None
    finally:
        progress.close()
    if run is None or (done and not as_json):
        return
    training = run.metrics["training"]
    if as_json:
        print_json({"run": str(out), "recipe": loaded.to_dict(), "training": training})
        return
    said.print(
        f"{training['steps']} steps in {training['seconds']:.0f} s, "
        f"{training['images_per_second']:.0f} images/s. Next: center-ssl evaluate "
        f"{shlex.quote(str(out))}"
    )


def _explain(stop, checkpoint):
    """Why a training ended early, and how to go on."""
    by_signal = getattr(stop, "signal", None)
    errors.print(
        str(stop) if by_signal else f"Error: {stop}", style="yellow" if by_signal else "red"
    )
    if checkpoint is None:
        return
    words = sys.argv[1:]
    command = shlex.join(["center-ssl", *words, *(() if "--resume" in words else ("--resume",))])
    if isinstance(stop, DivergenceError):
        errors.print(
            f"The last good checkpoint is kept: {checkpoint}. Going on from it with the same "
            "recipe would come to the same step."
        )
    elif by_signal:
        errors.print(f"To go on: {command}")
    else:
        errors.print(f"When that is mended, go on with: {command}")
