"""Windows of real recordings that come with matplotlib: brain waves and a membrane's voltage."""

import pathlib

import keras
import matplotlib
import numpy as np


class Recordings:
    """Windows of five recordings, each standardised.

    Attributes:
        train, test: Numbers of windows; the last fifth of each recording is held out.
    """

    LENGTH, LATER, LOUDER, NOISE, STRIDE = 64, 8, 0.2, 0.3, 8

    def __init__(self):
        windows, held_out = [], []
        for signal in recordings():
            signal = ((signal - signal.mean()) / signal.std()).astype("float32")
            room = self.LENGTH + self.LATER
            starts = np.arange(0, len(signal) - room, self.STRIDE)
            windows.append(np.stack([signal[start : start + room] for start in starts]))
            # None of a test window's samples is in a training window.
            cut = 0.8 * len(signal)
            held_out.append(np.where(starts >= cut, 1, np.where(starts + room <= cut, 0, -1)))
        self.windows, held_out = np.concatenate(windows), np.concatenate(held_out)
        self.train, self.test = np.flatnonzero(held_out == 0), np.flatnonzero(held_out == 1)

    def views(self, numbers, rng):
        """Two views of the windows, each `(B, 64, 1)`."""
        return [self._view(self.windows[numbers], rng) for _ in range(2)]

    def _view(self, windows, rng):
        start = rng.integers(0, self.LATER + 1, (len(windows), 1))
        x = np.take_along_axis(windows, start + np.arange(self.LENGTH), axis=1)
        x = x * rng.uniform(1 - self.LOUDER, 1 + self.LOUDER, (len(x), 1))
        x = x + self.NOISE * rng.standard_normal(x.shape)
        return x[..., None].astype("float32")

    def encoder(self):
        inputs = keras.Input((self.LENGTH, 1))
        x = keras.layers.Conv1D(32, 7, strides=2, activation="relu")(inputs)
        x = keras.layers.Conv1D(64, 5, strides=2, activation="relu")(x)
        return keras.Model(inputs, keras.layers.GlobalAveragePooling1D()(x), name="signals")

    def accuracy(self, embedding):
        """There are no labels."""
        return float("nan")


def recordings():
    """Five signals: four channels of 800 samples, and one of 12,000, thinned to every fourth."""
    folder = pathlib.Path(matplotlib.get_data_path()) / "sample_data"
    waves = np.fromfile(folder / "eeg.dat", "float64").reshape(800, 4).T
    membrane = np.fromfile(folder / "membrane.dat", "float32")[::4]
    return [*waves, membrane]
