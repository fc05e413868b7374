"""Images as they are, for evaluation: opened, batch by batch, or in memory."""

from typing import Any

from keras_center_ssl.data.arguments import check_count
from keras_center_ssl.data.request import Request
from keras_center_ssl.data.resolve import resolve
from keras_center_ssl.engine.tensorflow_when_used import tf
from keras_center_ssl.errors import InputError


def open_source(
    source: Any,
    split: str = "train",
    limit: int | None = None,
    *,
    labels: Any = None,
    image_size: int | tuple[int, int] | None = None,
    channels: int | None = None,
    data_format: str | None = None,
) -> Any:
    """Opens a source without reading its images; arguments as in `multi_view`.

    ```python
    source = kcs.data.open_source("data/imagenet100", image_size=256)
    source.count, source.image_shape, source.class_names, source.fingerprint
    source.report()      # after a pass: the files that could not be read, and why
    ```

    What it returns is a source for `multi_view`, `batches` and `load`.

    Raises:
        InputError: when there is no such source, or it holds anything but images in range.
    """
    return resolve(source, Request(labels, split, limit, image_size, channels, data_format))


def load(
    source: Any,
    split: str = "train",
    limit: int | None = None,
    *,
    labels: Any = None,
    image_size: int | tuple[int, int] | None = None,
    channels: int | None = None,
    data_format: str | None = None,
) -> Any:
    """Loads images into memory, for evaluation. Files are decoded in parallel.

    Args:
        source, image_size, channels, data_format: as in `multi_view`.
        split: `"train"` or `"test"`; arrays, `tf.data.Dataset`s and folders without a folder
            `train` have no split and ignore it.
        limit: int or None, the first so many images only; of a folder so many evenly spaced ones.
        labels: array of N labels, for a source that has none of its own.

    Returns:
        An object with `.images` (`(N, H, W, C)`, uint8 or float32 in `[0, 1]`), `.labels` (or
        None), `.name`, `.fingerprint` (16 hexadecimal digits over the content), `.files` (of each
        image, or None) and `.skipped` (file -> why it could not be read). It is itself a source.

    Raises:
        InputError: for sources that are not understood, hold anything but images in range, or take
            more than the memory that is available.
    """
    request = Request(labels, split, limit, image_size, channels, data_format)
    return resolve(source, request).in_memory()


def batches(
    source: Any,
    batch_size: int,
    *,
    labels: Any = None,
    split: str = "train",
    limit: int | None = None,
    image_size: int | tuple[int, int] | None = None,
    channels: int | None = None,
    data_format: str | None = None,
    with_labels: bool = False,
) -> Any:
    """A `tf.data.Dataset` of plain images in the order of the source, for evaluation.

    Nothing is kept in memory but the batches on their way. `dataset.skipped` is as in `multi_view`;
    files that cannot be read are left out. After a pass, `dataset.source.files` names the images'
    files, one for each row.

    Args:
        source, labels, split, limit, image_size, channels, data_format: as in `multi_view`.
        batch_size: int of at least 1.
        with_labels: bool. True gives `(images, labels)`, False the images alone.

    Returns:
        A finite `tf.data.Dataset` of float32 image batches `(B, H, W, C)` in `[0, 1]`, the last one
        smaller where the images do not divide evenly.

    Raises:
        InputError: for anything above that does not hold.
    """
    check_count("batch_size", batch_size)
    found = resolve(source, Request(labels, split, limit, image_size, channels, data_format))
    check_labels(found, with_labels)

    def finish(images, *labels):
        return (scaled(images), *labels) if with_labels else scaled(images)

    dataset = found.batches(batch_size, with_labels)
    dataset = dataset.map(finish, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
    dataset = dataset.prefetch(tf.data.AUTOTUNE)
    dataset.source, dataset.skipped = found, found.skipped
    return dataset


def check_labels(source, with_labels):
    """Raises `InputError` where labels are asked for and there are none."""
    if with_labels and not source.has_labels:
        raise InputError(
            "`with_labels=True` needs labels, and this source has none: pass them as `labels=`, or "
            "as a pair (images, labels)."
        )


def scaled(images):
    """A batch as float32 in `[0, 1]`."""
    if images.dtype == tf.uint8:
        return tf.cast(images, tf.float32) / 255.0
    return tf.cast(images, tf.float32)
