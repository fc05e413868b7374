"""Does an exported file give the features of the encoder in memory?

Every format is read back from disk and run beside the encoder, on random images and on real ones
where there are any, in batches of 1, 2 and 7: a batch dimension that was frozen, or statistics that
were taken from the batch, show at once.
"""

import contextlib

import keras
import numpy as np

from keras_center_ssl.errors import InputError

BATCH_SIZES = (1, 2, 7)

# Largest difference allowed, as a share of the root mean square of the features. Two float32
# programs that order their sums differently end near 1e-6; a wrong kernel, channel order or
# padding is off by more than 1e-2.
TOLERANCE = 1e-4

# Height and width to test with where the encoder leaves them open and no images are given.
FREE_SIZE = 64
# And a second one, odd and no square, for what was frozen at the first.
_OTHER_SIZE = (75, 49)


def probe_batches(encoder, images=None, seed=0):
    """Batches `(B, H, W, C)` in [0, 1], float32: random ones, then the first of `images`.

    Where height or width is open, one of the random ones has another size.

    Raises:
        InputError: If `images` do not fit the encoder's input or leave [0, 1].
    """
    shape = encoder.input_shape[1:]
    images = None if images is None else _checked(images, shape)
    size = tuple(
        known or (FREE_SIZE if images is None else images.shape[axis + 1])
        for axis, known in enumerate(shape)
    )
    rng = np.random.default_rng(seed)
    batches = [rng.random((batch, *size), dtype="float32") for batch in BATCH_SIZES]
    if None in shape:
        other = [known or free for known, free in zip(shape, (*_OTHER_SIZE, 0), strict=True)]
        batches.append(rng.random((2, *other), dtype="float32"))
    if images is not None:
        batches += [images[:batch] for batch in BATCH_SIZES if batch <= len(images)]
    return batches


def features_of(encoder, batches):
    """The features `(B, D)` of every batch, from the encoder in memory.

    Raises:
        InputError: If a feature is NaN or infinite.
    """
    with exact_float32():
        features = [
            np.asarray(keras.ops.convert_to_numpy(encoder(batch, training=False)), "float32")
            for batch in batches
        ]
    if not all(np.isfinite(batch).all() for batch in features):
        raise InputError(
            f"The encoder {encoder.name!r} gives NaN or infinite features for images in [0, 1]; "
            "training has diverged. Export an earlier checkpoint, or train with a lower learning "
            "rate."
        )
    return features


def compare(predict, batches, expected, tolerance=TOLERANCE):
    """The largest differences between `predict` and the expected features.

    Returns:
        A dict: `max_absolute_error`, `relative_error` (that over the root mean square of the
        features), `feature_scale` (the root mean square), `tolerance`, `batch_sizes`, `images`
        (how many were compared) and `passed`.
    """
    with exact_float32():
        received = [np.asarray(predict(batch)) for batch in batches]
    comparable = all(
        a.shape == b.shape and np.isfinite(a).all() for a, b in zip(received, expected, strict=True)
    )
    scale = float(np.sqrt(np.mean(np.concatenate([b.ravel() for b in expected]) ** 2.0)))
    error = np.inf
    if comparable:
        error = max(float(np.abs(a - b).max()) for a, b in zip(received, expected, strict=True))
    relative = error / max(scale, np.finfo("float32").tiny)
    return {
        "max_absolute_error": error,
        "relative_error": relative,
        "feature_scale": scale,
        "tolerance": tolerance,
        "batch_sizes": [len(batch) for batch in batches],
        "images": sum(len(batch) for batch in batches),
        "passed": bool(relative <= tolerance),
    }


@contextlib.contextmanager
def exact_float32():
    """Full float32 on GPUs as well, which round to TensorFloat-32 (10 bits) by default."""
    if keras.backend.backend() != "tensorflow":
        yield
        return
    from keras_center_ssl.engine.tensorflow_when_used import tf

    before = tf.config.experimental.tensor_float_32_execution_enabled()
    tf.config.experimental.enable_tensor_float_32_execution(False)
    try:
        yield
    finally:
        tf.config.experimental.enable_tensor_float_32_execution(before)


def _checked(images, shape):
    images = np.asarray(images)
    fits = images.ndim == 4 and all(
        known in (None, size) for known, size in zip(shape, images.shape[1:], strict=True)
    )
    if not fits or len(images) == 0:
        raise InputError(
            f"images= has shape {images.shape}; the encoder takes (N, "
            f"{', '.join('any' if size is None else str(size) for size in shape)})."
        )
    # Not NaN-blind: a comparison with NaN is false, so the condition is written as what holds.
    if images.dtype.kind not in "fb" or not (images.min() >= 0 and images.max() <= 1 + 1e-6):
        raise InputError(
            f"images= are {images.dtype} in [{images.min()}, {images.max()}]; encoders take floats "
            "in [0, 1]. Divide 8-bit images by 255."
        )
    return images.astype("float32")
