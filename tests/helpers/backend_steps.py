"""Trains every method for 5 steps, from stored weights on stored views, and saves what came out.

python -m tests.helpers.backend_steps FOLDER NAME [CASE ...]

The first program that runs stores the models it starts from; the next ones load them. On JAX with
more than one device it trains under `keras.distribution.DataParallel`.
"""

import pathlib
import sys

import keras
import numpy as np

import keras_center_ssl as kcs
from tests.helpers.replica_cases import CASES

STEPS, BATCH = 5, 16


def encoder():
    """The smallest encoder with a batch norm."""
    images = keras.Input((8, 8, 1))
    x = keras.layers.Conv2D(4, 3, strides=2, use_bias=False)(images)
    x = keras.layers.ReLU()(kcs.encoders.BatchNormalization()(x))
    return keras.Model(images, keras.layers.Flatten()(x))


def stored_start(case, folder):
    """The compiled model of a case, the same one in every program."""
    file = folder / f"{case}.keras"
    if not file.is_file():
        keras.utils.set_random_seed(0)
        model = getattr(kcs.methods, case.split("-")[0])(encoder(), **CASES[case])
        model.compile(keras.optimizers.SGD(0.02, momentum=0.9))
        model.save(file)
    return keras.saving.load_model(file)


class StoredViews(keras.utils.PyDataset):
    """The same batches everywhere, without TensorFlow: a machine with a GPU may have none."""

    def __init__(self):
        super().__init__()
        rng = np.random.default_rng(0)
        self.first = rng.random((STEPS, BATCH, 8, 8, 1), "float32")
        noise = 0.1 * rng.standard_normal(self.first.shape)
        self.second = np.clip(self.first + noise, 0, 1).astype("float32")

    def __len__(self):
        return STEPS

    def __getitem__(self, step):
        return ((self.first[step], self.second[step]),)


def check_round_trip(model, file):
    model.save(file)
    loaded = keras.saving.load_model(file)
    old, new = ([*m.variables, *m.optimizer.variables] for m in (model, loaded))
    for one, other in zip(old, new, strict=True):
        np.testing.assert_array_equal(np.asarray(other), np.asarray(one), err_msg=one.path)


def main(folder, name, *cases):
    folder = pathlib.Path(folder)
    if keras.backend.backend() == "jax" and keras.distribution.get_device_count() > 1:
        keras.distribution.set_distribution(keras.distribution.DataParallel())
    for case in cases or CASES:
        model = stored_start(case, folder)
        # One step an epoch: every step has its own loss and figures in the history.
        history = model.fit(
            StoredViews(), shuffle=False, epochs=STEPS, steps_per_epoch=1, verbose=0
        ).history
        check_round_trip(model, folder / f"{case}-{name}.keras")
        logs = {f"log/{key}": values for key, values in history.items()}
        weights = {f"weight/{i:03}/{v.path}": np.asarray(v) for i, v in enumerate(model.variables)}
        np.savez(folder / f"{case}-{name}.npz", **logs, **weights, devices=_devices(model))


def _devices(model):
    value = model.trainable_variables[0].value
    return len(value.sharding.device_set) if hasattr(value, "sharding") else 1


if __name__ == "__main__":
    main(*sys.argv[1:])
