"""The project's main job from end to end: train, evaluate, export, publish, load. `make demo`.

Every step is one that a user can take alone, with the command it prints.
"""

import pathlib
import time

import numpy as np

from keras_center_ssl import cli
from keras_center_ssl.errors import InputError

ROOT = pathlib.Path(__file__).resolve().parent.parent
RECIPE = ROOT / "training" / "recipes" / "quickstart.yaml"
# Without Fashion-MNIST: 1,797 images of 8 x 8 pixels, which show that everything runs.
DIGITS = (
    "name=quickstart-digits",
    "data.source=digits",
    "batch_size=64",
    "epochs=10",
    "encoder.grid=2",
)


def main():
    cli.quiet_start()
    from keras_center_ssl import runs, zoo
    from keras_center_ssl.callbacks import TrainingProgress
    from keras_center_ssl.runs.publishing import export_run
    from keras_center_ssl.runs.recipe import load_recipe

    began = time.monotonic()
    recipe = load_recipe(RECIPE, () if fashion_mnist_is_here() else DIGITS)
    folder = new_folder(ROOT / "runs" / "demo")
    run_folder, bundle_folder, zoo_folder = (folder / n for n in ("run", recipe.name, "zoo"))

    step(f"center-ssl train {shown(RECIPE)} --out {shown(run_folder)}")
    progress = TrainingProgress(cli.console)
    try:
        run = runs.train(recipe, run_folder, callbacks=[progress])
    finally:
        progress.close()

    step(f"center-ssl evaluate {shown(run_folder)}")
    metrics = runs.evaluate(run, progress=say)

    step(f"center-ssl export {shown(run_folder)} --out {shown(bundle_folder)}")
    bundle, parity = export_run(run, bundle_folder)
    say(f"Bundle checked against Keras: {', '.join(parity)}")

    step(f"center-ssl zoo publish {shown(bundle)} --zoo {shown(zoo_folder)}")
    # With the digits it may be unhealthy.
    zoo.publish(bundle, zoo_folder, accept_unhealthy="The demo publishes whatever it has trained.")

    step(f'kcs.zoo.load("{recipe.name}", source="{shown(zoo_folder)}")')
    encoder = zoo.load(recipe.name, source=str(zoo_folder))
    images = np.random.default_rng(0).random((4, *encoder.input_shape[1:]), "float32")
    trained = runs.load_model(run.encoder)
    difference = np.abs(encoder.predict(images, verbose=0) - trained.predict(images, verbose=0))
    say(f"Loaded by name; largest difference to the trained encoder: {difference.max():.1e}")

    say("")
    cli.print_metrics(metrics)
    say(f"ONNX maximum error: {parity['onnx']['max_absolute_error']:.1e}")
    say(
        f"\nDone in {time.monotonic() - began:.0f} s. Where to look:\n"
        f"  {shown(run_folder / 'report.html')}  what happened, with pictures\n"
        f"  {shown(bundle / 'README.md')}  the model card\n"
        f"  {shown(bundle / 'encoder.onnx')}  the encoder for ONNX Runtime\n"
        f"  {shown(zoo_folder)}  the zoo: center-ssl zoo list --source {shown(zoo_folder)}"
    )


def fashion_mnist_is_here():
    """Whether Fashion-MNIST can be had: from Debian's package, Keras' cache or Keras' download."""
    from keras_center_ssl import data

    try:
        data.load("fashion_mnist", limit=1)
        return True
    except InputError as error:
        say(
            f"{error}\nGoing on with scikit-learn's digits, which show the way but not the quality."
        )
        return False


def new_folder(path):
    """`path`, or the first of `path-2`, `path-3`, ... that is free: no run is overwritten."""
    number, free = 1, path
    while free.exists():
        number += 1
        free = path.with_name(f"{path.name}-{number}")
    return free


def shown(path):
    return str(
        path.relative_to(pathlib.Path.cwd()) if path.is_relative_to(pathlib.Path.cwd()) else path
    )


def step(command):
    cli.console.print(f"\n{command}", style="bold")


def say(text):
    cli.console.print(text)


if __name__ == "__main__":
    cli.main(main)
