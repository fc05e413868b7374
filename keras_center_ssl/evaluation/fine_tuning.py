"""Fine-tuning: the encoder and a linear head trained together, with labels."""

from typing import TYPE_CHECKING

import numpy as np

from keras_center_ssl.errors import InputError
from keras_center_ssl.evaluation.classification import Classification
from keras_center_ssl.types import Array

if TYPE_CHECKING:
    import keras


def fine_tune(
    encoder: "keras.Model",
    train_images: Array,
    train_labels: Array,
    test_images: Array,
    test_labels: Array,
    *,
    epochs: int = 10,
    batch_size: int = 256,
    learning_rate: float = 1e-3,
    seed: int = 0,
) -> Classification:
    """Trains a copy of an encoder with a linear head on labelled images, and tests it.

    Adam on a cosine schedule, cross-entropy, images as they are. On an encoder that was never
    trained it is the supervised baseline of the same network.

    Args:
        encoder: What `kcs.encoders.as_encoder` takes, or a method (its encoder is taken). It stays
            as it is.
        train_images: `(n, H, W, C)`, uint8 or float in [0, 1].
        train_labels: `(n,)` integers or strings, of 2 or more classes.
        test_images: `(m, H, W, C)`.
        test_labels: `(m,)` labels of the same kind.
        epochs: Passes over the training images.
        batch_size: Images per step.
        learning_rate: Of encoder and head, at the start.
        seed: Of the head's weights and the order of the images.

    Returns:
        A `Classification` of the test images.

    Raises:
        InputError: for numbers of images and labels that differ, one class only, or images of
            another shape than the encoder's.
    """
    import keras

    from keras_center_ssl.encoders import as_encoder

    train_images, test_images = np.asarray(train_images), np.asarray(test_images)
    train_labels, test_labels = (np.asarray(y).reshape(-1) for y in (train_labels, test_labels))
    for images, labels, name in (
        (train_images, train_labels, "train"),
        (test_images, test_labels, "test"),
    ):
        if len(images) != len(labels) or not len(images):
            raise InputError(
                f"Received {len(images)} {name} images and {len(labels)} labels. Accepted: one "
                "label per image, and one image or more."
            )
    classes, numbers = np.unique(train_labels, return_inverse=True)
    if len(classes) < 2:
        raise InputError(
            f"Received train_labels of the one class {classes[0].item()!r}. Accepted: 2 or more."
        )
    encoder = as_encoder(getattr(encoder, "encoder", encoder))
    if tuple(encoder.input_shape[1:]) != train_images.shape[1:]:
        raise InputError(
            f"Received images of shape {train_images.shape[1:]} for an encoder that was built for "
            f"{tuple(encoder.input_shape[1:])}. Resize the images, or take another encoder."
        )
    keras.utils.set_random_seed(seed)
    copy = keras.models.clone_model(encoder)
    copy.set_weights(encoder.get_weights())
    head = keras.layers.Dense(len(classes), dtype="float32", name="classes")
    model = keras.Model(copy.input, head(copy.output))
    steps = epochs * -(-len(train_images) // batch_size)
    model.compile(
        keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(learning_rate, steps)),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        jit_compile=False,
    )
    rng = np.random.default_rng(seed)
    for _ in range(epochs):
        order = rng.permutation(len(train_images))
        for start in range(0, len(order), batch_size):
            rows = order[start : start + batch_size]
            model.train_on_batch(_floats(train_images[rows]), numbers[rows])
    scores = [
        model.predict_on_batch(_floats(test_images[start : start + batch_size]))
        for start in range(0, len(test_images), batch_size)
    ]
    return Classification.of(np.concatenate(scores), test_labels, classes)


def _floats(images):
    return images.astype("float32") / 255.0 if images.dtype == np.uint8 else images
