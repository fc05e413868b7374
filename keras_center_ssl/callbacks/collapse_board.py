"""What `CollapseMonitor` writes for TensorBoard."""


class CollapseBoard:
    """Scalars and histograms under `collapse/`, in a folder of their own.

    Args:
        folder: Where; `None` writes nothing. Needs TensorFlow.
    """

    def __init__(self, folder):
        self._folder = folder
        self._writer = None

    def scalars(self, values, step):
        """Writes a dict of name to number."""
        if self._folder is not None:
            from keras_center_ssl.engine.tensorflow_when_used import tf

            with self._open().as_default():
                for name, value in values.items():
                    tf.summary.scalar(f"collapse/{name}", value, step=step)

    def histogram(self, name, values, step):
        """Writes the distribution of an array of numbers."""
        if self._folder is not None:
            from keras_center_ssl.engine.tensorflow_when_used import tf

            with self._open().as_default():
                tf.summary.histogram(f"collapse/{name}", values, step=step)

    def close(self):
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def _open(self):
        if self._writer is None:
            from keras_center_ssl.engine.tensorflow_when_used import tf

            self._writer = tf.summary.create_file_writer(str(self._folder))
        return self._writer
