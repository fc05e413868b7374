"""Sources whose images can be read by number: what arrays, files of arrays and folders share."""

from keras_center_ssl.data.source import Source
from keras_center_ssl.data.steps import numbered_steps, order_of_epoch, row_count
from keras_center_ssl.engine.tensorflow_when_used import tf


class NumberedSource(Source):
    """Base class: a subclass supplies `reader`."""

    # How many images are read at a time for `batches`; None is a batch.
    read_at_a_time = None

    def reader(self, with_labels):
        """A function from numbers of images to `(images,)` or `(images, labels)`, in TensorFlow.

        `images` have the source's own dtype. The function takes an int64 tensor of numbers and
        `others`, a function to the numbers of all other images, which may take the places of those
        that cannot be read; without it the batch just gets smaller.
        """
        raise NotImplementedError

    def batches(self, batch_size, with_labels):
        read = self.reader(with_labels)

        @tf.autograph.experimental.do_not_convert
        def finish(numbers):
            return read(numbers)

        numbers = tf.data.Dataset.range(self.count).batch(self.read_at_a_time or batch_size)
        found = numbers.map(finish, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
        if self.read_at_a_time is None:
            return found
        # Without the files that cannot be read, the batches are put together anew.
        return found.unbatch().batch(batch_size)

    def steps(self, epochs, endless=False):
        return numbered_steps(self.count, epochs, endless)

    def step_reader(self, epochs, with_labels):
        read, size = self.reader(with_labels), epochs.batch_size

        def read_step(numbers, epoch, step, part):
            def others():
                order = order_of_epoch(self.count, epoch, epochs)
                return tf.concat([order[(step + 1) * size :], order[: step * size]], axis=0)

            total = row_count(numbers)
            first, last = part.bounds(total)
            return total, *read(numbers[first:last], others)

        return read_step
