"""The steps of an epoch: which images make up which batch, a function of (seed, epoch, step).

The order of an epoch is a permutation drawn from `(seed, epoch)`. So a run is repeatable, whatever
the number of parallel calls, and can be taken up again in the middle.
"""

import dataclasses

import numpy as np

from keras_center_ssl.data.position import Position
from keras_center_ssl.data.seeds import ORDER, fold_in, random_integers
from keras_center_ssl.engine.tensorflow_when_used import tf

# Images of a tf.data.Dataset held in memory to be shuffled: at most so many, and so many bytes.
SHUFFLE_WINDOW = 10_000
SHUFFLE_BYTES = 2**30


@dataclasses.dataclass(frozen=True, eq=False)
class Epochs:
    """How epochs are cut into batches.

    Attributes:
        batch_size: images per batch, of all workers together.
        seed: int32 tensor `(2,)`.
        shuffle: whether each epoch has an order of its own.
        drop_remainder: whether a last, smaller batch is left out.
        position: the `Position` of the next pass.
    """

    batch_size: int
    seed: object
    shuffle: bool = True
    drop_remainder: bool = True
    position: Position = dataclasses.field(default_factory=Position)

    def steps(self, count):
        """Batches in an epoch of `count` images."""
        whole, remainder = divmod(count, self.batch_size)
        return whole if self.drop_remainder or not remainder else whole + 1


@dataclasses.dataclass(frozen=True)
class Part:
    """Which rows of every batch are made: those of worker `index` of `count`."""

    index: int = 0
    count: int = 1

    def bounds(self, total):
        """The first row of a batch of `total`, and the one after the last."""
        return total * self.index // self.count, total * (self.index + 1) // self.count


def row_count(tensor):
    """Size of the first axis: an int where it is known, else an int64 tensor."""
    return tensor.shape[0] or tf.shape(tensor, tf.int64)[0]


def order_of_epoch(count, epoch, epochs):
    """The order of the images in `epoch`: a permutation of `range(count)`, int64."""
    if not epochs.shuffle:
        return tf.range(count, dtype=tf.int64)
    keys = random_integers([count], fold_in(epochs.seed, ORDER, epoch))
    return tf.cast(tf.argsort(keys, stable=True), tf.int64)


def numbered_steps(count, epochs, endless=False):
    """A dataset of `(numbers, epoch, step)`, one element per batch: one pass, or all to come."""
    steps, batch_size = epochs.steps(count), epochs.batch_size

    # `scan` keeps, from batch to batch of one pass, where the pass began and the current order; it
    # also keeps the cardinality, which Keras shows as the number of steps.
    def advance(state, number):
        start, known_epoch, order = state
        start = tf.cond(start[0] < 0, epochs.position.begin, lambda: start)
        epoch = start[0] + (start[1] + number) // steps
        step = (start[1] + number) % steps
        order = tf.cond(
            tf.equal(epoch, known_epoch),
            lambda: order,
            lambda: order_of_epoch(count, epoch, epochs),
        )
        numbers = order[step * batch_size : (step + 1) * batch_size]
        if epochs.drop_remainder:
            numbers = tf.ensure_shape(numbers, [batch_size])
        return (start, epoch, order), (numbers, epoch, step)

    initial = (
        tf.constant([-1, -1], tf.int64),
        tf.constant(-1, tf.int64),
        tf.zeros([count], tf.int64),
    )
    return _numbers(endless, steps).scan(initial, advance)


def stream_steps(source, epochs, endless=False):
    """A dataset of `(batch, epoch, step)`, one element per batch: one pass, or all to come."""
    window = _window(source)  # in a graph the number of images is not known

    def one_epoch(epoch):
        dataset = _shuffled(source, epoch, epochs, window) if epochs.shuffle else source.dataset
        dataset = dataset.batch(epochs.batch_size, drop_remainder=epochs.drop_remainder)
        return dataset.enumerate().map(lambda step, batch: (batch, epoch, step))

    def advance(start, number):
        start = tf.cond(start[0] < 0, epochs.position.begin, lambda: start)
        return start, start + tf.stack([number, 0])

    def one_pass(start):
        # `shuffle` mixes the global seed into its own (and fails where that is 0): fix it, in the
        # graph of this function alone.
        tf.compat.v1.set_random_seed(1)
        head, tail = one_epoch(start[0]), one_epoch(start[0] + 1)
        return head.skip(start[1]).concatenate(tail.take(start[1]))

    starts = _numbers(endless, 1).scan(tf.constant([-1, -1], tf.int64), advance)
    dataset = starts.flat_map(one_pass)
    if endless:
        steps = tf.data.INFINITE_CARDINALITY
    elif source.count is None:
        return dataset
    else:
        steps = epochs.steps(source.count)
    return dataset.apply(tf.data.experimental.assert_cardinality(steps))


def _shuffled(source, epoch, epochs, window):
    """The images of a stream in the order of an epoch: that of files, then a window's."""
    number = random_integers([], fold_in(epochs.seed, ORDER, epoch))
    dataset = source.shuffled_files(number) if source.shuffled_files else source.dataset
    return dataset.shuffle(window, number, reshuffle_each_iteration=False)


def _window(source):
    """How many images of a stream are held to be shuffled."""
    window = SHUFFLE_WINDOW if source.count is None else min(source.count, SHUFFLE_WINDOW)
    image_bytes = int(np.prod(source.image_shape)) * np.dtype(source.dtype).itemsize
    return max(1, min(window, SHUFFLE_BYTES // image_bytes))


def _numbers(endless, count):
    return tf.data.Dataset.counter() if endless else tf.data.Dataset.range(count)
