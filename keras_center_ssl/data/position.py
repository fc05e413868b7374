"""Where in a training a dataset stands."""

import threading

import numpy as np

from keras_center_ssl.data.arguments import check_count
from keras_center_ssl.engine.tensorflow_when_used import tf


class Position:
    """Where the next pass over a dataset begins, as `(epoch, step)`. Found as `dataset.position`.

    Each pass takes its batches from here and moves the position on by one epoch, at the moment its
    first batch is asked for. To resume a run, `set` the position before iterating; a pass that
    begins in the middle of an epoch goes on into the next one, so that every pass has the same
    number of batches (`dataset.take(steps - step)` ends it with its epoch).

    The order within an epoch and the views depend only on the dataset's seed and this position.
    """

    def __init__(self):
        self._lock = threading.Lock()
        self._epoch, self._step = 0, 0
        self._began = (0, 0)

    @property
    def epoch(self):
        return self._epoch

    @property
    def step(self):
        return self._step

    def set(self, epoch, step=0):
        """Makes the next pass begin with batch `step` of epoch `epoch`, both counted from 0."""
        check_count("epoch", epoch, smallest=0)
        check_count("step", step, smallest=0)
        with self._lock:
            self._epoch, self._step = int(epoch), int(step)

    def advance(self, epochs):
        """Moves on by whole epochs, from where the pass that began last started."""
        with self._lock:
            self._epoch, self._step = self._began[0] + epochs, self._began[1]

    def _begin(self):
        """Where the pass that begins now starts; moves on by an epoch."""
        with self._lock:
            place = np.array([self._epoch, self._step], "int64")
            self._began = (self._epoch, self._step)
            self._epoch += 1
        return place

    def begin(self):
        """`_begin` as a TensorFlow op: an int64 tensor `(2,)`, drawn anew at every run."""
        # A Python call and not a tf.Variable: a variable made under a distribution strategy would
        # be mirrored, which a tf.data function cannot capture. It runs once per pass.
        return tf.ensure_shape(tf.numpy_function(self._begin, [], tf.int64, stateful=True), [2])
