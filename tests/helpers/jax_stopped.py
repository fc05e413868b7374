"""Trains as one of several processes of JAX until a signal comes; says at which step it ended.

python -m tests.helpers.jax_stopped FOLDER PORT PROCESSES NUMBER
"""

import pathlib
import sys

import keras
import numpy as np

import keras_center_ssl as kcs


class Views(keras.utils.PyDataset):
    def __len__(self):
        return 5  # at whose end there is a checkpoint

    def __getitem__(self, step):
        rng = np.random.default_rng(step)
        return (tuple(rng.random((16, 8, 8, 1), "float32") for _ in range(2)),)


class Steps(keras.callbacks.Callback):
    """Leaves the number of steps so far in a file, for who waits to send a signal."""

    def __init__(self, file):
        super().__init__()
        self.file, self.total = file, 0

    def on_train_batch_end(self, batch, logs=None):
        self.total += 1
        self.file.write_text(str(self.total))


def main(folder, port, processes, number):
    folder = pathlib.Path(folder) / number
    keras.distribution.initialize(f"127.0.0.1:{port}", int(processes), int(number))
    keras.distribution.set_distribution(keras.distribution.DataParallel())
    keras.utils.set_random_seed(0)
    inputs = keras.Input((8, 8, 1))
    encoder = keras.Model(inputs, keras.layers.Dense(8)(keras.layers.Flatten()(inputs)))
    model = kcs.methods.SimCLR(encoder, hidden_dim=16, output_dim=8)
    model.compile(keras.optimizers.SGD(0.02))
    folder.mkdir()
    checkpoint = kcs.callbacks.Checkpoint(folder / "checkpoints")
    steps = Steps(folder / "steps")
    with kcs.callbacks.stop_on_signals(checkpoint):
        try:
            model.fit(Views(), epochs=1000, shuffle=False, verbose=0, callbacks=[steps, checkpoint])
        except kcs.TrainingStopped as stopped:
            (folder / "stopped").write_text(f"{steps.total}")
            sys.exit(128 + stopped.signal)


if __name__ == "__main__":
    main(*sys.argv[1:])
