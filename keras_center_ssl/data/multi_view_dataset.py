"""Batches of random views for training, from any source.

All randomness is a function of `(seed, epoch, step)`: the order of an epoch (`steps.py`) of the
first two, the views of a batch of all three.
"""

import contextlib
import dataclasses
from typing import Any

import numpy as np

from keras_center_ssl.data.arguments import check_count
from keras_center_ssl.data.loading import check_labels, scaled
from keras_center_ssl.data.request import Request
from keras_center_ssl.data.resolve import resolve
from keras_center_ssl.data.seeds import VIEWS, base_seed, fold_in
from keras_center_ssl.data.source import Source
from keras_center_ssl.data.steps import Epochs, Part
from keras_center_ssl.engine.tensorflow_when_used import tf
from keras_center_ssl.errors import InputError
from keras_center_ssl.views.composition import call_options, own_seed
from keras_center_ssl.views.randomness import rows_of_batch


def multi_view(
    source: Any,
    views: Any,
    batch_size: int,
    *,
    labels: Any = None,
    split: str = "train",
    shuffle: bool = True,
    seed: int | None = 0,
    drop_remainder: bool = True,
    with_labels: bool = False,
    limit: int | None = None,
    image_size: int | tuple[int, int] | None = None,
    channels: int | None = None,
    data_format: str | None = None,
    cache_bytes: int = 2**30,
    num_parallel_calls: int | None = None,
) -> Any:
    """A `tf.data.Dataset` of random views, for `model.fit`.

    ```python
    dataset = kcs.data.multi_view("fashion_mnist", views=kcs.views.simclr(28), batch_size=256)
    ```

    One pass is one epoch and sees every image once (less the last, incomplete batch). The next pass
    has another order and other views; two datasets made alike give the same epochs, bit for bit.
    On the dataset, `position` is the `Position` of the next pass, which can be set; `skipped` a
    dict of the files that could not be read so far, and why; `source` what was made of `source`.

    Args:
        source: one of

            - an array of images `(N, H, W)` or `(N, H, W, C)`, uint8 or float in `[0, 1]`, or a
              pair (images, labels) of arrays;
            - the path of a folder of images (JPEG, PNG, BMP, GIF, WebP), read with all folders
              below it. The folders of the first level are the labels, if there are at least two
              and no images beside them. `train` and `test` (or `val`) in it are its splits. Files
              that cannot be read are skipped and listed in `dataset.skipped`; another image
              takes their place in the batch. So are images of more than 64 million pixels
              (`KERAS_CENTER_SSL_MAX_PIXELS` sets another limit), what is no regular file, and links
              to what the folder has already. Of an animation the first frame is taken. The rotation
              in EXIF data is ignored. PNGs of 16 bits a channel give float images;
            - the path of a `.npy` or `.npz` file (see `numpy_files.py` for the names of arrays in
              it), of which only what a batch needs is read, and checked;
            - `"tfds:NAME"`, `"tfds:NAME[SPLIT]"` or a builder of tensorflow-datasets;
            - a `tf.data.Dataset` of images or (image, label) pairs;
            - one of the names `"fashion_mnist"`, `"mnist"`, `"cifar10"`, `"cifar100"`, `"digits"`;
            - what `kcs.data.open_source` or `kcs.data.load` returned.

        views: a recipe such as `kcs.views.simclr(32)`, or any callable that takes a batch
            `(B, H, W, C)`, float32 in `[0, 1]`, to a tuple of batches. One that takes `seed=` gets
            an int32 tensor `(2,)`; one that does not is outside what is said here of repeatability.
            `None`: images, for a method that makes the views itself (`compile(views=...)`).
        batch_size: int of at least 2, images per step over all replicas.
        labels: array of N labels, for a source that has none of its own.
        split: `"train"` or `"test"`, for sources that have splits.
        shuffle: bool. False keeps the order of the source. Arrays and folders are shuffled as a
            whole; `tfds:` by the order of its files and, as a `tf.data.Dataset`, in a window of
            10,000 images or 1 GiB.
        seed: int, where all randomness starts.
        drop_remainder: bool. False keeps the last, smaller batch of an epoch.
        with_labels: bool. True gives `(views, labels)`, for online probes; False `(views,)`.
        limit: int or None, the first so many images of the source only; of a folder so many
            evenly spaced ones, since the first would be of one class.
        image_size: int, pair (height, width) or None: brings all images to one size before the
            views, the shorter side resized and the middle of the longer one kept, as ImageNet is
            prepared. Sources of mixed sizes need it. Random crops then come from this square:
            choose it a little larger than the views, e.g. 256 for views of 224.
        channels: 1, 3 or None. Alpha is dropped; None leaves arrays as they are, and reads a
            folder as grey where its images are, else as colour.
        data_format: None, `"channels_last"` or `"channels_first"`, for arrays, files of arrays and
            `tf.data.Dataset`s. None is channels last, and an error for shapes that look otherwise.
        cache_bytes: int. A folder or `tfds:` source whose decoded images take no more is decoded
            once, into memory, when the dataset is made. 0: never.
        num_parallel_calls: int or None, batches made at the same time; None leaves it to `tf.data`.
            It changes the speed only.

    Returns:
        A finite `tf.data.Dataset` with elements `(views,)` or `(views, labels)`, `views` being a
        tuple of image batches; with `views=None` one batch, uint8 or float as the source has it.
        Its cardinality is known where the source's is.

    Raises:
        InputError: for anything above that does not hold.
    """
    _check_batch_size(batch_size)
    if views is not None and not callable(views):
        raise InputError(
            "`views` is a recipe such as `kcs.views.simclr(32)`, a callable that takes a batch "
            f"of images to a tuple of batches. Received: {views!r} of type {type(views).__name__}."
        )
    check_count("seed", seed, smallest=0)
    check_count("num_parallel_calls", num_parallel_calls, optional=True)
    check_count("cache_bytes", cache_bytes, smallest=0)
    found = resolve(source, Request(labels, split, limit, image_size, channels, data_format))
    if found.from_disk and found.nbytes is not None and found.nbytes <= cache_bytes:
        found = found.in_memory()
    check_labels(found, with_labels)
    _check_enough(found.count, batch_size, drop_remainder)
    epochs = Epochs(batch_size, base_seed(seed), shuffle, drop_remainder)
    return _MultiView(found, views, epochs, with_labels, num_parallel_calls).rows_of()


def _check_batch_size(batch_size):
    if isinstance(batch_size, (int, np.integer)) and batch_size < 2:
        raise InputError(
            "`batch_size` is at least 2, because self-supervised objectives compare the samples of "
            f"a batch. Received: {batch_size!r}."
        )
    check_count("batch_size", batch_size, smallest=2)


def _check_enough(count, batch_size, drop_remainder):
    if count is not None and count < (batch_size if drop_remainder else 2):
        raise InputError(
            f"A batch of {batch_size} images cannot be made of {count}: pass more images or a "
            "smaller `batch_size`"
            + (", or `drop_remainder=False`." if drop_remainder and count > 1 else ".")
        )


@dataclasses.dataclass(frozen=True, eq=False)
class _MultiView:
    """What the datasets of one `multi_view` have in common: all rows, and each worker's."""

    source: Source
    views: object
    epochs: Epochs
    with_labels: bool
    num_parallel_calls: int | None

    def rows_of(self, part=0, parts=1, endless=False):
        """The dataset, or of every batch the rows of one of `parts` workers, `endless` or not."""
        read = self.source.step_reader(self.epochs, self.with_labels)
        rows = Part(part, parts)

        # No AutoGraph: it would wrap an InputError of the views in pages of generated code.
        @tf.autograph.experimental.do_not_convert
        def finish(item, epoch, step):
            total, images, *labels = read(item, epoch, step, rows)
            first = None if parts == 1 else rows.bounds(total)[0]
            if self.views is None:
                # As they were read: bytes are a quarter of what goes to the device.
                return (images, *labels)
            return (self._make_views(scaled(images), epoch, step, first, total), *labels)

        dataset = self.source.steps(self.epochs, endless).map(
            finish,
            num_parallel_calls=self.num_parallel_calls or tf.data.AUTOTUNE,
            deterministic=True,
        )
        options = tf.data.Options()
        # There are no files to share out among workers: they take turns at the batches.
        policy = tf.data.experimental.AutoShardPolicy.DATA
        options.experimental_distribute.auto_shard_policy = policy
        dataset = dataset.prefetch(tf.data.AUTOTUNE).with_options(options)
        dataset.position = self.epochs.position
        dataset.source, dataset.skipped = self.source, self.source.skipped
        dataset.rows_of = self.rows_of
        return dataset

    def _make_views(self, images, epoch, step, first, total):
        """Views, random by `(seed, epoch, step)`, of the rows from `first` on of a batch of
        `total`; of all of it where `first` is None."""
        own = fold_in(self.epochs.seed, VIEWS, epoch, step)
        given = {"training": True, "seed": own}
        with contextlib.nullcontext() if first is None else rows_of_batch(first, total):
            given["seed"] = own_seed(self.views, own)
            made = self.views(images, **{name: given[name] for name in call_options(self.views)})
        return tuple(made) if isinstance(made, (tuple, list)) else (made,)
