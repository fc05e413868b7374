"""What a trained encoder is worth, on held-out images: accuracies, collapse report, pictures."""

import keras

from keras_center_ssl import data, diagnosis, evaluation
from keras_center_ssl._version import __version__
from keras_center_ssl.encoders import whitening_of
from keras_center_ssl.errors import one_of
from keras_center_ssl.evaluation.protocols import check_protocols
from keras_center_ssl.files import remove_unfinished, write_json
from keras_center_ssl.reports import plots
from keras_center_ssl.reports.page import write_report
from keras_center_ssl.runs.folder import load_model, run_lock
from keras_center_ssl.runs.judging import headlines, judge_candidates, why_no_labels
from keras_center_ssl.runs.recipe_model import at_size_of
from keras_center_ssl.runs.skipped import note_skipped
from keras_center_ssl.runs.two_views import in_memory, view_embeddings

SPLITS = ("test", "hold_out")


def evaluate(run, progress=None, protocols=evaluation.DEFAULT_PROTOCOLS, split=None):
    """Accuracies and a collapse report of a run, on images that were held out.

    What the run exports (`encoder.keras`, whitened where the recipe says so) is judged beside the
    same network before the training with the same last layers, and beside PCA-whitened pixels of
    the same number of dimensions and raw pixels (where the images take no more than a GiB). There
    are no accuracies without labels, nor where the source has no test images: collapse is then
    diagnosed on the images of the training.

    Collapse is diagnosed on two views of each image, for the embeddings the loss works on and for
    the encoder's features *before* whitening, which would hide a dimensional collapse. Writes
    `metrics.json`, plots and `report.html` into the run, and lists of the files that could not be
    read.

    Args:
        run: A `Run`.
        progress: Called with a sentence before each part, and on files that were skipped.
        protocols: Names, see `kcs.evaluation.judge`; also `"finetune"`.
        split: `"test"`, or `"hold_out"`: the training images that the recipe's `data.hold_out`
            kept out, on which settings are chosen. `None`: the latter where there are any.

    Returns:
        The metrics, a dict.

    Raises:
        InputError: Where another process writes to the run, for unknown protocols or splits, and
            for what is wrong with the data.
    """
    protocols = check_protocols(protocols)
    if split is None:
        split = "hold_out" if run.recipe.data.hold_out else "test"
    if split not in SPLITS:
        raise one_of("split", split, SPLITS)
    with run_lock(run.folder):
        remove_unfinished(run.folder)
        return _evaluate(run, progress or (lambda text: None), protocols, split)


@data.input_errors()
def _evaluate(run, say, protocols, split):
    recipe = run.recipe
    model = run.load_model()
    encoder = load_model(run.encoder)
    train_set, test_set = (in_memory(recipe.data.open(part)) for part in ("train", split))
    held_out = split == "hold_out" or train_set.name != test_set.name
    shape = train_set.image_shape
    metrics = {
        "name": recipe.name,
        "method": type(model).__name__,
        "encoder": recipe.encoder.name,
        "dataset": recipe.data.source,
        "data_fingerprint": train_set.fingerprint,
        "split": split,
        "held_out": held_out,
        "samples": {"train": train_set.count, "test": test_set.count},
        "seed": recipe.seed,
        "training": run.metrics.get("training", {}),
        "whitening": whitening_of(encoder),
        "versions": {"keras_center_ssl": __version__, "keras": keras.__version__},
    }
    missing = why_no_labels(train_set, test_set, held_out)
    if missing:
        metrics["accuracy_left_out"] = missing
    else:
        say("Preparing the untrained encoder, with the same last layers")
        untrained = recipe.features.apply(recipe.build_model(shape).encoder, train_set)
        candidates = {"trained": encoder, "untrained": untrained}
        sets = [at_size_of(part, encoder) for part in (train_set, test_set)]
        found = judge_candidates(candidates, *sets, protocols, say)
        metrics |= headlines(found)
        metrics["protocols"] = found
    say(f"Collapse report on {_IMAGES[split] if held_out else 'training images'}")
    embeddings = view_embeddings(model, recipe, test_set)
    metrics["collapse"] = {
        name: diagnosis.diagnose(*pair, name=name).to_dict() for name, pair in embeddings.items()
    }
    metrics["label_free"] = evaluation.label_free(*embeddings["features"])
    # After all passes over the images, which find what cannot be read.
    metrics["skipped"] = {}
    for part, source in (("train", train_set), ("test", test_set))[: 1 + held_out]:
        metrics["skipped"][part] = source.report()["skipped"]
        note_skipped(run.folder, part, source.skipped, say)
    (run.folder / "plots").mkdir(exist_ok=True)
    labels = None if test_set.labels is None else test_set.labels[: len(embeddings["features"][0])]
    plots.embedding_pictures(
        {name: pair[0] for name, pair in embeddings.items()}, run.folder / "plots", labels=labels
    )
    # Last, so that figures on the disk are those of the pictures.
    write_json(run.folder / "metrics.json", metrics)
    write_report(run)
    return metrics


_IMAGES = {"test": "test images", "hold_out": "training images that were held out"}
