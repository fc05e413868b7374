"""From a source to `tf.data`: batches of random views for training, batches of images otherwise.

All randomness is a function of `(seed, epoch, step)`. The order of an epoch is a permutation drawn
from `(seed, epoch)`; the views of a batch are drawn from `(seed, epoch, step)`. So a run is
repeatable, whatever the number of parallel calls, and can be taken up again in the middle.
"""

import contextlib
import threading

import numpy as np
import tensorflow as tf

from keras_center_ssl.data.checks import check_count
from keras_center_ssl.data.reading import in_memory, plain_batches, reader
from keras_center_ssl.data.resolve import resolve
from keras_center_ssl.data.sources import StreamSource
from keras_center_ssl.errors import InputError
from keras_center_ssl.views.composition import call_options, own_seed
from keras_center_ssl.views.randomness import rows_of_batch

# Images of a tf.data.Dataset held in memory to be shuffled: at most so many, and so many bytes.
SHUFFLE_WINDOW = 10_000
SHUFFLE_BYTES = 2**30


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


def multi_view(
    source,
    views,
    batch_size,
    *,
    labels=None,
    split="train",
    shuffle=True,
    seed=0,
    drop_remainder=True,
    with_labels=False,
    limit=None,
    image_size=None,
    channels=None,
    cache_bytes=2**30,
    num_parallel_calls=None,
):
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
              takes their place in the batch. The rotation in EXIF data is ignored. PNGs of 16
              bits a channel give float images;
            - the path of a `.npy` or `.npz` file (see `numpy_files.py` for the names of arrays in
              it), of which only what a batch needs is read, and checked;
            - `"tfds:NAME"`, `"tfds:NAME[SPLIT]"` or a builder of tensorflow-datasets;
            - a `tf.data.Dataset` of images or (image, label) pairs;
            - one of the names `"fashion_mnist"`, `"mnist"`, `"cifar10"`, `"cifar100"`, `"digits"`;
            - what `kcs.data.open_source` or `kcs.data.load` returned.

        views: a recipe such as `kcs.views.simclr(32)`, or any callable that takes a batch
            `(B, H, W, C)`, float32 in `[0, 1]`, to a tuple of batches. One that takes `seed=` gets
            an int32 tensor `(2,)`; one that does not is outside what is said here of repeatability.
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
        cache_bytes: int. A folder or `tfds:` source whose decoded images take no more is decoded
            once, into memory, when the dataset is made. 0: never.
        num_parallel_calls: int or None, batches made at the same time; None leaves it to `tf.data`.
            It changes the speed only.

    Returns:
        A finite `tf.data.Dataset` with elements `(views,)` or `(views, labels)`, `views` being a
        tuple of image batches. Its cardinality is known where the source's is.

    Raises:
        InputError: for anything above that does not hold.
    """
    if isinstance(batch_size, (int, np.integer)) and batch_size < 2:
        raise InputError(
            "`batch_size` is at least 2, because self-supervised objectives compare the samples of "
            f"a batch. Received: {batch_size!r}."
        )
    check_count("batch_size", batch_size, smallest=2)
    if not callable(views):
        raise InputError(
            "`views` is a recipe such as `kcs.views.simclr(32)`, or a callable that takes a batch "
            f"of images to a tuple of batches. Received: {views!r} of type {type(views).__name__}."
        )
    check_count("seed", seed, smallest=0)
    check_count("num_parallel_calls", num_parallel_calls, optional=True)
    check_count("cache_bytes", cache_bytes, smallest=0)
    found = resolve(
        source,
        labels=labels,
        split=split,
        limit=limit,
        image_size=image_size,
        channels=channels,
    )
    if found.from_disk and found.nbytes is not None and found.nbytes <= cache_bytes:
        found = in_memory(found)
    _check_labels(found, with_labels)
    count = found.count
    if count is not None and count < (batch_size if drop_remainder else 2):
        raise InputError(
            f"A batch of {batch_size} images cannot be made of {count}: pass more images or a "
            "smaller `batch_size`"
            + (", or `drop_remainder=False`." if drop_remainder and count > 1 else ".")
        )
    position = Position()
    seed = _base_seed(seed)
    make_views = _view_maker(views, seed)

    def rows_of(part=0, parts=1, endless=False):
        """The dataset, or of every batch the rows of one of `parts` workers, `endless` or not."""

        def bounds(total):
            return total * part // parts, total * (part + 1) // parts

        if isinstance(found, StreamSource):
            dataset = _stream_steps(
                found, batch_size, position, shuffle, seed, drop_remainder, endless
            )

            def read(batch, epoch, step):
                tensors = batch if found.has_labels else (batch,)
                first, last = bounds(_row_count(tensors[0]))
                images, *rest = (tensor[first:last] for tensor in tensors)
                return _row_count(tensors[0]), images, *(rest if with_labels else ())

        else:
            dataset = _array_steps(
                count, batch_size, position, shuffle, seed, drop_remainder, endless
            )
            rows = reader(found, with_labels)

            def read(indices, epoch, step):
                def others():
                    order = _order(count, epoch, shuffle, seed)
                    return tf.concat(
                        [order[(step + 1) * batch_size :], order[: step * batch_size]], axis=0
                    )

                first, last = bounds(_row_count(indices))
                return _row_count(indices), *rows(indices[first:last], others)

        # No AutoGraph: it would wrap an InputError of the views in pages of generated code.
        @tf.autograph.experimental.do_not_convert
        def finish(batch, epoch, step):
            total, images, *rest = read(batch, epoch, step)
            rows = None if parts == 1 else (bounds(total)[0], total)
            return (make_views(_scaled(images), epoch, step, rows), *rest)

        dataset = dataset.map(
            finish, num_parallel_calls=num_parallel_calls or tf.data.AUTOTUNE, deterministic=True
        )
        options = tf.data.Options()
        # There are no files to share out among workers: they take turns at the batches.
        policy = tf.data.experimental.AutoShardPolicy.DATA
        options.experimental_distribute.auto_shard_policy = policy
        dataset = dataset.prefetch(tf.data.AUTOTUNE).with_options(options)
        dataset.position = position
        dataset.source, dataset.skipped = found, found.skipped
        return dataset

    dataset = rows_of()
    dataset.rows_of = rows_of
    return dataset


def batches(
    source,
    batch_size,
    *,
    labels=None,
    split="train",
    limit=None,
    image_size=None,
    channels=None,
    with_labels=False,
):
    """A `tf.data.Dataset` of plain images in the order of the source, for evaluation.

    Nothing is kept in memory but the batches on their way. `dataset.skipped` is as in `multi_view`;
    files that cannot be read are left out.

    Args:
        source, labels, split, limit, image_size, channels: as in `multi_view`.
        batch_size: int of at least 1.
        with_labels: bool. True gives `(images, labels)`, False the images alone.

    Returns:
        A finite `tf.data.Dataset` of float32 image batches `(B, H, W, C)` in `[0, 1]`, the last one
        smaller where the images do not divide evenly.

    Raises:
        InputError: for anything above that does not hold.
    """
    check_count("batch_size", batch_size)
    found = resolve(
        source,
        labels=labels,
        split=split,
        limit=limit,
        image_size=image_size,
        channels=channels,
    )
    _check_labels(found, with_labels)

    def finish(images, *labels):
        return (_scaled(images), *labels) if with_labels else _scaled(images)

    dataset = plain_batches(found, batch_size, with_labels)
    dataset = dataset.map(finish, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
    dataset = dataset.prefetch(tf.data.AUTOTUNE)
    dataset.source, dataset.skipped = found, found.skipped
    return dataset


# -- parts -----------------------------------------------------------------------------------------


def _check_labels(found, with_labels):
    if with_labels and not found.has_labels:
        raise InputError(
            "`with_labels=True` needs labels, and this source has none: pass them as `labels=`, or "
            "as a pair (images, labels)."
        )


def _scaled(images):
    if images.dtype == tf.uint8:
        return tf.cast(images, tf.float32) / 255.0
    return tf.cast(images, tf.float32)


def _base_seed(seed):
    """An int32 seed `(2,)` from a non-negative Python int."""
    return tf.constant([seed % 2**31, seed // 2**31 % 2**31], tf.int32)


def _fold_in(seed, *numbers):
    for number in numbers:
        number = tf.cast(number, tf.int32)
        seed = tf.random.experimental.stateless_fold_in(seed, number, alg="philox")
    return seed


def _random_integers(shape, seed):
    return tf.random.stateless_uniform(shape, seed, None, None, tf.int64, alg="philox")


# What the first number folded into the base seed is for.
_ORDER, _VIEWS = 0, 1


def _row_count(tensor):
    """Size of the first axis: an int where it is known, else an int64 tensor."""
    return tensor.shape[0] or tf.shape(tensor, tf.int64)[0]


def _view_maker(views, seed):
    """A function `(images, epoch, step, rows)` to views, random by `(seed, epoch, step)`.

    `rows` is `None`, or which rows of the batch the images are: (first, size of the batch).
    """
    options = call_options(views)

    def make_views(images, epoch, step, rows=None):
        own = _fold_in(seed, _VIEWS, epoch, step)
        with rows_of_batch(*rows) if rows else contextlib.nullcontext():
            given = {"training": True, "seed": own_seed(views, own)}
            made = views(images, **{name: given[name] for name in options})
        return tuple(made) if isinstance(made, (tuple, list)) else (made,)

    return make_views


def _order(count, epoch, shuffle, seed):
    """The order of the images in `epoch`: a permutation of `range(count)`, int64."""
    if not shuffle:
        return tf.range(count, dtype=tf.int64)
    keys = _random_integers([count], _fold_in(seed, _ORDER, epoch))
    return tf.cast(tf.argsort(keys, stable=True), tf.int64)


def _array_steps(count, batch_size, position, shuffle, seed, drop_remainder, endless=False):
    """A dataset of `(indices, epoch, step)`, one element per batch: one pass, or all to come."""
    steps = count // batch_size if drop_remainder else -(-count // batch_size)

    # `scan` keeps, from batch to batch of one pass, where the pass began and the current order; it
    # also keeps the cardinality, which Keras shows as the number of steps.
    def advance(state, number):
        start, order_epoch, order = state
        start = tf.cond(start[0] < 0, position.begin, lambda: start)
        epoch = start[0] + (start[1] + number) // steps
        step = (start[1] + number) % steps
        order = tf.cond(
            tf.equal(epoch, order_epoch),
            lambda: order,
            lambda: _order(count, epoch, shuffle, seed),
        )
        indices = order[step * batch_size : (step + 1) * batch_size]
        if drop_remainder:
            indices = tf.ensure_shape(indices, [batch_size])
        return (start, epoch, order), (indices, epoch, step)

    initial = (
        tf.constant([-1, -1], tf.int64),
        tf.constant(-1, tf.int64),
        tf.zeros([count], tf.int64),
    )
    numbers = tf.data.Dataset.counter() if endless else tf.data.Dataset.range(steps)
    return numbers.scan(initial, advance)


def _stream_steps(found, batch_size, position, shuffle, seed, drop_remainder, endless=False):
    """A dataset of `(batch, epoch, step)`, one element per batch: one pass, or all to come."""

    count = found.count
    window = SHUFFLE_WINDOW if count is None else min(count, SHUFFLE_WINDOW)
    image_bytes = int(np.prod(found.image_shape)) * np.dtype(found.dtype).itemsize
    window = max(1, min(window, SHUFFLE_BYTES // image_bytes))

    def one_epoch(epoch):
        dataset = found.dataset
        if shuffle:
            number = _random_integers([], _fold_in(seed, _ORDER, epoch))
            if found.shuffled_files:
                dataset = found.shuffled_files(number)
            dataset = dataset.shuffle(window, number, reshuffle_each_iteration=False)
        dataset = dataset.batch(batch_size, drop_remainder=drop_remainder)
        return dataset.enumerate().map(lambda step, batch: (batch, epoch, step))

    def advance(start, number):
        start = tf.cond(start[0] < 0, position.begin, lambda: start)
        return start, start + tf.stack([number, 0])

    def one_pass(start):
        # `shuffle` mixes the global seed into its own (and fails where that is 0): fix it, in the
        # graph of this function alone.
        tf.compat.v1.set_random_seed(1)
        head, tail = one_epoch(start[0]), one_epoch(start[0] + 1)
        return head.skip(start[1]).concatenate(tail.take(start[1]))

    numbers = tf.data.Dataset.counter() if endless else tf.data.Dataset.range(1)
    starts = numbers.scan(tf.constant([-1, -1], tf.int64), advance)
    dataset = starts.flat_map(one_pass)
    if endless:
        return dataset.apply(tf.data.experimental.assert_cardinality(tf.data.INFINITE_CARDINALITY))
    if count is None:
        return dataset
    steps = count // batch_size if drop_remainder else -(-count // batch_size)
    return dataset.apply(tf.data.experimental.assert_cardinality(steps))
