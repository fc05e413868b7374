"""An exported encoder with NumPy and ONNX Runtime only: no Keras, no TensorFlow.

```python
path = kcs.zoo.download("quickstart-fashion-mnist", format="onnx")
encoder = kcs.OnnxEncoder(path)
features = encoder.embed(images)                    # arrays, or a list of image files
found = encoder.embed_source("photographs")         # .features .paths .labels .skipped
```
"""

import os
import pathlib
from typing import Any

import numpy as np

from keras_center_ssl.embedded import Embedded
from keras_center_ssl.errors import InputError
from keras_center_ssl.images import sources
from keras_center_ssl.images.reading import read_image
from keras_center_ssl.images.regular_files import Unreadable

_ARRAYS = (
    "Accepted: images of shape (samples, height, width, channels) or (samples, height, width), "
    "uint8 in 0..255 or floats in [0, 1]"
)
# Resizing with float arithmetic overshoots a little; more than this is another range.
_SLACK = 1e-3


class OnnxEncoder:
    """An encoder that this library exported as ONNX, in ONNX Runtime.

    Args:
        path: `encoder.onnx` of a bundle or of the zoo.
        providers: ONNX Runtime's execution providers; the CPU's by default.

    Attributes:
        input_shape: `(height, width, channels)`; None where any size is taken.
        feature_dim: Number of features.
        metadata: What the file says of itself: name, method, dataset, license, input_range,
            input_layout, collapse_verdict and so on, as far as they are known; all strings.
        dtype: Of the images inside: `"float32"`.
        range: Of the images inside: `(0.0, 1.0)`.

    Raises:
        InputError: For a missing or damaged file, and for a model that is no exported encoder.
    """

    dtype = "float32"
    range = (0.0, 1.0)

    def __init__(self, path, providers=("CPUExecutionProvider",)):
        self.path = pathlib.Path(path)
        self._session = _session(self.path, list(providers))
        self.input_shape = _sizes(self._session.get_inputs()[0])
        (self.feature_dim,) = _sizes(self._session.get_outputs()[0])
        self.metadata = dict(self._session.get_modelmeta().custom_metadata_map)

    def __repr__(self):
        return f"<OnnxEncoder {str(self.path)!r}: {self.input_shape} -> {self.feature_dim}>"

    def embed(self, images, batch_size=256, progress=None):
        """Features of images, in their order.

        Args:
            images: `(N, H, W, C)` or `(N, H, W)`, uint8 in 0..255 (divided by 255) or floats in
                [0, 1]; or the path of an image file, or a list of such paths, which are cropped and
                resized to the encoder's size.
            batch_size: Images per call.
            progress: Called with the number of images that are done, and of all, after each batch
                of an array.

        Returns:
            `(N, D)` float32.

        Raises:
            InputError: For images of another size, channels or range than the encoder takes, with
                NaN or infinite pixels, and for files that cannot be read.
        """
        if not (isinstance(batch_size, int | np.integer) and batch_size >= 1):
            raise InputError(f"`batch_size` is a whole number from 1 on; received {batch_size!r}.")
        if isinstance(images, str | os.PathLike):
            images = [images]
        of_paths = isinstance(images, list | tuple) and len(images) > 0
        if of_paths and all(isinstance(image, str | os.PathLike) for image in images):
            return self._embed_files(images, batch_size)
        return self._embed_array(images, batch_size, progress)

    def embed_source(self, source, split="test", batch_size=256, progress=None):
        """Features of the images of a folder, or of a `.npy` or `.npz` file.

        Args:
            source: A folder, read as `kcs.data` reads it: with the folders below it, whose first
                level are the labels, with splits where it holds `train`. Files that cannot be read
                are skipped and listed. Or a `.npy` file of images, or a `.npz` file of `images`,
                and perhaps `labels`, or of `x_test`, `y_test` and the like.
            split: `"train"` or `"test"`, for sources that have splits.
            batch_size: Images per call.
            progress: Called with the number of images that are done, and of all, after each batch.

        Returns:
            An `Embedded`: `.features` `(N, D)`, `.paths`, `.labels`, `.class_names`, `.skipped`.

        Raises:
            InputError: As `embed`, for a source that is neither, and where no image can be read.
        """
        images = sources.open_images(source, split)
        progress = progress or (lambda done, total: None)
        named: dict[str, Any] = {"source": str(source), "split": split}
        if isinstance(images, sources.ArrayImages):
            features = self._embed_array(images.images, batch_size, progress)
            return Embedded(features, labels=images.labels, **named)
        height, width, channels = self.input_shape
        features, done = [], 0
        for batch in images.batches((height, width), channels, self._at_a_time(batch_size)):
            features.append(self._run(batch))
            done += len(batch)
            progress(done, images.count)
        return Embedded(
            np.concatenate(features),
            images.paths,
            images.labels,
            images.class_names,
            images.skipped,
            **named,
        )

    def _at_a_time(self, batch_size):
        """Files of a call: one, where each may have its own size."""
        return 1 if None in self.input_shape else batch_size

    def _embed_files(self, paths, batch_size):
        features = []
        for part in _parts(paths, self._at_a_time(batch_size)):
            features.append(self._run(np.stack([self._read(path) for path in part])))
        return np.concatenate(features)

    def _read(self, path):
        height, width, channels = self.input_shape
        try:
            return read_image(path, (height, width), channels)
        except Unreadable as error:
            raise InputError(f"{str(path)!r} cannot be read as an image: {error}.") from None

    def _embed_array(self, images, batch_size, progress=None):
        try:
            images = np.asanyarray(images)
        except ValueError:
            raise InputError(
                f"Received images that differ in size. {_ARRAYS}, all of one size."
            ) from None
        if images.ndim == 3:
            images = images[..., None]
        if images.ndim != 4 or not len(images):
            raise InputError(f"Received an array of shape {images.shape}. {_ARRAYS}.")
        pairs = zip(self.input_shape, images.shape[1:], strict=True)
        if any(want not in (None, got) for want, got in pairs):
            raise InputError(
                f"Received images of shape {images.shape[1:]} for an encoder that takes "
                f"{self.input_shape} (height, width, channels). Resize them, or pass paths of "
                "image files, which are cropped and resized."
            )
        features, done = [], 0
        for part in _parts(images, batch_size):
            features.append(self._run(_floats(part, done)))
            done += len(part)
            if progress:
                progress(done, len(images))
        return np.concatenate(features)

    def _run(self, images):
        return np.asarray(self._session.run(["features"], {"images": images})[0])


def _session(path, providers):
    import onnxruntime

    if not path.is_file():
        raise InputError(
            f"There is no file {str(path)!r}; expected an encoder.onnx, of an export bundle or of "
            "the zoo (center-ssl zoo download NAME --format onnx)."
        )
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # what is wrong is said below
    try:
        session = onnxruntime.InferenceSession(path, options, providers=providers)
    except Exception as error:  # ONNX Runtime's own classes, one per cause
        reason = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        raise InputError(
            f"{str(path)!r} cannot be read as an ONNX model ({reason}). It is damaged or something "
            "else: copy or download it anew."
        ) from None
    ends = [[end.name for end in side] for side in (session.get_inputs(), session.get_outputs())]
    ranks = [len(end.shape) for end in (*session.get_inputs(), *session.get_outputs())]
    if ends != [["images"], ["features"]] or ranks != [4, 2]:
        raise InputError(
            f"{str(path)!r} is an ONNX model, and not an exported encoder: it takes {ends[0]} and "
            f"gives {ends[1]}. Accepted: one input 'images' (batch, height, width, channels) and "
            "one output 'features' (batch, features), as kcs.export writes them."
        )
    return session


def _sizes(end):
    """An end's shape without the batch; None for what is open."""
    return tuple(size if isinstance(size, int) else None for size in end.shape[1:])


def _parts(items, size):
    return (items[start : start + size] for start in range(0, len(items), size))


def _floats(images, first):
    """Images as float32 in [0, 1]; `first` is the number of the first of them."""
    if images.dtype == np.uint8:
        return images.astype(np.float32) / np.float32(255)
    if images.dtype.kind != "f":
        raise InputError(f"Received images with pixels of type {images.dtype}. {_ARRAYS}.")
    images = images.astype(np.float32)
    bad = ~np.isfinite(images).all(axis=(1, 2, 3))
    if bad.any():
        raise InputError(
            f"Image {first + int(np.argmax(bad))} has NaN or infinite pixels. Remove or repair it."
        )
    low, high = float(images.min()), float(images.max())
    if low < -_SLACK or high > 1 + _SLACK:
        raise InputError(
            f"Float images lie in [0, 1]; these lie in [{low:.4g}, {high:.4g}]. Divide by 255, or "
            "pass them as uint8."
        )
    return images
