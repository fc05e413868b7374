"""Trains, evaluates, exports and publishes the encoders of zoo/, from their recipes. `make zoo`.

A run that is finished is not trained again, so that a stopped one can go on: they are in runs/zoo.
"""

import pathlib
import shutil
import sys

from keras_center_ssl import cli

ROOT = pathlib.Path(__file__).resolve().parent.parent
RECIPES = (
    "quickstart",
    *(f"quickstart-{m}" for m in ("simclr", "byol", "swav", "vicreg", "barlow-twins")),
)
FORMATS = ("keras", "saved_model", "onnx", "onnx_fp16", "onnx_int8", "litert")


def main():
    cli.quiet_start()
    from keras_center_ssl import runs, zoo
    from keras_center_ssl.callbacks import TrainingProgress
    from keras_center_ssl.runs.publishing import export_run

    say = cli.console.print
    for name in sys.argv[1:] or RECIPES:
        recipe = runs.load_recipe(ROOT / "training" / "recipes" / f"{name}.yaml")
        folder = ROOT / "runs" / "zoo" / recipe.name
        say(f"\n{recipe.name}", style="bold")
        progress = TrainingProgress(cli.console)
        try:
            run = runs.train(recipe, folder, callbacks=[progress], resume=True, say=say)
        finally:
            progress.close()
        if "protocols" not in run.metrics:
            runs.evaluate(run, progress=say, split="test")
        cli.print_metrics(run.metrics)
        bundle = folder.with_name(f"{recipe.name}-bundle")
        shutil.rmtree(bundle, ignore_errors=True)
        _, parity = export_run(run, bundle, FORMATS, license="apache-2.0", say=say)
        say(f"Checked against Keras: {', '.join(parity)}")
        zoo.publish(bundle, ROOT / "zoo", overwrite=True)


if __name__ == "__main__":
    cli.main(main)
