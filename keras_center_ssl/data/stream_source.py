"""Images that come one at a time, from a `tf.data.Dataset`."""

import dataclasses
import functools
import hashlib

import numpy as np

from keras_center_ssl.data import pixels
from keras_center_ssl.data.array_source import from_arrays
from keras_center_ssl.data.conform import conform
from keras_center_ssl.data.graph_errors import input_errors
from keras_center_ssl.data.into_memory import read_all
from keras_center_ssl.data.source import SAMPLE, Source, check_hold_out, conformed_shape
from keras_center_ssl.data.steps import row_count, stream_steps
from keras_center_ssl.engine.tensorflow_when_used import tf
from keras_center_ssl.errors import InputError


@dataclasses.dataclass(frozen=True, eq=False)
class StreamSource(Source):
    """Images that come one at a time.

    Attributes:
        dataset: `tf.data.Dataset` of images `(H, W, C)`, or of pairs (image, label) where
            `has_labels`; uint8 in 0..255 or float in `[0, 1]`.
        has_labels: bool.
        name: what to call the data in a report.
        from_disk: bool, see `Source`.
        shuffled_files: None, or a function from an int64 seed tensor to the dataset with its files
            in another order.
    """

    dataset: object
    has_labels: bool = False
    name: str = "tf.data"
    from_disk: bool = False
    shuffled_files: object = None
    skipped: dict = dataclasses.field(default_factory=dict, repr=False)

    @property
    def count(self):
        """The number of images, or None where the dataset does not know it.

        Raises:
            InputError: for a dataset that never ends.
        """
        count = int(self.dataset.cardinality())
        if count == -1:
            raise InputError(
                "The tf.data.Dataset never ends (it was repeated). One pass over it is one epoch: "
                "pass it before `.repeat()`, or end it with `.take(count)`."
            )
        return None if count < 0 else count

    @property
    def _image_spec(self):
        spec = self.dataset.element_spec
        return spec[0] if self.has_labels else spec

    @property
    def image_shape(self):
        return tuple(self._image_spec.shape)

    @property
    def dtype(self):
        return "uint8" if self._image_spec.dtype.name == "uint8" else "float32"

    @functools.cached_property
    def fingerprint(self):
        """16 hexadecimal digits over the first 64 elements and their number."""
        digest = hashlib.sha256(f"{self.dataset.element_spec}{self.count}".encode())
        for element in self.dataset.take(SAMPLE).as_numpy_iterator():
            for part in element if self.has_labels else (element,):
                digest.update(np.ascontiguousarray(part).tobytes())
        return digest.hexdigest()[:16]

    @functools.cached_property
    def labels(self):
        """Array `(N, ...)`, read in one pass over the dataset; None where there are none."""
        if not self.has_labels:
            return None
        return np.stack(list(self.dataset.map(lambda _, label: label).as_numpy_iterator()))

    def take(self, limit):
        """The first `limit` images."""
        # In another order of the files the first images would be other ones.
        return dataclasses.replace(self, dataset=self.dataset.take(limit), shuffled_files=None)

    def hold_out(self, number):
        """All but the last `number` images, and these."""
        check_hold_out(number, self.count, self.name)
        kept = self.count - number
        parts = self.dataset.take(kept), self.dataset.skip(kept)
        return tuple(dataclasses.replace(self, dataset=d, shuffled_files=None) for d in parts)

    def conformed(self, size, channels):
        """The images at `size` `(H, W)` with so many `channels`, checked to be alike and in range.

        Raises:
            InputError: where no `size` is given and the dataset does not promise one.
        """
        found, shape = self, self.image_shape
        conformed_shape(shape, size, channels)
        if size not in (None, shape[:2]) or channels not in (None, shape[2]):
            found = self._mapped(lambda image: conform(image, size, channels))
        if None in found.image_shape:
            raise InputError(
                f"The images of {self.name} must all have one known size. Received elements of "
                f"shape {shape}: pass `image_size=64` (shorter side and centre crop), and "
                "`channels=3` where the number of channels is not known either; or resize them, "
                "e.g. `dataset.map(lambda image: tf.ensure_shape(tf.image.resize(image, (64, 64)), "
                "(64, 64, 3)))`."
            )
        found._check_first_images()
        return found

    def _mapped(self, function):
        """The source with `function` applied to every image."""

        def apply(dataset):
            if self.has_labels:
                return dataset.map(
                    lambda image, label: (function(image), label),
                    num_parallel_calls=tf.data.AUTOTUNE,
                    deterministic=True,
                )
            return dataset.map(function, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)

        files = self.shuffled_files
        return dataclasses.replace(
            self,
            dataset=apply(self.dataset),
            shuffled_files=files and (lambda seed: apply(files(seed))),
        )

    def _check_first_images(self):
        """They show a wrong range now and not as a training that fails to learn."""
        with input_errors():
            first = list(self.dataset.take(8).as_numpy_iterator())
        if not first:
            raise pixels.empty()
        pixels.check_pixels(np.stack([e[0] if self.has_labels else e for e in first]))

    def in_memory(self):
        read = read_all(self)
        # Of a stream only the first images were checked so far.
        return from_arrays(read.images, read.labels, self.name, "channels_last")

    def batches(self, batch_size, with_labels):
        dataset = self.dataset.batch(batch_size)
        if self.has_labels:
            return dataset.map(lambda image, label: (image, label) if with_labels else (image,))
        return dataset.map(lambda image: (image,))

    def steps(self, epochs, endless=False):
        return stream_steps(self, epochs, endless)

    def step_reader(self, epochs, with_labels):
        def read_step(batch, epoch, step, part):
            tensors = batch if self.has_labels else (batch,)
            total = row_count(tensors[0])
            first, last = part.bounds(total)
            images, *labels = (tensor[first:last] for tensor in tensors)
            return total, images, *(labels if with_labels else ())

        return read_step


def stream(dataset, data_format=None):
    """The `StreamSource` of a `tf.data.Dataset` of images, of batches, or of pairs with labels.

    None for anything else than a `tf.data.Dataset`.
    """
    if not isinstance(dataset, tf.data.Dataset):
        return None
    spec = dataset.element_spec
    if isinstance(spec, dict) and "image" in spec:
        # The form of tensorflow-datasets.
        labelled = "label" in spec
        dataset = dataset.map(lambda e: (e["image"], e["label"]) if labelled else e["image"])
        spec = dataset.element_spec
    if isinstance(spec, tuple) and len(spec) == 1:
        dataset = dataset.map(lambda image: image)
        spec = dataset.element_spec
    labelled = isinstance(spec, tuple) and len(spec) == 2
    image = spec[0] if labelled else spec
    if not isinstance(image, tf.TensorSpec) or image.shape.rank not in (3, 4):
        raise InputError(
            "A tf.data.Dataset must yield images (H, W, C), batches (B, H, W, C), or pairs of "
            f"these with labels. Received elements: {spec}."
        )
    if image.shape.rank == 4:
        dataset = dataset.unbatch()
    found = StreamSource(dataset, labelled)
    if pixels.is_channels_first((None, *found.image_shape), data_format):
        found = found._mapped(lambda image: tf.transpose(image, (1, 2, 0)))
    return found
