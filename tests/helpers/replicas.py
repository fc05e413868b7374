"""Trains methods for a few steps on the replicas of a strategy and saves what came out.

python -m tests.helpers.replicas STRATEGY REPLICAS DTYPE BATCHES OUT CASE...

STRATEGY is `one`, `mirrored` (REPLICAS logical CPUs) or `workers` (as TF_CONFIG says). BATCHES is
`even` (all of the same, static size) or `uneven` (the last one is smaller, and evaluated too).
Each case goes to OUT-CASE.npz: logs, the gradient of the first step, weights and optimizer state.
"""

import sys

import keras
import numpy as np
import tensorflow as tf

import keras_center_ssl as kcs
from tests.helpers.replica_cases import CASES

BATCH = 16
# In float32 the first step only, long enough that the weights' rounding does not hide its gradient.
STEPS = {"float64": 5, "float32": 1}
RATE = {"float64": 0.05, "float32": 1.0}


def encoder():
    """The smallest encoder with a batch norm."""
    images = keras.Input((8, 8, 1))
    x = keras.layers.Conv2D(4, 3, strides=2, use_bias=False)(images)
    x = keras.layers.ReLU()(kcs.encoders.BatchNormalization()(x))
    return keras.Model(images, keras.layers.Flatten()(x))


def open_strategy(name, replicas):
    if name == "workers":
        return tf.distribute.MultiWorkerMirroredStrategy()
    cpu = tf.config.list_physical_devices("CPU")[0]
    devices = [tf.config.LogicalDeviceConfiguration()] * replicas
    tf.config.set_logical_device_configuration(cpu, devices)
    if name == "one":
        return tf.distribute.get_strategy()
    return tf.distribute.MirroredStrategy([f"CPU:{i}" for i in range(replicas)])


class FirstStep(keras.callbacks.Callback):
    """Keeps the loss of the first step, and what it changed."""

    def __init__(self, rate):
        super().__init__()
        self.rate = rate

    def on_train_begin(self, logs=None):
        self.before = weights(self.model)
        self.results = {}

    def on_train_batch_end(self, batch, logs=None):
        if batch == 0:
            after = weights(self.model)
            self.results = {
                # Momentum is 0 before the first step, so that the change is the gradient.
                **{f"gradient/{k}": (self.before[k] - after[k]) / self.rate for k in after},
                "first/loss": float(logs["loss"]),
            }


def weights(model):
    # Names alone are not unique: a teacher has those of its student.
    return {
        f"{i:03}/{v.path}": keras.ops.convert_to_numpy(v)
        for i, v in enumerate(model.trainable_variables)
    }


def train(method, arguments, strategy, dtype, even, in_step=False):
    keras.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    # 13 images in the last batch: neither 2 nor 3 replicas get the same number.
    count = STEPS[dtype] * BATCH - (0 if even else 3)
    first = rng.random((count, 8, 8, 1)).astype(dtype)
    second = np.clip(first + 0.1 * rng.standard_normal(first.shape), 0, 1).astype(dtype)
    views = tf.data.Dataset.from_tensor_slices((first,) if in_step else ((first, second),))
    made = {"views": kcs.views.simclr(8, area=(0.5, 1.0))} if in_step else {}
    dataset = views.batch(BATCH, drop_remainder=even)
    with strategy.scope():
        model = getattr(kcs.methods, method)(encoder(), **arguments)
        model.compile(keras.optimizers.SGD(RATE[dtype], momentum=0.9), **made)
    step = FirstStep(RATE[dtype])
    history = model.fit(dataset, epochs=1, verbose=0, callbacks=[step]).history
    results = {f"log/{name}": values[0] for name, values in history.items()}
    if not even:
        # The last batch has a single image: some replicas have none.
        few = views.take(BATCH + 1).batch(BATCH) if method in PER_SAMPLE else dataset
        logs = model.evaluate(few, verbose=0, return_dict=True)
        results |= {f"evaluated/{name}": value for name, value in logs.items()}
    assert all(type(value) is float for value in results.values()), results
    state = [*model.variables, *model.optimizer.variables]
    results |= {
        f"weight/{i:03}/{v.path}": keras.ops.convert_to_numpy(v) for i, v in enumerate(state)
    }
    return results | step.results


# Methods whose loss does not compare samples.
PER_SAMPLE = ("BYOL", "MoCo", "TiCo", "DINO")


def main(name, replicas, dtype, batches, out, *cases):
    keras.config.set_floatx(dtype)
    strategy = open_strategy(name, int(replicas))
    assert strategy.num_replicas_in_sync == int(replicas)
    for case in cases or CASES:
        method, _, kind = case.partition("-")
        even, in_step = batches == "even", kind == "views"
        results = train(method, CASES[case], strategy, dtype, even, in_step)
        np.savez(f"{out}-{case}.npz", **results)
        keras.backend.clear_session()


if __name__ == "__main__":
    main(*sys.argv[1:])
