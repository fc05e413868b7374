"""How accurate an encoder is after 1, 2, 4 and 8 minutes of training, here and in PyTorch.

    python training/benchmarks/time_to_accuracy.py [--minutes 1,2,4,8] [--seeds 1]

Three contestants on Fashion-MNIST with the quickstart recipe's network, views, method and
optimizer: this library; PyTorch with the same features and the same whitening, so that only speed
differs; and PyTorch as its users run it, with the global average and without whitening. Each
budget is a training of its own in a process of its own. Settings are judged on training images
that were held out, never on the test images.

Writes time_to_accuracy.json, .md and .png into results/ after each training. What is there already
is kept, and not trained again.
"""

import argparse
import datetime
import json
import math
import os
import pathlib
import platform
import tempfile

import accuracy_tables
import numpy as np
from translation import peer_options
from workers import LOG, Failed, Workers, machine

import keras_center_ssl as kcs
from keras_center_ssl.encoders.whitening import whitening_matrix
from keras_center_ssl.engine.cpu import has_fast_bfloat16
from keras_center_ssl.runs.recipe import load_recipe

HERE = pathlib.Path(__file__).parent
RESULTS = HERE / "results"
RECIPE = HERE.parent / "recipes" / "quickstart.yaml"
WARM_UP = 10  # steps at a rate of 0 before the clock starts: tracing, and the queues of views
SIDES = {"ours": "ours", "PyTorch": "peer", "PyTorch as usual": "peer"}
# Of the recipe, what makes no difference here.
ELSEWHERE = ("name", "description", "epochs", "seed")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=_budgets, default=_budgets("1,2,4,8"))
    parser.add_argument("--seeds", type=int, default=1, help="trainings of every budget")
    parser.add_argument("--threads", type=int, default=2, help="and cores, of every contestant")
    parser.add_argument("--images", type=int, help="so many training images only, for a trial")
    parser.add_argument("--hold-out", type=int, default=10000, help="the last so many of them")
    parser.add_argument("--recipe", type=pathlib.Path, default=RECIPE)
    parser.add_argument("--results", type=pathlib.Path, default=RESULTS)
    arguments = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):  # for the workers, too, and theirs
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: arguments.threads])

    recipe = load_recipe(arguments.recipe, ["precision=auto"])
    images, labels = loaded(recipe.data.source, arguments.images)
    most = len(images) - recipe.batch_size
    if not 0 < arguments.hold_out <= most:
        parser.error(
            f"--hold-out keeps 1 to {most} of the {len(images)} images out of the training"
        )
    settings = {
        "recipe": {k: v for k, v in recipe.to_dict().items() if k not in ELSEWHERE},
        "images": len(images),
        "held_out": arguments.hold_out,
        "threads": arguments.threads,
        "warm_up": WARM_UP,
    }
    arguments.results.mkdir(parents=True, exist_ok=True)
    results = kept(arguments.results / f"{accuracy_tables.NAME}.json", settings, machine())
    jobs = {name: options(name, recipe, images.shape[1:], arguments.threads) for name in SIDES}
    todo = missing(results, arguments.minutes, arguments.seeds)
    judge = Judge(recipe, images, labels, arguments.hold_out)
    if not results["baselines"]:
        print("Baselines: raw and whitened pixels", flush=True)
        results["baselines"] = judge.baselines()
    with (
        tempfile.TemporaryDirectory() as folder,
        open(arguments.results / LOG, "w") as log,
    ):
        np.save(f"{folder}/images.npy", images)
        common = {
            "images": f"{folder}/images.npy",
            "features": f"{folder}/features.npy",
            "held_out": arguments.hold_out,
            "warm_up": WARM_UP,
        }
        workers = Workers(arguments.threads, log)
        for number, (name, minutes, seed) in enumerate(todo, 1):
            title = f"{accuracy_tables.LABELS[name]}, {minutes:g} minutes, seed {seed}"
            print(f"[{number}/{len(todo)}] {title}", flush=True)
            job = {**common, **jobs[name], "seconds": 60 * minutes, "seed": seed}
            place = {"contestant": name, "minutes": minutes, "seed": seed}
            try:
                facts = trained(workers, SIDES[name], job, results["versions"])
            except Failed as error:
                print(f"    left out: {error}", flush=True)
                results["skipped"][name] = str(error)
                continue
            accuracy, dimensions = judge(np.load(common["features"]), whiten=whitens(name))
            print(f"    k-NN {accuracy:.4f}, {facts['images_per_second']:,.0f} images/s")
            row = {**place, "accuracy": accuracy, "dimensions": dimensions, **facts}
            results["results"].append(row)
            results["skipped"].pop(name, None)
            accuracy_tables.write(results, arguments.results)
    print(accuracy_tables.write(results, arguments.results))


def _budgets(text):
    try:
        found = [float(part) for part in text.split(",")]
    except ValueError:
        found = []
    if not found or not all(math.isfinite(minutes) and minutes > 0 for minutes in found):
        raise argparse.ArgumentTypeError(
            f"minutes are positive numbers with commas between them, as 1,2,4,8; received {text!r}"
        )
    return sorted(set(found))


def loaded(source, limit):
    """Training images `(N, H, W, C)` as bytes, which Pillow wants, and labels `(N,)`."""
    found = kcs.data.load(source, "train", limit)
    images = np.asarray(found.images)
    if images.dtype != np.uint8:
        images = np.round(255 * images).astype("uint8")
    return images, np.asarray(found.labels)


def kept(path, settings, found):
    """The results in `path`, or new ones; `SystemExit` where they are of other settings."""
    new = {
        "date": datetime.date.today().isoformat(),
        "machine": found,
        "settings": settings,
        "versions": {"python": platform.python_version()},
        "baselines": {},
        "results": [],
        "skipped": {},
    }
    if not path.is_file():
        return new
    old = json.loads(path.read_text(encoding="utf-8"))
    new_settings = json.loads(json.dumps(settings))  # tuples are lists there
    if (old["settings"], old["machine"]) != (new_settings, found):
        raise SystemExit(
            f"{path} holds results of another recipe, other settings or another machine, which are "
            "not to be mixed with new ones. Give another folder with --results, or remove the file."
        )
    return old


def missing(results, budgets, seeds):
    """`(contestant, minutes, seed)` of the trainings to do: contestants in turn, and back."""
    there = {(row["contestant"], row["minutes"], row["seed"]) for row in results["results"]}
    wanted = []
    for seed in range(seeds):
        for index, minutes in enumerate(budgets):
            order = list(SIDES)[:: 1 if index % 2 == 0 else -1]
            wanted += [(name, minutes, seed) for name in order]
    return [one for one in wanted if one not in there]


def whitens(name):
    return name != "PyTorch as usual"


def options(name, recipe, image_shape, threads):
    """What a contestant's `accuracy.train` is told of the training."""
    if SIDES[name] == "ours":
        return {"recipe": recipe.to_dict()}
    found = peer_options(recipe, image_shape)
    if name == "PyTorch as usual":
        found["network"]["grid"] = 1
    return {**found, "workers": threads, "bfloat16": has_fast_bfloat16()}


def trained(workers, side, job, versions):
    """One training in a fresh process; its facts. Adds to `versions` what did the work."""
    load = os.getloadavg()[0]
    worker = workers.start(side)
    try:
        answer = worker.ask(do="prepare", key="", task="accuracy.train", options=job)
        versions |= worker.ask(do="versions")
    finally:
        worker.close()
    facts = answer["facts"]
    speed = facts["steps"] * answer["images"] / facts["seconds"]
    rounded = {name: round(facts[name], 2) for name in ("seconds", "start_seconds")}
    return {**facts, **rounded, "images_per_second": round(speed, 1), "load_before": round(load, 2)}


class Judge:
    """k-NN accuracy of the last `held_out` images, all others being neighbours."""

    def __init__(self, recipe, images, labels, held_out):
        self.features, self.encoder = recipe.features, recipe.encoder
        self.images, self.labels, self.held_out = images, labels, held_out

    def __call__(self, features, whiten):
        """Accuracy and dimensions of features `(N, D)`, whitened first or not."""
        if whiten:
            # The same for both sides, as `kcs.encoders.whitened` computes it.
            fit = features[: -self.held_out].astype("float64")
            mean, covariance = fit.mean(axis=0), np.cov(fit.T, bias=True)
            matrix = whitening_matrix(covariance, self.features.dimensions, self.features.shrinkage)
            features = ((features - mean) @ matrix).astype("float32")
        here, there = slice(None, -self.held_out), slice(-self.held_out, None)
        accuracy = kcs.evaluation.knn_accuracy(
            features[here], self.labels[here], features[there], self.labels[there]
        )
        return round(accuracy, 4), features.shape[1]

    def baselines(self):
        """Accuracy of pixels: as they are, and whitened to as many dimensions as our features."""
        network = kcs.encoders.resnet_small(self.images.shape[1:], **self.encoder.arguments)
        dim = network.output_shape[-1]
        found = kcs.evaluation.pixel_baselines(
            self.images[: -self.held_out], min(dim, self.features.dimensions or dim)
        )
        return {
            name.replace("_", " "): self(function(self.images), whiten=False)[0]
            for name, function in found.items()
        }


if __name__ == "__main__":
    main()
