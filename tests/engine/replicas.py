"""Trains every method for 5 steps on a number of replicas and saves what came out.

python replicas.py REPLICAS FOLDER
"""

import pathlib
import sys

import keras
import numpy as np
import tensorflow as tf
from replica_cases import CASES

import keras_center_ssl as kcs

STEPS, BATCH = 5, 16


def encoder():
    """The smallest encoder with a batch norm."""
    images = keras.Input((8, 8, 1))
    x = keras.layers.Conv2D(4, 3, strides=2, use_bias=False)(images)
    x = keras.layers.ReLU()(kcs.encoders.BatchNormalization()(x))
    return keras.Model(images, keras.layers.Flatten()(x))


def main(replicas, folder):
    replicas = int(replicas)
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    strategy = (
        tf.distribute.get_strategy()
        if replicas == 1
        else tf.distribute.MirroredStrategy([f"CPU:{i}" for i in range(replicas)])
    )
    for name, arguments in CASES.items():
        history, model = train(name.split("-")[0], arguments, strategy)
        logs = {f"log/{name}": values[0] for name, values in history.items()}
        weights = {f"weight/{i:03}/{v.path}": np.asarray(v) for i, v in enumerate(model.variables)}
        np.savez(pathlib.Path(folder) / f"{name}-{replicas}.npz", **logs, **weights)
        keras.backend.clear_session()


def train(method, arguments, strategy):
    keras.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    first = rng.random((STEPS * BATCH, 8, 8, 1), "float32")
    second = np.clip(first + 0.1 * rng.standard_normal(first.shape), 0, 1).astype("float32")
    dataset = tf.data.Dataset.from_tensor_slices(((first, second),)).batch(BATCH)
    with strategy.scope():
        model = getattr(kcs.methods, method)(encoder(), **arguments)
        model.compile(keras.optimizers.SGD(0.02, momentum=0.9))
    if strategy.num_replicas_in_sync > 1:
        dataset = strategy.experimental_distribute_dataset(dataset)
    history = model.fit(dataset, epochs=1, steps_per_epoch=STEPS, verbose=0).history
    return history, model


if __name__ == "__main__":
    main(*sys.argv[1:])
