"""Our methods: one step, and `fit` with its views."""

import contextlib
import time

import keras
import numpy as np
import tensorflow as tf
from timing import Prepared, per_step, repeated, resident

import keras_center_ssl as kcs
from keras_center_ssl.engine.cpu import has_fast_bfloat16
from ours.encoders import passes
from ours.networks import build, count
from ours.views import images

SKIPPED = 4  # steps of a `fit` until views and steps have settled to a common pace


def fast_bfloat16():
    """Nothing to time: fails where bfloat16 is slower than float32, with the reason."""
    if not has_fast_bfloat16():
        raise RuntimeError("this CPU has no instructions for bfloat16 (AMX, AVX512-BF16)")
    return Prepared(lambda seconds: seconds, 0)


def step(method, arguments, batch_size, size=32, width=16, jit_compile="auto", precision="float32"):
    """One training step, as `fit` runs it, on views that are there already."""
    model = _model(method, arguments, size, width, jit_compile, precision)
    batch = tf.data.Dataset.from_tensors((_views(batch_size, size),)).repeat()
    batches = iter(batch)
    model.make_train_function()
    return repeated(
        lambda: float(model.train_function(batches)["loss"]),
        2 * batch_size,
        {"parameters": count(model.trainable_variables)},
    )


def encoder_passes(method, arguments, batch_size, size=32, width=16):
    """The encoder's share of that step: forward and backward, and the teacher's forward, alone."""
    model = _model(method, arguments, size, width)
    encoder, teacher = model.encoder, getattr(model, "teacher", None)
    # MoCo, symmetric here, and all other methods with a teacher show it both views.
    teachers = [teacher.models[0]] * 2 if teacher is not None else []
    run = passes([encoder, encoder], batch_size, size, teachers=teachers)
    return repeated(lambda: run()[0][0].numpy(), 2 * batch_size)


def tracking(method, arguments, batch_size, size=32, width=16):
    """What the centre trackers add to that step: their update and the figures, alone."""
    model = _model(method, arguments, size, width)
    embeddings = [
        tf.random.normal((batch_size, tracker.dim)) for tracker in model.trackers.values()
    ]

    @tf.function(jit_compile=False)
    def track():
        for tracker, z in zip(model.trackers.values(), embeddings, strict=True):
            tracker.update_state(z, z)
        return [tracker.result() for tracker in model.trackers.values()]

    return repeated(lambda: track()[0]["center_norm"].numpy(), 2 * batch_size, least=20)


def fit(method, arguments, batch_size, size=32, width=16, cached=False, precision="float32"):
    """A step of `fit`, views included, from images in memory; `cached` takes views made before."""
    model = _model(method, arguments, size, width, precision=precision)
    dataset = kcs.data.multi_view(
        images(64 * batch_size, size, 3), kcs.views.simclr(size), batch_size
    )
    if cached:
        dataset = dataset.take(4).cache()
        for _ in dataset:
            pass
    return fitted(model, dataset.repeat(), batch_size)


def fitted(model, dataset, batch_size):
    """A step of `fit` on an endless dataset of two views, once its pace is steady."""

    def stamps(steps):
        clock = _Clock()
        model.fit(dataset, steps_per_epoch=steps, verbose=0, callbacks=[clock])
        return clock.stamps

    pace = per_step(stamps(SKIPPED + 3), SKIPPED)

    def run(seconds):
        return per_step(stamps(SKIPPED + 1 + max(3, round(seconds / pace))), SKIPPED)

    return Prepared(run, 2 * batch_size)


def memory(method, arguments, batch_size, size=32, width=16, steps=5):
    """Peak memory of a few steps. In a process of its own: a peak never falls."""
    before = resident("VmRSS")
    contestant = step(method, arguments, batch_size, size, width)
    for _ in range(steps):
        contestant.run(0.0)
    contestant.facts |= {"peak": resident("VmHWM"), "before": before}
    return contestant


class _Clock(keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.stamps = []

    def on_train_batch_end(self, batch, logs=None):
        self.stamps.append(time.perf_counter())


def _model(method, arguments, size, width, jit_compile="auto", precision="float32"):
    keras.utils.set_random_seed(0)
    with _policy(precision):
        encoder = build("resnet_small", size, width=width)
        model = getattr(kcs.methods, method)(encoder, **arguments)
    model.compile(keras.optimizers.SGD(0.03, momentum=0.9), jit_compile=jit_compile)
    return model


@contextlib.contextmanager
def _policy(name):
    """Keras' dtype policy for the layers that are made in the block: others share the process."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def _views(batch_size, size):
    return tuple(
        np.random.default_rng(view).random((batch_size, size, size, 3), "float32")
        for view in range(2)
    )
