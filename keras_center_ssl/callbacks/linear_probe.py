"""A linear classifier that is trained beside a model, on features it cannot change."""

import keras
import numpy as np

from keras_center_ssl import evaluation
from keras_center_ssl.callbacks.labelled import every_epochs, labelled_images
from keras_center_ssl.errors import InputError


class LinearProbe(keras.callbacks.Callback):
    """Logs `linear_accuracy`: an online linear probe on the encoder's features.

    At the end of every `every`-th epoch the encoder's features of the labelled images, computed
    in inference mode, are standardised and go once through a linear classifier, which keeps its
    weights between the evaluations and so follows the encoder. The features are constants to it:
    neither labels nor gradients reach the encoder.

    Args:
        train: Images and labels to fit on: a pair of arrays, or a labelled source of `kcs.data`.
        test: Images and labels to classify. `None`: the source's test images.
        every: Epochs between two evaluations; the last epoch is always evaluated.
        passes: Passes over the features at each evaluation.
        learning_rate: Of the classifier, SGD with momentum .9.
        limit: Use so many images of each part only.
        name: Of the figure in the logs.
        seed: Of the order of the samples.
    """

    def __init__(
        self,
        train,
        test=None,
        every=1,
        passes=5,
        learning_rate=0.1,
        limit=None,
        name="linear_accuracy",
        seed=0,
    ):
        super().__init__()
        self.train = labelled_images(train, "train", "train", limit)
        self.test = labelled_images(train if test is None else test, "test", "test", limit)
        self.classes, self._numbers = np.unique(self.train[1], return_inverse=True)
        if len(self.classes) < 2:
            raise InputError(
                f"A linear probe needs labels of 2 or more classes; received "
                f"{self.classes.tolist()!r}."
            )
        self.every = every_epochs(every)
        self.passes = passes
        self.learning_rate = learning_rate
        self.name = name
        self._rng = np.random.default_rng(seed)
        self._weights = self._bias = None

    def on_epoch_end(self, epoch, logs=None):
        if (epoch + 1) % self.every and epoch + 1 != self.params.get("epochs"):
            return
        train, test = (evaluation.embed(self.model, part[0]) for part in (self.train, self.test))
        mean, deviation = train.mean(axis=0), train.std(axis=0) + 1e-6
        train, test = (train - mean) / deviation, (test - mean) / deviation
        self._fit(train)
        predicted = self.classes[(test @ self._weights + self._bias).argmax(axis=1)]
        logs[self.name] = float(np.mean(predicted == self.test[1]))

    def _fit(self, features, batch_size=256):
        """Softmax regression by SGD with momentum, going on from the last weights."""
        if self._weights is None:
            self._weights = np.zeros((features.shape[1], len(self.classes)), "float32")
            self._bias = np.zeros(len(self.classes), "float32")
        speed, speed_bias = np.zeros_like(self._weights), np.zeros_like(self._bias)
        rate = self.learning_rate / features.shape[1] ** 0.5
        for _ in range(self.passes):
            order = self._rng.permutation(len(features))
            for start in range(0, len(order), batch_size):
                rows = order[start : start + batch_size]
                logits = features[rows] @ self._weights + self._bias
                errors = np.exp(logits - logits.max(axis=1, keepdims=True))
                errors /= errors.sum(axis=1, keepdims=True)
                errors[np.arange(len(rows)), self._numbers[rows]] -= 1.0
                errors /= len(rows)
                speed = 0.9 * speed - rate * features[rows].T @ errors
                speed_bias = 0.9 * speed_bias - rate * errors.sum(axis=0)
                self._weights = self._weights + speed
                self._bias = self._bias + speed_bias
