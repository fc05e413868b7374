"""How near a file of fewer bits comes to the encoder: float16 and 8-bit integers.

Rounding to fewer bits moves every feature a little, so the bound of float32 files (`parity.py`)
does not fit. What counts is which images look alike, and that is angles between features, seen from
their mean: the *centred cosine* is the mean, over images, of the cosine between the file's feature
and the encoder's, after each set's own mean is taken away. The plain cosine flatters: features that
share a long mean have cosines near 1 to those of any other image, too.

Where the images have labels, how k-NN changes is recorded beside it.
"""

import numpy as np

from keras_center_ssl.errors import InputError
from keras_center_ssl.evaluation.knn import knn_accuracy
from keras_center_ssl.export import parity

# Images that calibrate, and as many others that are compared.
MOST_IMAGES = 256
# Fewer do not show the range of the activations.
FEWEST_IMAGES = 16
# With fewer, those that calibrate are compared as well.
_ENOUGH_TO_SPLIT = 64
_RANDOM_IMAGES = 64
_AT_A_TIME = 32
_NEIGHBORS = 20


class Comparison:
    """What files of fewer bits are calibrated on and compared with.

    Args:
        encoder: The encoder in memory, float32.
        images: `(N, H, W, C)` floats in [0, 1], which `parity.probe_batches` has accepted, or
            `None`: then random patterns are compared, which says less.
        labels: `(N,)`, the images' classes, or `None`.

    Attributes:
        calibration: `(n, H, W, C)` images for those formats that need some; `None` without.
    """

    def __init__(self, encoder, images, labels=None):
        self._encoder = encoder
        self.calibration = self._labels = None
        if images is None:
            self._images = _patterns(encoder.input_shape[1:])
            return
        images = np.asarray(images)
        # Evenly spaced, since data often come sorted by class.
        places = np.unique(
            np.linspace(0, len(images) - 1, min(len(images), 2 * MOST_IMAGES)).astype(int)
        )
        apart = len(places) >= _ENOUGH_TO_SPLIT
        compared = places[1::2] if apart else places
        self.calibration = images[places[::2] if apart else places].astype("float32")
        self._images = images[compared].astype("float32")
        self._labels = None if labels is None else np.asarray(labels)[compared]

    def calibration_for(self, name):
        """The images to calibrate the format `name` on.

        Raises:
            InputError: Where there are fewer than `FEWEST_IMAGES`.
        """
        count = 0 if self.calibration is None else len(self.calibration)
        if count < FEWEST_IMAGES:
            raise InputError(
                f"The format {name!r} is calibrated on real images, and it received {count}: pass "
                f"images=, at least {FEWEST_IMAGES} and best some hundred of the kind it will see."
            )
        return self.calibration

    def compare(self, predict, batches, expected, lowest):
        """As `parity.compare`, for the bound `lowest` of the centred cosine.

        Returns:
            A dict: `centered_cosine`, `lowest_centered_cosine`, `images` (how many), `real_images`
            (whether they were), `knn` (`None`, or the accuracies `float32` and `file`, their
            `change`, and `k`), the errors as `parity.compare` has them, and `passed`.
        """
        errors = parity.compare(predict, batches, expected)
        cosine, knn = float("nan"), None
        if np.isfinite(errors["max_absolute_error"]):
            features = np.concatenate(parity.features_of(self._encoder, self._parts()))
            received = np.concatenate([np.asarray(predict(part)) for part in self._parts()])
            cosine = centered_cosine(features, received)
            knn = _knn(features, received, self._labels)
        return {
            "centered_cosine": cosine,
            "lowest_centered_cosine": lowest,
            "knn": knn,
            **{key: errors[key] for key in ("max_absolute_error", "relative_error")},
            "feature_scale": errors["feature_scale"],
            "batch_sizes": errors["batch_sizes"],
            "images": len(self._images),
            "real_images": self.calibration is not None,
            "passed": bool(cosine >= lowest),
        }

    def _parts(self):
        return [
            self._images[start : start + _AT_A_TIME]
            for start in range(0, len(self._images), _AT_A_TIME)
        ]


def centered_cosine(features, others):
    """The mean cosine of the rows of two `(N, D)` sets, each without its own mean.

    A row that is its set's mean has no direction, and counts as a cosine of 0.
    """
    rows = []
    for each in (features, others):
        centered = np.asarray(each, dtype="float64")
        centered = centered - centered.mean(axis=0)
        length = np.linalg.norm(centered, axis=1, keepdims=True)
        rows.append(centered / np.where(length > 0, length, 1.0))
    return float(np.einsum("nd,nd->n", *rows).mean())


def _knn(features, received, labels):
    """How well k-NN does with the encoder's features and with the file's; `None` if it cannot."""
    if labels is None:
        return None
    try:
        accuracies = [
            knn_accuracy(each[::2], labels[::2], each[1::2], labels[1::2], _NEIGHBORS)
            for each in (features, received)
        ]
    except InputError:  # no class twice, or features of no length
        return None
    exact, file = map(float, accuracies)
    return {"float32": exact, "file": file, "change": file - exact, "k": _NEIGHBORS}


def _patterns(shape):
    """Coarse random patterns `(n, H, W, C)`: noise of single pixels looks alike to an encoder."""
    height, width, channels = (size or parity.FREE_SIZE for size in shape)
    rng = np.random.default_rng(0)
    coarse = rng.random((_RANDOM_IMAGES, 4, 4, channels), dtype="float32")
    rows, columns = np.arange(height) * 4 // height, np.arange(width) * 4 // width
    return coarse[:, rows][:, :, columns]
