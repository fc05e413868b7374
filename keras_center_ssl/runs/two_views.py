"""Embeddings of two views of every image: what a collapse report is made from."""

import keras
import numpy as np

from keras_center_ssl import data


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


def in_memory(source):
    """The images in memory where they take no more than a GiB, else the source as it is."""
    small = source.nbytes is not None and source.nbytes <= 2**30
    return data.load(source) if small else source
