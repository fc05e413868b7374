"""Trains one method for 5 steps on a number of replicas and saves what came out. Run by the tests.

python replicas.py METHOD REPLICAS OUT.npz '{"argument": value}'
"""

import json
import sys

import keras
import numpy as np
import tensorflow as tf

import keras_center_ssl as kcs

STEPS, BATCH = 5, 16


def main(method, replicas, out, arguments):
    replicas, arguments = int(replicas), json.loads(arguments)
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    strategy = (
        tf.distribute.get_strategy()
        if replicas == 1
        else tf.distribute.MirroredStrategy([f"CPU:{i}" for i in range(replicas)])
    )
    keras.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    first = rng.random((STEPS * BATCH, 8, 8, 1), "float32")
    second = np.clip(first + 0.1 * rng.standard_normal(first.shape), 0, 1).astype("float32")
    dataset = tf.data.Dataset.from_tensor_slices(((first, second),)).batch(BATCH)
    with strategy.scope():
        encoder = kcs.encoders.resnet_small((8, 8, 1), width=4)
        model = getattr(kcs.methods, method)(encoder, **arguments)
        model.compile(keras.optimizers.SGD(0.05, momentum=0.9))
    if replicas > 1:
        dataset = strategy.experimental_distribute_dataset(dataset)
    history = model.fit(dataset, epochs=1, steps_per_epoch=STEPS, verbose=0).history
    logs = {f"log/{name}": values[0] for name, values in history.items()}
    weights = {f"weight/{i:03}/{v.path}": np.asarray(v) for i, v in enumerate(model.variables)}
    np.savez(out, **logs, **weights)


if __name__ == "__main__":
    main(*sys.argv[1:])
