"""Features of a frozen encoder for every image of a dataset, in order."""

from typing import TYPE_CHECKING, Any

import numpy as np

from keras_center_ssl.errors import InputError, needs
from keras_center_ssl.types import Floats

if TYPE_CHECKING:
    import keras

_ACCEPTED = (
    "Accepted: images of shape (samples, height, width, channels) or (samples, height, width), "
    "uint8 in 0..255 or floats in [0, 1], or a tf.data.Dataset of batches of them."
)


def embed(encoder: "keras.Model", dataset: Any, batch_size: int = 256) -> Floats:
    """Runs an encoder over a dataset in inference mode.

    Args:
        encoder: A `keras.Model`, a method of this library (its encoder's features are taken) or any
            callable from a `(B, H, W, C)` float32 batch in [0, 1] to features `(B, D)`, or feature
            maps `(B, H, W, D)`, which are averaged over height and width.
        dataset: Images `(N, H, W, C)` or `(N, H, W)`, uint8 in 0..255 (divided by 255) or floats in
            [0, 1]; or a finite `tf.data.Dataset` of such batches, of `(batch, labels)`, of
            `(views, labels)` (the first view is embedded) or of dicts with an `"image"`; or what
            `kcs.data.load` and `kcs.data.open_source` return, whose `files` then name the rows.
        batch_size: Images per call for arrays; a `tf.data.Dataset` keeps its own batches.

    Returns:
        `(N, D)` float32, in the order of the dataset.

    Raises:
        InputError: for images of another shape or range, with NaN or infinite pixels, of a size the
            encoder was not built for, for an empty or endless dataset, and for an encoder whose
            output is not one array of features.
    """
    if not (isinstance(batch_size, int | np.integer) and batch_size >= 1):
        raise InputError(f"Received batch_size={batch_size!r}. Accepted: whole numbers from 1 on.")
    if hasattr(dataset, "image_shape"):
        from keras_center_ssl import data

        dataset = data.batches(dataset, int(batch_size))
    return embed_batches(encoder, _batches(dataset, int(batch_size)), int(batch_size))


def embed_batches(encoder, batches, batch_size):
    """`embed`, of pairs of the first sample's number and a batch of at most `batch_size` images."""
    if not callable(encoder):
        raise InputError(
            f"Received an encoder of type {type(encoder).__name__}. Accepted: a keras.Model or any "
            "function from a batch of images to features."
        )
    run = None
    features = []
    for start, batch in batches:
        images = _images(batch, start)
        if run is None:
            _check_size(encoder, images.shape)
            run = _compiled(encoder, images.shape[1:], batch_size)
        features.append(_pooled(run(images), len(images)))
    if not features:
        raise InputError(f"Received a dataset without images. {_ACCEPTED}")
    return np.concatenate(features)


def _batches(dataset, batch_size):
    """Pairs of the first sample's number and a batch."""
    if hasattr(dataset, "element_spec"):
        if int(dataset.cardinality()) == -1:
            raise InputError(
                "Received an endless tf.data.Dataset. Accepted: a finite one; leave out .repeat() "
                "or call .take(n)."
            )
        _check_batched(_first(dataset.element_spec).shape)
        start = 0
        for element in dataset:
            batch = np.asarray(_first(element))
            yield start, batch
            start += len(batch)
        return
    images = np.asanyarray(dataset)
    if images.ndim not in (3, 4) or images.dtype.kind not in "fiu":
        raise InputError(
            f"Received a dataset of type {type(dataset).__name__}, shape {images.shape} and "
            f"entries {images.dtype}. {_ACCEPTED}"
        )
    for start in range(0, len(images), batch_size):
        yield start, images[start : start + batch_size]


def _first(element):
    """The images of an element: the first part of nested tuples, the "image" of a dict."""
    while isinstance(element, tuple | list | dict):
        if isinstance(element, dict):
            keys = [key for key in ("image", "images") if key in element]
            if not keys:
                raise InputError(
                    f"Received a dataset of dicts with the keys {sorted(element)}. Accepted: "
                    "'image' among them, or tuples that start with the images."
                )
            element = element[keys[0]]
        else:
            element = element[0]
    return element


def _check_batched(shape):
    if shape.rank is not None and (shape.rank != 4 and not (shape.rank == 3 and shape[0] is None)):
        raise InputError(
            f"Received a tf.data.Dataset of elements of shape {tuple(shape)}. Accepted: batches of "
            "images (batch, height, width, channels); call dataset.batch(256) if it holds single "
            "images."
        )


def _images(batch, start):
    """A batch as `(B, H, W, C)` float32 in [0, 1]."""
    batch = batch[..., None] if batch.ndim == 3 else batch
    if batch.dtype == np.uint8:
        return batch.astype(np.float32) / np.float32(255)
    if batch.dtype.kind != "f" and batch.dtype.name != "bfloat16":
        raise InputError(f"Received images with pixels of type {batch.dtype}. {_ACCEPTED}")
    images = batch.astype(np.float32)
    bad = ~np.isfinite(images).reshape(len(images), -1).all(axis=1)
    if bad.any():
        raise InputError(
            f"Received {int(bad.sum())} image(s) with NaN or infinite pixels (the first is number "
            f"{start + int(np.argmax(bad))}). Remove or repair them."
        )
    low, high = float(images.min(initial=0.0)), float(images.max(initial=0.0))
    if low < -1e-3 or high > 1.0 + 1e-3:  # resizing may overshoot by rounding
        raise InputError(
            f"Received float images with pixels from {low:.4g} to {high:.4g}. Accepted: [0, 1], or "
            "uint8 in 0..255. Rescale them, for example images / images.max() where 0 is black."
        )
    return images


def _check_size(encoder, shape):
    model = getattr(encoder, "encoder", encoder)
    try:
        expected = model.input_shape
    except (AttributeError, ValueError):
        return  # a plain function, or a model that takes what it is given
    if isinstance(expected, tuple) and len(expected) == 4:
        pairs = zip(expected[1:], shape[1:], strict=True)
        if any(want is not None and want != got for want, got in pairs):
            raise InputError(
                f"Received images of shape {shape[1:]} for an encoder that was built for "
                f"{expected[1:]} (height, width, channels). Resize the images or use an encoder "
                "with that input_shape."
            )


def _compiled(encoder, image_shape, batch_size):
    """`encoder` as a function from NumPy to NumPy that is traced once, partial batches included."""
    with needs("kcs.evaluation.embed", "keras", "tensorflow"):
        import keras

    if not isinstance(encoder, keras.Model):
        return lambda images: keras.ops.convert_to_numpy(encoder(images))
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        @tf.function(
            input_signature=[tf.TensorSpec((None, *image_shape), tf.float32)], autograph=False
        )
        def call(images):
            return encoder(images, training=False)

        return lambda images: _one_output(call(tf.constant(images)))

    def padded(images):
        # Other backends compile per shape: a partial batch is filled up with its last image.
        fill = max(0, batch_size - len(images))
        whole = np.concatenate([images, np.repeat(images[-1:], fill, axis=0)])
        return _one_output(encoder.predict_on_batch(whole))[: len(images)]

    return padded


def _one_output(output):
    if isinstance(output, tuple | list | dict):
        raise InputError(
            f"Received an encoder with {len(output)} outputs. Accepted: one output of features, "
            "for example keras.Model(model.input, model.get_layer(name).output)."
        )
    return np.asarray(output)


def _pooled(features, count):
    """`(B, D)` or `(B, H, W, D)` features as `(B, D)` float32."""
    features = np.asarray(features).astype(np.float32)
    if features.ndim == 4:
        features = features.mean(axis=(1, 2))
    if features.ndim != 2 or len(features) != count:
        raise InputError(
            f"Received features of shape {features.shape} for {count} images. Accepted: an encoder "
            "with an output of shape (batch, features) or (batch, height, width, features)."
        )
    return features
