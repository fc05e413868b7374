"""Passages of a real text that comes with Python itself, as hashed counts of their words."""

import re
import zlib

import keras
import numpy as np

import keras_center_ssl as kcs

BUCKETS = 512


class Passages:
    """Passages of the language reference, each with its topic for a label.

    Attributes:
        train, test: Numbers of passages; every fifth is held out.
    """

    LENGTH, KEPT, LOST = 40, 30, 0.15

    def __init__(self):
        from pydoc_data import topics

        self.words, self.labels = [], []
        for topic, text in enumerate(topics.topics.values()):
            hashed = [
                zlib.crc32(word.encode()) % BUCKETS for word in re.findall(r"\w+", text.lower())
            ]
            count = len(hashed) // self.LENGTH
            if count >= 10:
                self.words += np.split(np.array(hashed[: count * self.LENGTH]), count)
                self.labels += [topic] * count
        self.words, self.labels = np.array(self.words), np.array(self.labels)
        held_out = np.arange(len(self.words)) % 5 == 4
        self.train, self.test = np.flatnonzero(~held_out), np.flatnonzero(held_out)

    def views(self, numbers, rng):
        """Two views of the passages, each `(B, 512)`."""
        return [self._view(self.words[numbers], rng) for _ in range(2)]

    def _view(self, words, rng):
        start = rng.integers(0, self.LENGTH - self.KEPT + 1, (len(words), 1))
        kept = np.take_along_axis(words, start + np.arange(self.KEPT), axis=1)
        return counts(kept, rng.random(kept.shape) >= self.LOST)

    def encoder(self):
        layers = [keras.Input((BUCKETS,)), keras.layers.Dense(128, "relu")]
        return keras.Sequential([*layers, keras.layers.Dense(64, "relu")], name="words")

    def accuracy(self, embedding):
        """k-NN accuracy of the topic of held-out passages."""
        whole = np.ones(self.words.shape, bool)
        found = [embedding(counts(self.words[n], whole[n])) for n in (self.train, self.test)]
        if not all(np.isfinite(f).all() and np.abs(f).sum(axis=1).all() for f in found):
            return 0.0
        labels = self.labels[self.train], self.labels[self.test]
        return kcs.evaluation.knn_accuracy(found[0], labels[0], found[1], labels[1])


def counts(words, kept):
    """Square roots of how often each bucket occurs among the words that are kept."""
    found = np.zeros((len(words), BUCKETS), "float32")
    rows = np.repeat(np.arange(len(words))[:, None], words.shape[1], axis=1)
    np.add.at(found, (rows[kept], words[kept]), 1.0)
    return np.sqrt(found)
