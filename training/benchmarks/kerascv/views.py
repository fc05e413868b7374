"""SimCLR's recipe of KerasCV's batched layers, in `tf.data`."""

import time

import keras_cv
import numpy as np
import tensorflow as tf
from timing import Prepared

layers = keras_cv.layers


def batched(size, channels, batch_size):
    """Crop and flip; jitter, grey and blur for some of the images; counted in views."""
    view = _simclr(size)
    images = np.random.default_rng(0).integers(
        0, 256, (4 * batch_size, size, size, channels), "uint8"
    )

    def two_views(batch):
        batch = tf.cast(batch, tf.float32) / 255.0
        return view(batch), view(batch)

    dataset = (
        tf.data.Dataset.from_tensor_slices(images)
        .repeat()
        .shuffle(4 * batch_size)
        .batch(batch_size, drop_remainder=True)
        .map(two_views, num_parallel_calls=tf.data.AUTOTUNE)
        .prefetch(tf.data.AUTOTUNE)
    )

    def run(seconds):
        batches = iter(dataset)
        for _ in range(3):
            next(batches)
        steps, start = 0, time.perf_counter()
        while steps < 4 or time.perf_counter() < start + seconds:
            next(batches)
            steps += 1
        return (time.perf_counter() - start) / steps

    run(0.1)
    return Prepared(run, 2 * batch_size)


def _simclr(size):
    crop = layers.RandomCropAndResize(
        (size, size),
        (0.08, 1.0),
        (3 / 4, 4 / 3),
        interpolation="bilinear",  # it has no bicubic
    )
    flip = layers.RandomFlip("horizontal")
    # KerasCV's RandomApply decides image by image in a loop; a choice between two batches is
    # several times as fast.
    sometimes = [
        (0.8, layers.RandomColorJitter((0, 1), 0.8, 0.8, 0.8, 0.2)),
        (0.2, layers.Grayscale(output_channels=3)),
        (0.5, layers.RandomGaussianBlur(kernel_size=max(3, size // 10 | 1), factor=(0.1, 2.0))),
    ]

    def view(batch):
        batch = flip(crop(batch, training=True), training=True)
        for probability, layer in sometimes:
            chosen = tf.random.uniform((tf.shape(batch)[0], 1, 1, 1)) < probability
            batch = tf.where(chosen, layer(batch, training=True), batch)
        return batch

    return view
