"""Features, and which image each row is of: what embedding a set of images gives."""

import dataclasses

import numpy as np

from keras_center_ssl.files import atomic_file


@dataclasses.dataclass(frozen=True, eq=False)
class Embedded:
    """Features of a set of images, and which image each row is of.

    Attributes:
        features: `(N, D)` float32.
        paths: N paths relative to the folder; None where the images are not files, and row i is
            image i of the source.
        labels: `(N,)`, or None.
        class_names: Names of the classes that `labels` count; empty where there are none.
        skipped: dict, file that could not be read -> reason.
    """

    features: np.ndarray
    paths: tuple | None = None
    labels: np.ndarray | None = None
    class_names: tuple = ()
    skipped: dict = dataclasses.field(default_factory=dict)

    def save(self, path):
        """Writes an `.npz` file, whole or not at all.

        It holds `features`, and `paths` or else `indices` (of the rows in their source), `labels`
        and `class_names` where there are any, `skipped` (files that could not be read) and
        `skipped_reasons`. `np.load` reads it without pickles.
        """
        skipped = sorted(self.skipped.items())
        content = {
            "features": self.features,
            "skipped": np.array([file for file, _ in skipped], dtype=str),
            "skipped_reasons": np.array([reason for _, reason in skipped], dtype=str),
        }
        if self.paths is None:
            content["indices"] = np.arange(len(self.features))
        else:
            content["paths"] = np.array(self.paths, dtype=str)
        if self.labels is not None:
            content["labels"] = self.labels
        if self.class_names:
            content["class_names"] = np.array(self.class_names, dtype=str)
        with atomic_file(path) as file:
            np.savez(file, **content)

    def skipped_sentence(self, place):
        """How many files were skipped, and that `place` lists them."""
        return skipped_sentence(self.skipped, place)


def skipped_sentence(skipped, place):
    """How many files were skipped, and that `place` lists them, unless it is None."""
    count = "1 file" if len(skipped) == 1 else f"{len(skipped)} files"
    sentence = f"{count} could not be read and left out"
    return f"{sentence}: see {place}" if place else f"{sentence}:"
