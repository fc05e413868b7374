"""An encoder of any origin, or features from files, judged beside the pixels."""

import pathlib

import numpy as np

from keras_center_ssl import data, diagnosis, evaluation
from keras_center_ssl.encoders import unwhitened, whitening_of
from keras_center_ssl.errors import InputError
from keras_center_ssl.evaluation.protocols import FINE_TUNING, check_protocols
from keras_center_ssl.keras_files import load_keras_file
from keras_center_ssl.onnx_encoder import OnnxEncoder
from keras_center_ssl.runs.judging import headlines, judge_candidates, why_no_labels
from keras_center_ssl.runs.two_views import in_memory

_ACCEPTED = (
    "an encoder (.keras, .onnx, the folder of a SavedModel or of an export bundle), or an .npz "
    "file that center-ssl embed wrote"
)


def evaluate(path, source, protocols=evaluation.DEFAULT_PROTOCOLS, say=lambda text: None):
    """Judges what is in a file, on images that it may never have seen.

    Args:
        path: An encoder: `.keras`, `.onnx`, the folder of a SavedModel or of a bundle. Or an `.npz`
            file of test features with labels.
        source: Of images with labels and test images, as in `kcs.data.multi_view`; for an `.npz`
            file the `.npz` file of the training features.
        protocols: Names, see `kcs.evaluation.judge`; `"finetune"` for a `.keras` file only.
        say: Called with a sentence before each part.

    Returns:
        The metrics, a dict: accuracies with their baselines (raw and PCA-whitened pixels), details
        in `protocols`, and a collapse report of the features of the test images, one view each.

    Raises:
        InputError: For what is none of these, data without labels or test images, and features
            without labels.
    """
    path = pathlib.Path(path)
    protocols = check_protocols(protocols)
    if path.suffix == ".npz":
        return _evaluate_features(path, pathlib.Path(source), protocols)
    encoder, shape = open_encoder(path)
    if FINE_TUNING in protocols and not hasattr(encoder, "layers"):
        raise InputError(f"Fine-tuning needs a .keras file; received {str(path)!r}.")
    height, width, channels = shape
    size = None if None in (height, width) else (height, width)
    train_set, test_set = (
        in_memory(data.open_source(source, split, image_size=size, channels=channels))
        for split in ("train", "test")
    )
    held_out = train_set.name != test_set.name
    missing = why_no_labels(train_set, test_set, held_out)
    if missing:
        raise InputError(
            f"An encoder is judged on labelled training and test images. {missing} For a collapse "
            "report alone: center-ssl embed, then center-ssl diagnose."
        )
    found = judge_candidates({"trained": encoder}, train_set, test_set, protocols, say)
    features = evaluation.embed(unwhitened(encoder), test_set)
    report = diagnosis.diagnose(features, name="features")
    return _metrics(
        str(path), str(source), found, report, whitening=whitening_of(encoder), held_out=held_out
    )


def _evaluate_features(path, train_path, protocols):
    parts = []
    for file in (train_path, path):
        if file.suffix != ".npz":
            raise InputError(
                "Test features in an .npz file are judged with training features in another one: "
                f"give that with --data. Received {str(file)!r}."
            )
        parts.append(_labelled_features(file))
    (train, train_labels), (test, test_labels) = parts
    results = evaluation.judge(train, train_labels, test, test_labels, protocols)
    found = {protocol: {"features": result} for protocol, result in results.items()}
    report = diagnosis.diagnose(test, name="features")
    return _metrics(str(path), str(train_path), found, report)


def _labelled_features(path):
    try:
        with np.load(path, allow_pickle=False) as file:
            content = {key: file[key] for key in ("features", "labels") if key in file}
    except FileNotFoundError:
        raise InputError(f"There is no file {str(path)!r}.") from None
    except (OSError, ValueError) as error:
        raise InputError(f"{str(path)!r} cannot be read as an .npz file: {error}.") from None
    if set(content) != {"features", "labels"}:
        raise InputError(
            f"{str(path)!r} must hold the arrays `features` and `labels`, as center-ssl embed "
            f"writes them for labelled images; it holds {', '.join(content) or 'neither'}."
        )
    return content["features"], content["labels"]


def open_encoder(path):
    """What a path holds, as a function from images to features, and its `(H, W, C)`."""
    path = pathlib.Path(path)
    if path.is_dir():
        for name in ("encoder.keras", "encoder.onnx", "saved_model"):
            if (path / name).exists():
                return open_encoder(path / name)
        if (path / "saved_model.pb").is_file():
            return _saved_model(path)
    elif path.suffix.lower() == ".onnx":
        encoder = OnnxEncoder(path)
        return (lambda images: encoder.embed(np.asarray(images))), encoder.input_shape
    elif path.suffix == ".keras":
        model = load_keras_file(path)
        model = getattr(model, "encoder", None) or model
        return model, tuple(model.input_shape[1:])
    elif not path.exists():
        raise InputError(f"There is no file or folder {str(path)!r}. Accepted: {_ACCEPTED}.")
    raise InputError(f"{str(path)!r} holds no encoder. Accepted: {_ACCEPTED}.")


def _saved_model(path):
    import tensorflow as tf

    loaded = tf.saved_model.load(str(path))
    if "serving_default" not in loaded.signatures:
        raise InputError(f"The SavedModel {str(path)!r} has no signature serving_default.")
    serve = loaded.signatures["serving_default"]
    named = serve.structured_input_signature[1]
    if len(named) != 1 or len(serve.structured_outputs) != 1:
        raise InputError(
            f"The signature serving_default of {str(path)!r} has {len(named)} inputs and "
            f"{len(serve.structured_outputs)} outputs. Accepted: images, and features."
        )
    (name, spec), output = next(iter(named.items())), next(iter(serve.structured_outputs))

    def embed(images, model=loaded):  # the signature lives as long as its model
        return serve(**{name: tf.convert_to_tensor(images, spec.dtype)})[output].numpy()

    return embed, tuple(spec.shape[1:])


def _metrics(name, dataset, found, report, whitening=None, held_out=True):
    return {
        "name": name,
        "dataset": dataset,
        "split": "test",
        "held_out": held_out,
        "views": 1,
        "whitening": whitening,
        **headlines(found),
        "protocols": found,
        "collapse": {"features": report.to_dict()},
    }
