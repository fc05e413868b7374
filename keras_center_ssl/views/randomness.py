"""Stateless random numbers, one image's independent of another's, and of who else draws."""

import contextlib
import contextvars

from keras_center_ssl.views.tensors import tf


def fold_in(seed, number):
    """A new seed from `seed` and `number`, the same on every device."""
    return tf.random.experimental.stateless_fold_in(seed, number, alg="philox")


# Which rows of a larger batch the images at hand are: (number of the first, size of that batch).
_rows = contextvars.ContextVar("rows", default=None)


@contextlib.contextmanager
def rows_of_batch(first, total):
    """Within it, images are drawn for as the rows from `first` on of a batch of `total` images.

    So several workers make the views of one batch, each of its own rows, with the draws that one
    worker would make for all of it. (Other people's layers get a seed of their own instead.)
    """
    token = _rows.set((tf.cast(first, tf.int32), tf.cast(total, tf.int32)))
    try:
        yield
    finally:
        _rows.reset(token)


def seed_of_rows(seed):
    """Where `rows_of_batch` is at work another seed for other rows, and else `seed` itself."""
    return seed if _rows.get() is None else fold_in(seed, _rows.get()[0])


def uniform(shape, seed, low=0.0, high=1.0, axis=0):
    """Numbers in `[low, high)`; `axis` is that of the images."""
    if _rows.get() is None:
        return tf.random.stateless_uniform(shape, seed, low, high, alg="philox")
    first, total = _rows.get()
    whole = [total if a == axis else size for a, size in enumerate(shape)]
    draws = tf.random.stateless_uniform(whole, seed, low, high, alg="philox")
    return tf.slice(draws, [first if a == axis else 0 for a in range(len(shape))], shape)


def happens(count, seed, probability):
    """A boolean per image, true with `probability` (0 is never, 1 is always)."""
    return uniform([count], seed) < probability
