"""An encoder on images of another size than it was built for, as local crops are."""

from typing import Any

import keras

from keras_center_ssl.errors import InputError


def encode(encoder: keras.Model, images: Any, training: bool = False) -> Any:
    """Features of `images` by an encoder that was built for this or another image size.

    A functional Keras model refuses images of another size than its input's, although its layers
    may not mind: convolutions and global pooling do not, nor does the position embedding of
    `kcs.encoders.vit_tiny`. For such images the layers are run without the model's own check.

    Args:
        encoder: What `as_encoder` returned.
        images: `(B, H, W, C)` in [0, 1], or whatever the encoder takes: `(B, T, C)` for series.
        training: Whether batch normalisation works on the batch's statistics, and dropout is on.

    Raises:
        InputError: If the encoder's layers are bound to its image size.
    """
    expected, received = encoder.input_shape[1:-1], tuple(images.shape[1:-1])
    if all(e is None or e == r for e, r in zip(expected, received, strict=True)):
        return encoder(images, training=training)
    try:
        features = encoder.call(images, training=training)
    except ValueError as error:
        raise _fixed_size(encoder, expected, received) from error
    if features.shape[-1] != encoder.output_shape[-1]:
        raise _fixed_size(encoder, expected, received)
    return features


def _fixed_size(encoder, expected, received):
    return InputError(
        f"The encoder {encoder.name!r} was built for images of {_size(expected)} "
        f"pixels and cannot take views of {_size(received)}: one of its layers is "
        "bound to the size, or is a model of its own. Make all views of one size (local_views=0 in "
        "kcs.views.dino and kcs.views.swav), or use one functional model whose layers end in "
        "global pooling, such as kcs.encoders.resnet18 or kcs.encoders.vit_tiny."
    )


def _size(shape):
    return " x ".join(str(n) for n in shape)
