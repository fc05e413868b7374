"""Trains, evaluates, exports and publishes the encoders of zoo/, from their recipes. `make zoo`.

python training/zoo.py [RECIPE ...]    # a run that is finished is not trained again: runs/zoo
python training/zoo.py --renew         # after a change of the formats: the files anew, from each
                                       # published encoder and its record; nothing is trained
"""

import argparse
import pathlib
import shutil

from keras_center_ssl import cli

ROOT = pathlib.Path(__file__).resolve().parent.parent
ZOO = ROOT / "zoo"
RECIPES = (
    "quickstart",
    *(f"quickstart-{m}" for m in ("simclr", "byol", "swav", "vicreg", "barlow-twins")),
)
FORMATS = ("keras", "saved_model", "onnx", "onnx_fp16", "onnx_int8", "litert")


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("recipes", nargs="*", metavar="RECIPE", help="all, unless given")
    parser.add_argument("--renew", action="store_true", help="export the published ones again")
    arguments = parser.parse_args()
    cli.quiet_start()
    if arguments.renew:
        for entry in sorted(path.parent for path in ZOO.glob("*/metrics.json")):
            renew(entry)
        return
    for name in arguments.recipes or RECIPES:
        make(name)


def make(name):
    """Trains a recipe, unless it was trained, and publishes its encoder."""
    from keras_center_ssl import runs, zoo
    from keras_center_ssl.callbacks import TrainingProgress
    from keras_center_ssl.runs.publishing import export_run

    say = cli.console.print
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
    zoo.publish(bundle, ZOO, overwrite=True)


def renew(entry):
    """Exports a published encoder again, with the figures that its record has."""
    from keras_center_ssl import data, export, zoo
    from keras_center_ssl.records import read_object
    from keras_center_ssl.runs.folder import load_model
    from keras_center_ssl.runs.publishing import CALIBRATION_IMAGES

    cli.console.print(f"\n{entry.name}", style="bold")
    record = read_object(entry / "metrics.json")
    loaded = data.load(record["dataset"], "test", limit=CALIBRATION_IMAGES)
    told = ("method", "hyperparameters", "whitening", "encoder", "dataset", "data_fingerprint")
    bundle = export.export_bundle(
        load_model(entry / "encoder.keras"),
        ROOT / "runs" / "zoo" / f"{entry.name}-renewed",
        FORMATS,
        name=record["name"],
        images=loaded.images.astype("float32") / 255,
        opset=record["opset"],
        overwrite=True,
        metrics={
            **record["evaluation"],
            **{key: record[key] for key in ("collapse", "embedding_collapse")},
            "labels": loaded.labels,
            "plots": {title: entry / file for title, file in record["plots"].items()},
        },
        metadata={
            **record["metadata"],
            **{key: record[key] for key in (*told, "seed", "license", "description")},
        },
    )
    # Of the encoder's features, which are as they were.
    shutil.copytree(entry / "gallery", bundle / "gallery", dirs_exist_ok=True)
    for name, result in read_object(bundle / "metrics.json")["parity"].items():
        cosine = result.get("centered_cosine")
        near = f"{result['max_absolute_error']:.1e}" if cosine is None else f"cosine {cosine:.4f}"
        cli.console.print(f"{name}: {near}")
    zoo.publish(bundle, ZOO, overwrite=True)


if __name__ == "__main__":
    cli.main(main)
