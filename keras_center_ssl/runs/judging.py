"""Encoders and baselines judged side by side, on the same images and labels."""

from keras_center_ssl import data, evaluation
from keras_center_ssl.evaluation.protocols import FINE_TUNING, check_protocols, headline


def judge_candidates(encoders, train_set, test_set, protocols, say):
    """Judges encoders, and the pixels where they are in memory, by every protocol.

    Args:
        encoders: Name -> a function from images to features, or a `keras.Model`; the first one's
            number of dimensions is that of the whitened pixels, too.
        train_set: Labelled source whose labels are known.
        test_set: Labelled source to judge on.
        protocols: Names, see `evaluation.judge`; `"finetune"` takes the `keras.Model`s among the
            encoders.
        say: Called with a sentence before each part.

    Returns:
        Protocol -> name -> result.
    """
    protocols = check_protocols(protocols)
    frozen = tuple(name for name in protocols if name != FINE_TUNING)
    found = {name: {} for name in protocols}
    in_memory = all(isinstance(part, data.ArraySource) for part in (train_set, test_set))

    def judge(name, encoder):
        say(f"Judging features of {_WORDS.get(name, name)}")
        # Features before labels: which files cannot be read is known after a pass.
        sets = [(evaluation.embed(encoder, part), part.labels) for part in (train_set, test_set)]
        for protocol, result in evaluation.judge(*sets[0], *sets[1], frozen).items():
            found[protocol][name] = result
        return sets[0][0].shape[1]

    if frozen:
        dimensions = [judge(name, encoder) for name, encoder in encoders.items()]
        if in_memory:
            for name, embed in evaluation.pixel_baselines(train_set.images, dimensions[0]).items():
                judge(name, embed)
    if FINE_TUNING in protocols:
        found[FINE_TUNING] = _fine_tuned(encoders, train_set, test_set, say)
    return found


_WORDS = {
    "trained": "the trained encoder",
    "untrained": "the untrained encoder",
    "whitened_pixels": "PCA-whitened pixels",
    "raw_pixels": "raw pixels",
}


def _fine_tuned(encoders, train_set, test_set, say):
    train, test = data.load(train_set), data.load(test_set)
    found = {}
    for name, encoder in encoders.items():
        if not hasattr(encoder, "layers"):
            continue
        say(
            "Training the same network with labels, from scratch"
            if name == "untrained"
            else f"Fine-tuning {_WORDS.get(name, name)}"
        )
        classification = evaluation.fine_tune(
            encoder, train.images, train.labels, test.images, test.labels
        )
        found[name] = classification.to_dict()
    return found


def headlines(found):
    """The figures that tables show: key -> name -> value, of what `judge_candidates` found."""
    table = {}
    for protocol, results in found.items():
        for name, result in results.items():
            for key, value in headline(protocol, result).items():
                table.setdefault(key, {})[name] = value
    return table


def why_no_labels(train_set, test_set, held_out):
    """Why there is no accuracy, in words, or `None`."""
    if not held_out:
        return f"{train_set.name} has no test images; name some with data.test_source."
    if not train_set.has_labels:
        return f"{train_set.name} has no labels."
    if not test_set.has_labels:
        return f"{test_set.name} has no labels."
    return None
