"""Nearest neighbours by cosine among features that `center-ssl embed` has written."""

import pathlib

import numpy as np

from keras_center_ssl.errors import InputError
from keras_center_ssl.files import numpy_reason


class Neighbors:
    """A set of features to search, exactly: every cosine is computed.

    Args:
        path: An `.npz` file of `center-ssl embed`, or one with an array `features` `(N, D)`.
        feature_dim: `D` of the encoder that will ask.

    Raises:
        InputError: For a file that is none, or is of another encoder.
    """

    def __init__(self, path, feature_dim):
        name = str(path)
        if not pathlib.Path(path).is_file():
            raise InputError(f"There is no file {name!r}; expected an .npz of `center-ssl embed`.")
        try:
            with np.load(path, allow_pickle=False) as content:
                arrays = {key: content[key] for key in content.files}
        except Exception as error:  # whatever NumPy and zipfile meet in a damaged file
            raise InputError(f"{name!r} cannot be read: {numpy_reason(error)}.") from None
        features = arrays.get("features")
        if features is None or features.ndim != 2 or not len(features):
            raise InputError(
                f"{name!r} has no array `features` (N, D). Make it with `center-ssl embed`."
            )
        if features.shape[1] != feature_dim:
            raise InputError(
                f"{name!r} has features of {features.shape[1]} dimensions, and the encoder gives "
                f"{feature_dim}. Make it anew with `center-ssl embed` and this encoder."
            )
        self._unit = _unit(features)
        self._paths, self._labels = arrays.get("paths"), arrays.get("labels")
        self._class_names = arrays.get("class_names")

    def __len__(self):
        return len(self._unit)

    def nearest(self, features, count):
        """The nearest rows of each of `features` `(B, D)`, nearest first.

        Returns:
            B lists of dicts: `index`, `cosine`, and where the file has them `path`, `label` and
            `class_name`.
        """
        count = min(count, len(self))
        cosines = _unit(features) @ self._unit.T
        near = np.argpartition(-cosines, count - 1, axis=1)[:, :count]
        order = np.argsort(-np.take_along_axis(cosines, near, axis=1), axis=1, kind="stable")
        near = np.take_along_axis(near, order, axis=1)
        return [
            [self._row(int(index), float(row[index])) for index in indices]
            for row, indices in zip(cosines, near, strict=True)
        ]

    def _row(self, index, cosine):
        row = {"index": index, "cosine": cosine}
        if self._paths is not None:
            row["path"] = str(self._paths[index])
        if self._labels is not None:
            label = self._labels[index].item()
            row["label"] = label
            if self._class_names is not None and isinstance(label, int):
                row["class_name"] = str(self._class_names[label])
        return row


def _unit(features):
    features = np.asarray(features, dtype=np.float32)
    return features / np.maximum(np.linalg.norm(features, axis=1, keepdims=True), 1e-12)
