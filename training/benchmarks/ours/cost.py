"""What `cost.py` measures: losses, the centre tracker and steps of any size."""

import keras
import numpy as np
import tensorflow as tf
from timing import repeated

import keras_center_ssl as kcs
from ours.methods import fitted
from ours.networks import build


def loss(name, batch_size, dim):
    """Forward and backward pass of a loss of two embeddings."""
    function = getattr(kcs.losses, name)
    # The third term of the centre objective is where its dimension matters.
    options = {"decorrelation_weight": 1.0} if name == "center" else {}
    z1, z2 = (tf.Variable(tf.random.normal((batch_size, dim))) for _ in range(2))

    @tf.function(jit_compile=False)
    def run():
        with tf.GradientTape() as tape:
            value = function(z1.value(), z2.value(), **options)
        return tape.gradient(value, [z1, z2])

    return repeated(lambda: run()[0][0, 0].numpy(), batch_size, least=1)


def tracking(batch_size, dim):
    """One update of the centre tracker, and its figures."""
    tracker = kcs.CenterTracker(dim, within_steps=True)
    z1, z2 = (tf.random.normal((batch_size, dim)) for _ in range(2))

    @tf.function(jit_compile=False)
    def run():
        tracker.update_state(z1, z2)
        return tracker.result()

    return repeated(lambda: run()["center_norm"].numpy(), batch_size, least=1)


def step(method, batch_size, replicas=1, size=32, width=16):
    """A step of `fit` on views made before; `replicas` logical CPUs share the batch."""
    if replicas > 1:
        cpu = tf.config.list_physical_devices("CPU")[0]
        devices = [tf.config.LogicalDeviceConfiguration()] * replicas
        tf.config.set_logical_device_configuration(cpu, devices)
        strategy = tf.distribute.MirroredStrategy([f"CPU:{i}" for i in range(replicas)])
    else:
        strategy = tf.distribute.get_strategy()
    with strategy.scope():
        encoder = build("resnet_small", size, width=width)
        model = getattr(kcs.methods, method)(encoder, hidden_dim=256, output_dim=128)
        model.compile(keras.optimizers.SGD(0.03, momentum=0.9))
    rng = np.random.default_rng(0)
    views = tuple(rng.random((batch_size, size, size, 3), "float32") for _ in range(2))
    return fitted(model, tf.data.Dataset.from_tensors((views,)).repeat(), batch_size)
