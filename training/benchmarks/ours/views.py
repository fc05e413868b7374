"""Our views, as `fit` gets them."""

import time

import numpy as np
import photographs
from timing import Prepared

import keras_center_ssl as kcs


def images(count, size, channels):
    """`count` random images as bytes, `(count, size, size, channels)`."""
    return np.random.default_rng(0).integers(0, 256, (count, size, size, channels), "uint8")


def multi_view(size, channels, batch_size):
    """`kcs.data.multi_view` with SimCLR's recipe, blur included; counted in views."""
    source = images(32 * batch_size, size, channels)  # an epoch of 32 steps
    dataset = kcs.data.multi_view(source, kcs.views.simclr(size), batch_size).repeat()
    return _batches(dataset, batch_size)


def folder(size, image_size, batch_size):
    """The same from JPEGs of 500 x 375 pixels, each decoded whenever it is wanted."""
    dataset = kcs.data.multi_view(
        photographs.folder(),
        kcs.views.simclr(size),
        batch_size,
        image_size=image_size,
        cache_bytes=0,
    )
    return _batches(dataset.repeat(), batch_size)


def _batches(dataset, batch_size):
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
