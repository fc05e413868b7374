"""Features, and which image each row is of: what embedding a set of images gives."""

import dataclasses
import pathlib

import numpy as np

from keras_center_ssl import embedded_files
from keras_center_ssl.errors import InputError


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
        source, split: Where the images came from, as they were named; None where that is not known.
    """

    features: np.ndarray
    paths: tuple | None = None
    labels: np.ndarray | None = None
    class_names: tuple = ()
    skipped: dict = dataclasses.field(default_factory=dict)
    source: str | None = None
    split: str | None = None

    def save(self, path):
        """Writes an `.npz` or a `.parquet` file, whole or not at all.

        An `.npz` holds `features`, and `paths` or else `indices` (of the rows in their source),
        `labels` and `class_names` where there are any, `skipped` (files that could not be read)
        and `skipped_reasons`, `source` and `split`. `np.load` reads it without pickles.

        A `.parquet` has a row for each image: `path` or `index`, `label` and `class_name` where
        there are any, and `features`, lists of one length. The rest is in the schema's metadata,
        as JSON under `keras_center_ssl`. It needs pyarrow.
        """
        content = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        if pathlib.Path(path).suffix.lower() == ".parquet":
            if self.class_names and self.labels is not None:
                content["names"] = [str(self.label(row)) for row in range(len(self.features))]
            embedded_files.write_parquet(path, content)
        else:
            embedded_files.write_npz(path, content)

    @classmethod
    def load(cls, path):
        """Reads what `save` wrote; of other `.npz` and `.npy` files the features alone.

        Raises:
            InputError: For a file that is damaged or holds no features.
        """
        path = pathlib.Path(path)
        if not path.is_file():
            raise InputError(
                f"There is no file {str(path)!r}. center-ssl embed ENCODER --data SOURCE --out "
                f"{path.name} writes one."
            )
        found = cls(**embedded_files.read(path))
        if found.features.ndim != 2 or not len(found.features):
            raise InputError(
                f"Features are an array (images, dimensions) with at least one row; those of "
                f"{str(path)!r} have the shape {found.features.shape}."
            )
        return found

    def name(self, row):
        """What to call the image of a row: its path, or its number."""
        return f"image {row}" if self.paths is None else str(self.paths[row])

    def label(self, row):
        """The name of a row's class, its number where classes have no names, or None."""
        if self.labels is None or np.ndim(self.labels) != 1:
            return None
        label = np.asarray(self.labels[row]).item()
        named = isinstance(label, int) and 0 <= label < len(self.class_names)
        return self.class_names[label] if named else label

    def skipped_sentence(self, place):
        """How many files were skipped, and that `place` lists them."""
        return skipped_sentence(self.skipped, place)


def skipped_sentence(skipped, place):
    """How many files were skipped, and that `place` lists them, unless it is None."""
    count = "1 file" if len(skipped) == 1 else f"{len(skipped)} files"
    sentence = f"{count} could not be read and left out"
    return f"{sentence}: see {place}" if place else f"{sentence}:"
