"""Features of a folder, a data set or any other source of images, with the file of every row."""

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from keras_center_ssl.embedded import Embedded
from keras_center_ssl.errors import needs
from keras_center_ssl.evaluation.features import embed_batches

if TYPE_CHECKING:
    import keras


def embed_source(
    encoder: "keras.Model",
    source: Any,
    split: str = "test",
    batch_size: int = 256,
    progress: Callable[[int, int | None], None] | None = None,
) -> Embedded:
    """Features of a source of images, read batch by batch, and which image each row is of.

    ```python
    found = kcs.evaluation.embed_source(model, "photographs")
    found.features, found.paths, found.labels, found.skipped
    found.save("photographs.npz")
    ```

    Args:
        encoder: A `keras.Model` or a method of this library. Images are brought to its size.
        source: What `kcs.data.multi_view` takes, or `kcs.data.open_source` returns.
        split: `"train"` or `"test"`, for sources that have splits.
        batch_size: Images per call.
        progress: Called with the number of images that are done, and of all (None where it is not
            known), after each batch.

    Returns:
        An `Embedded`: `.features` `(N, D)` float32, `.paths` (None where the images are not files),
        `.labels`, `.class_names` and `.skipped` (file -> why it could not be read).

    Raises:
        InputError: As `kcs.data.open_source` and `embed`.
    """
    with needs("kcs.evaluation.embed_source", "keras", "tensorflow"):
        from keras_center_ssl import data

    _, height, width, channels = getattr(encoder, "encoder", encoder).input_shape
    size = None if None in (height, width) else (height, width)
    channels = channels if channels in (1, 3) else None
    found = data.open_source(source, split, image_size=size, channels=channels)
    batches = data.batches(found, batch_size, with_labels=found.has_labels)
    labels = []

    def images():
        start = 0
        for batch in batches:
            if found.has_labels:  # of the same pass: another one may come in another order
                batch, label = batch
                labels.append(label.numpy())
            yield start, batch.numpy()
            start += len(batch)
            if progress:
                progress(start, found.count)

    with data.input_errors():
        features = embed_batches(encoder, images(), batch_size)
    return Embedded(
        features,
        found.files,
        np.concatenate(labels) if labels else None,
        found.class_names,
        dict(found.skipped),
        str(source) if isinstance(source, str | os.PathLike) else None,
        split,
    )
