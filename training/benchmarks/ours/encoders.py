"""Our encoders' training step and inference."""

import tempfile

import keras
import numpy as np
import tensorflow as tf
from timing import repeated

import keras_center_ssl as kcs
from ours.networks import build, count


def passes(encoders, images, size=32, channels=3, teachers=()):
    """A function that runs forward and backward passes, and teachers' forward passes, of a batch.

    The gradients are its results: TensorFlow would leave out what nothing asks for.
    """
    batch = tf.random.uniform((images, size, size, channels), seed=0)

    @tf.function(jit_compile=False)
    def run():
        with tf.GradientTape() as tape:
            loss = sum(tf.reduce_mean(encoder(batch, training=True)) for encoder in encoders)
        weights = [w.value for w in encoders[0].trainable_variables]
        targets = [teacher(batch, training=True) for teacher in teachers]
        return tape.gradient(loss, weights), targets

    return run


def training_step(network, batch_size, normalization="fused", size=32, channels=3, **options):
    """Forward and backward pass, with our batch normalisation (`"fused"`) or Keras' own."""
    encoder = build(network, size, channels, **options)
    if normalization == "stock":
        encoder = kcs.encoders.plain(encoder)
    run = passes([encoder], batch_size, size, channels)
    facts = {"parameters": count(encoder.trainable_variables)}
    return repeated(lambda: run()[0][0].numpy(), batch_size, facts, least=2)


def predict(network, batch_size, size=32, channels=3, **options):
    """Keras' `predict` on one batch."""
    encoder = build(network, size, channels, **options)
    images = _images(batch_size, size, channels)
    return repeated(
        lambda: encoder.predict(images, batch_size=batch_size, verbose=0), batch_size, least=10
    )


def onnx(network, batch_size, threads, size=32, channels=3, **options):
    """The exported file in ONNX Runtime."""
    import onnxruntime

    encoder = build(network, size, channels, **options)
    with tempfile.TemporaryDirectory() as folder:
        bundle = kcs.export.export_bundle(encoder, f"{folder}/bundle", formats=("onnx",))
        settings = onnxruntime.SessionOptions()
        settings.intra_op_num_threads = threads
        session = onnxruntime.InferenceSession(
            str(bundle / "encoder.onnx"), settings, providers=["CPUExecutionProvider"]
        )
    images = _images(batch_size, size, channels)
    call = lambda: session.run(["features"], {"images": images})  # noqa: E731
    difference = np.abs(call()[0] - keras.ops.convert_to_numpy(encoder(images))).max()
    return repeated(call, batch_size, {"largest_difference": float(difference)}, least=10)


def _images(batch_size, size, channels):
    return np.random.default_rng(0).random((batch_size, size, size, channels), "float32")
