"""Whitening: a linear last layer, fitted without labels, that makes all directions count alike."""

import warnings
from typing import Any

import keras
import numpy as np
from keras import layers

from keras_center_ssl.encoders.adapt import as_encoder, plain
from keras_center_ssl.errors import InputError
from keras_center_ssl.numerics import full_precision

LAYER = "whitening"
DEFAULT_SHRINKAGE = 1e-2
# Variance below this share of the largest is rounding of the features' float32.
_ROUNDING = 1e-10


def whitened(
    encoder: keras.Model,
    images: Any,
    dimensions: int | None = None,
    shrinkage: float = DEFAULT_SHRINKAGE,
    batch_size: int = 256,
) -> keras.Model:
    """`encoder` with a last linear layer that subtracts the centre and equalises the directions.

    The features `f` become `(f - mean) V diag(((1 - a) l + a mean(l))^-1/2)`, with `l` and `V` the
    eigenvalues and eigenvectors of the features' covariance and `a` the shrinkage: uncorrelated
    coordinates of variance 1 for `a = 0`. A cosine then compares what tells samples apart, instead
    of what all have in common and the few directions that vary most. Fitted in one pass over
    unlabelled images, which may be a stream; no labels, no gradient.

    Shrinkage decides on the directions of little variance. At 0 they count like all others, noise
    included; the larger it is, the more they are damped; at 1 the layer only subtracts the mean
    and turns. Directions within rounding are dropped.

    Diagnose collapse *before* this layer (`unwhitened`): it lifts every direction that is not
    exactly 0, so that a dimensional collapse would look healthy after it.

    Args:
        encoder: What `as_encoder` takes: images to features `(B, D)` or feature maps.
        images: `(N, H, W, C)` array, uint8 or float in [0, 1]; or an iterable of such batches, or
            of tuples that begin with one (a `tf.data.Dataset`).
        dimensions: Directions to keep, those of the largest variance. `None`: all of them.
        shrinkage: In [0, 1].
        batch_size: Images per call, for arrays.

    Returns:
        A `keras.Model` in stock Keras layers: images to `(B, dimensions)` float32. Its last layer
        is a `Dense` named `"whitening"`.

    Raises:
        InputError: For a shrinkage or number of dimensions out of range, fewer than 2 images,
            features that are not finite or do not vary, and without shrinkage for fewer images
            than dimensions + 1.
    """
    if isinstance(shrinkage, bool) or not 0 <= shrinkage <= 1:
        raise InputError(
            f"shrinkage is a share from 0 (none) to 1 (only subtract the mean); received "
            f"{shrinkage!r}. {DEFAULT_SHRINKAGE} is the default."
        )
    encoder = as_encoder(encoder)
    if whitening_of(encoder):
        raise InputError(f"The encoder {encoder.name!r} is whitened already. Pass unwhitened(it).")
    dim = encoder.output_shape[-1]
    whole = isinstance(dimensions, int | np.integer) and not isinstance(dimensions, bool)
    if dimensions is not None and not (whole and 1 <= dimensions <= dim):
        raise InputError(
            f"dimensions is how many of the encoder's {dim} directions to keep, 1 to {dim}; "
            f"received {dimensions!r}."
        )
    count, mean, covariance = feature_moments(encoder, images, batch_size)
    _check_count(count, dim, shrinkage)
    matrix = whitening_matrix(covariance, dimensions, shrinkage)
    base = plain(encoder)
    layer = layers.Dense(matrix.shape[1], dtype=full_precision(), name=LAYER)
    model = keras.Model(base.input, layer(base.output), name=f"{encoder.name}_whitened")
    layer.set_weights([matrix, -mean @ matrix])
    return model


def unwhitened(model: keras.Model) -> keras.Model:
    """The encoder inside what `whitened` returned; any other model as it is."""
    if whitening_of(model) is None:
        return model
    return keras.Model(
        model.input, model.layers[-1].input, name=model.name.removesuffix("_whitened")
    )


def whitening_of(model: keras.Model) -> dict[str, int] | None:
    """`{"dimensions": kept, "of": D}` of what `whitened` returned; `None` for any other model."""
    last = model.layers[-1] if getattr(model, "layers", None) else None
    if last is None or last.name != LAYER:
        return None
    rows, columns = last.kernel.shape
    return {"dimensions": int(columns), "of": int(rows)}


def feature_moments(encoder, images, batch_size=256):
    """Count, mean `(D,)` and covariance `(D, D)` of an encoder's features, float64, in one pass."""
    count, shift = 0, None
    for batch in _batches(images, batch_size):
        features = np.asarray(encoder.predict_on_batch(batch), dtype="float64")
        if not np.isfinite(features).all():
            raise InputError(
                f"Received images whose features are not finite (the first are among the images "
                f"{count} to {count + len(batch) - 1}). Look for NaN pixels, or an encoder whose "
                "training diverged."
            )
        if shift is None:
            # Sums around a first guess of the mean keep their digits where it is long.
            shift = features.mean(axis=0)
            total, second = np.zeros_like(shift), np.zeros((len(shift), len(shift)))
        features -= shift
        count += len(features)
        total += features.sum(axis=0)
        second += features.T @ features
    if shift is None or count < 2:
        raise InputError(f"Received {count} image(s). Whitening needs 2 or more, best thousands.")
    offset = total / count
    return count, shift + offset, second / count - np.outer(offset, offset)


def whitening_matrix(covariance, dimensions=None, shrinkage=0.0):
    """`V diag(((1 - a) l + a mean(l))^-1/2)` of a covariance, largest directions first.

    Args:
        covariance: `(D, D)`.
        dimensions: Columns to keep; `None`: all whose variance is more than rounding.
        shrinkage: `a`, in [0, 1]; towards the mean eigenvalue of all `D` directions.

    Returns:
        `(D, kept)` float64.
    """
    values, vectors = np.linalg.eigh(covariance)
    values, vectors = np.maximum(values[::-1], 0.0), vectors[:, ::-1]
    if not values[0] > 0:
        raise InputError(
            "Received features that are the same for all images: there is nothing to whiten. The "
            "encoder is collapsed or ignores its input; see kcs.diagnose."
        )
    real = int(np.sum(values > _ROUNDING * values[0]))
    kept = real if dimensions is None else min(int(dimensions), real)
    shrunk = (1 - shrinkage) * values[:kept] + shrinkage * values.mean()
    return vectors[:, :kept] / np.sqrt(shrunk)


def _check_count(count, dim, shrinkage):
    if count > dim:
        return
    if shrinkage == 0:
        raise InputError(
            f"Received {count} images to whiten {dim} dimensions without shrinkage. Accepted: at "
            f"least {dim + 1}, best {10 * dim}; or a shrinkage above 0, or fewer dimensions."
        )
    warnings.warn(
        f"{count} images show at most {count - 1} of {dim} dimensions: the whitening leans on its "
        f"shrinkage. Pass more than {dim} images, best {10 * dim}.",
        stacklevel=3,
    )


def _batches(images, batch_size):
    """Batches `(B, H, W, C)` of floats in [0, 1]."""
    parts = images
    if hasattr(images, "shape"):
        parts = (images[i : i + batch_size] for i in range(0, len(images), batch_size))
    for batch in parts:
        while isinstance(batch, tuple | list):
            batch = batch[0]
        batch = np.asarray(batch)
        if batch.ndim != 4:
            raise InputError(
                f"Received images of shape {batch.shape}. Accepted: batches (B, H, W, C), uint8 or "
                "floats in [0, 1]."
            )
        yield batch.astype("float32") / 255.0 if batch.dtype == np.uint8 else batch
