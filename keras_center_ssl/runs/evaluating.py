"""What a trained encoder is worth, on held-out images: accuracy, collapse report, pictures."""

import keras
import numpy as np

from keras_center_ssl import data, diagnosis, evaluation
from keras_center_ssl._version import __version__
from keras_center_ssl.files import remove_unfinished, write_json
from keras_center_ssl.reports import plots
from keras_center_ssl.reports.page import write_report
from keras_center_ssl.runs.folder import run_lock
from keras_center_ssl.runs.skipped import note_skipped


def evaluate(run, progress=None):
    """k-NN accuracy and a collapse report of a run, on held-out images.

    The trained encoder is compared with the same encoder before training and with raw pixels
    (where the images take no more than a GiB). There are no accuracies without labels, nor where
    the source has no test images: collapse is then diagnosed on the images of the training.
    Collapse is diagnosed on two views of each test image, for the embeddings the loss works on
    and for the encoder's features. Writes `metrics.json`, plots and `report.html` into the run, and
    lists of the files that could not be read.

    Args:
        run: A `Run`.
        progress: Called with a sentence before each part, and on files that were skipped.

    Returns:
        The metrics, a dict.

    Raises:
        InputError: Where another process writes to the run, and for what is wrong with the data.
    """
    with run_lock(run.folder):
        remove_unfinished(run.folder)
        return _evaluate(run, progress or (lambda text: None))


@data.input_errors()
def _evaluate(run, say):
    recipe = run.recipe
    model = run.load_model()
    train_set, test_set = (_in_memory(recipe.data.open(split)) for split in ("train", "test"))
    held_out = train_set.name != test_set.name
    shape = train_set.image_shape
    metrics = {
        "name": recipe.name,
        "method": type(model).__name__,
        "encoder": recipe.encoder.name,
        "dataset": recipe.data.source,
        "data_fingerprint": train_set.fingerprint,
        "held_out": held_out,
        "samples": {"train": train_set.count, "test": test_set.count},
        "seed": recipe.seed,
        "training": run.metrics.get("training", {}),
        "versions": {"keras_center_ssl": __version__, "keras": keras.__version__},
    }
    missing = _why_no_accuracy(train_set, test_set, held_out)
    if missing:
        metrics["knn_left_out"] = missing
    else:
        say("Features of the trained encoder")
        candidates = {"trained": lambda x: evaluation.embed(model, x)}
        untrained = recipe.build_model(shape)
        candidates["untrained"] = lambda x: evaluation.embed(untrained, x)
        if all(isinstance(part, data.ArraySource) for part in (train_set, test_set)):
            candidates["raw_pixels"] = lambda x: _flat(x)
        metrics["knn_accuracy"] = {}
        for name, embed in candidates.items():
            say(f"k-NN accuracy: {name.replace('_', ' ')}")
            # Features before labels: which files cannot be read is known after a pass.
            sets = [(embed(_images(part)), part.labels) for part in (train_set, test_set)]
            metrics["knn_accuracy"][name] = evaluation.knn_accuracy(*sets[0], *sets[1])
    say(f"Collapse report on {'held-out' if held_out else 'training'} images")
    embeddings = view_embeddings(model, recipe, test_set)
    metrics["collapse"] = {
        name: diagnosis.diagnose(*pair, name=name).to_dict() for name, pair in embeddings.items()
    }
    # After all passes over the images, which find what cannot be read.
    metrics["skipped"] = {}
    for split, source in (("train", train_set), ("test", test_set))[: 1 + held_out]:
        metrics["skipped"][split] = source.report()["skipped"]
        note_skipped(run.folder, split, source.skipped, say)
    (run.folder / "plots").mkdir(exist_ok=True)
    labels = None if test_set.labels is None else test_set.labels[: len(embeddings["features"][0])]
    plots.embedding_pictures(
        {name: pair[0] for name, pair in embeddings.items()}, run.folder / "plots", labels=labels
    )
    # Last, so that figures on the disk are those of the pictures.
    write_json(run.folder / "metrics.json", metrics)
    write_report(run)
    return metrics


def _why_no_accuracy(train_set, test_set, held_out):
    """Why there is no k-NN accuracy, in words, or `None`."""
    if not held_out:
        return f"{train_set.name} has no test images; name some with data.test_source."
    if not train_set.has_labels:
        return f"{train_set.name} has no labels."
    if not test_set.has_labels:
        return f"{test_set.name} has no labels."
    return None


def view_embeddings(model, recipe, images):
    """Embeddings of two views of each image: where the loss works, and the encoder's features.

    Row i is of the i-th image that can be read.

    Returns:
        `{"projection": (z1, z2), "features": (f1, f2)}`, arrays `(N, D)`; the first name is the
        method's first tracked branch.
    """
    # `multi_view` would fill batches up with other images, in place of what cannot be read.
    images = images.readable()
    count = images.count
    dataset = data.multi_view(
        images,
        views=recipe.build_views(images.image_shape),
        batch_size=min(recipe.batch_size, count),
        seed=recipe.seed,
        shuffle=False,
        # A last batch of one is no batch to a method.
        drop_remainder=count % recipe.batch_size == 1,
    )
    branch = next(iter(model.trackers))
    parts = {branch: ([], []), "features": ([], [])}
    for (views,) in dataset:
        pairs = {
            branch: model.branches(views, training=False)[1][branch],
            "features": [model(view, training=False) for view in views[:2]],
        }
        for name, pair in pairs.items():
            for part, embedding in zip(parts[name], pair, strict=True):
                part.append(keras.ops.convert_to_numpy(embedding))
    return {name: tuple(np.concatenate(p) for p in pair) for name, pair in parts.items()}


def _in_memory(source):
    """The images in memory where they take no more than a GiB, else the source as it is."""
    small = source.nbytes is not None and source.nbytes <= 2**30
    return data.load(source) if small else source


def _images(source):
    """What `evaluation.embed` takes."""
    return source.images if isinstance(source, data.ArraySource) else data.batches(source, 256)


def _flat(images):
    scale = 255.0 if images.dtype == np.uint8 else 1.0
    return images.reshape(len(images), -1).astype("float32") / np.float32(scale)
