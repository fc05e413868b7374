"""Embeddings of a fixed set of images, taken anew from a model whenever they are asked for."""

import itertools

import keras
import numpy as np

from keras_center_ssl import engine
from keras_center_ssl.errors import InputError, one_of

_BATCH = 256


class Probe:
    """A fixed set of views and a way to embed them.

    Args:
        data: An array, two arrays (two views), or an iterable of batches.
        embeddings: `function(model, batch)`, the name of a layer, or `None` for the methods of
            this package: where the loss works.
        samples: How many samples are kept, at most.

    Attributes:
        given: The argument `embeddings`.
    """

    def __init__(self, data, embeddings=None, samples=512):
        if not (embeddings is None or isinstance(embeddings, str) or callable(embeddings)):
            raise InputError(
                f"embeddings is a function of model and batch, or the name of a layer; received "
                f"{type(embeddings).__name__}."
            )
        self.batches = _collect(data, samples)
        self.samples = sum(len(keras.tree.flatten(batch)[0]) for batch in self.batches)
        self.given = embeddings
        self._embed = None

    def connect(self, model):
        """Prepares to embed with this model."""
        if callable(self.given):
            self._embed = self.given
        elif self.given is not None:
            layer = _layer_output(model, self.given)
            self._embed = lambda model, batch: [
                layer(view, training=False) for view in views(batch)
            ]
        elif getattr(model, "trackers", None):
            # Some hundred small layers: one by one they take longer than the step that is watched.
            pair_embeddings = engine.compiled(lambda *pair: _method_embeddings(model, pair), model)
            self._embed = lambda _, batch: pair_embeddings(*views(batch))
        else:
            raise InputError(
                f"{type(model).__name__} is no method of this package: say what its embeddings "
                "are. Pass embeddings=, a function of model and batch or the name of a layer."
            )

    def embed(self, model):
        """A list of one or two `(n, d)` arrays, one per view; feature maps are averaged."""
        parts = [_as_views(self._embed(model, batch)) for batch in self.batches]
        return [np.concatenate(view) for view in zip(*parts, strict=True)]

    def features(self, model):
        """The encoder's features of a method of this package, of two views, or `None`."""
        pairs = [views(batch) for batch in self.batches]
        if any(len(pair) < 2 for pair in pairs):
            return None
        parts = [_as_views([model(view, training=False) for view in pair]) for pair in pairs]
        return [np.concatenate(view) for view in zip(*parts, strict=True)]


def views(batch):
    """The first two views in a batch; one, where there are no two arrays of one shape."""
    arrays = keras.tree.flatten(batch)
    alike = [a for a in arrays if tuple(a.shape) == tuple(arrays[0].shape)]
    return alike[:2]


def _collect(data, samples):
    """Batches of data that hold `samples` samples together."""
    arrays = keras.tree.flatten(data) if isinstance(data, (tuple, list)) else [data]
    if all(hasattr(a, "shape") and len(a.shape) > 1 for a in arrays):
        count = min(len(arrays[0]), samples)
        if any(len(a) != len(arrays[0]) for a in arrays):
            raise InputError(
                f"Received data of shapes {[tuple(a.shape) for a in arrays]}; two views hold the "
                "same images, in the same order."
            )
        # Of almost equal size: a last batch of one is no batch to a method.
        bounds = np.linspace(0, count, max(1, round(count / _BATCH)) + 1).astype(int)
        slices = [
            tuple(np.asarray(a[start:end]) for a in arrays)
            for start, end in itertools.pairwise(bounds)
        ]
        return slices if isinstance(data, (tuple, list)) else [batch[0] for batch in slices]
    if not hasattr(data, "__iter__"):
        raise InputError(
            "data is an array, two arrays, or a dataset of batches; received "
            f"{type(data).__name__}."
        )
    batches, count = [], 0
    for batch in data:
        batch = keras.tree.map_structure(np.asarray, batch)
        batches.append(batch)
        count += len(keras.tree.flatten(batch)[0])
        if count >= samples:
            break
    if not batches:
        raise InputError("Received an empty dataset as data; the monitor needs 64 samples or more.")
    return batches


def _method_embeddings(model, pair):
    """What the loss works on; the encoder's features where there is but one view."""
    if len(pair) < 2:
        return model(pair[0], training=False)
    _, embeddings = model.branches(model.unpack((tuple(pair),)), training=False)
    return embeddings[next(iter(model.trackers))]


def _layer_output(model, name):
    """A model from the input to the output of a layer."""
    inner = model
    if not any(layer.name == name for layer in model.layers) and hasattr(model, "encoder"):
        inner = model.encoder
    names = [layer.name for layer in inner.layers]
    if name not in names:
        raise one_of("layer", name, names)
    try:
        return keras.Model(inner.input, inner.get_layer(name).output)
    except (AttributeError, ValueError) as error:
        raise InputError(
            f"The output of layer {name!r} of {type(model).__name__} cannot be reached by name: "
            "the model is no functional one. Pass a function instead, "
            "embeddings=lambda model, batch: model.encoder(batch)."
        ) from error


def _as_views(embeddings):
    """One or two `(B, D)` arrays."""
    several = isinstance(embeddings, (tuple, list))
    parts = [
        np.asarray(keras.ops.convert_to_numpy(z)) for z in (embeddings if several else [embeddings])
    ]
    return [z.mean(axis=(1, 2)) if z.ndim == 4 else z for z in parts]
