"""Any Keras model with one image input as an encoder, and any encoder as plain Keras layers."""

import keras

from keras_center_ssl.encoders.pooling import check_grid, pooled
from keras_center_ssl.encoders.walk import all_layers
from keras_center_ssl.errors import InputError


def as_encoder(model: keras.Model, grid: int = 1) -> keras.Model:
    """Returns `model` as an encoder: images `(B, H, W, C)` to features `(B, D)`.

    A model whose output is `(B, D)` is returned as it is. Feature maps `(B, H, W, D)`, as the
    backbones of `keras.applications`, KerasHub and KerasCV give, are averaged over positions.

    Data of other kinds train the same methods: series `(B, T, C)`, rows of a table `(B, C)`,
    tokens. Their views are yours to make; `kcs.views` and `kcs.data.multi_view` are for images.

    Args:
        model: A built `keras.Model` with one input and one output.
        grid: Feature maps are averaged over `grid x grid` cells, as in `kcs.encoders.resnet18`.

    Raises:
        InputError: If `model` is no Keras model, is not built, has several inputs or outputs, or
            an output that is neither `(B, D)` nor `(B, H, W, D)` with a known `D`, or if there is
            a grid to make of features that have no positions any more.
    """
    if not isinstance(model, keras.Model):
        raise InputError(
            f"An encoder is a keras.Model from images to features; received {type(model).__name__}."
            " Build one with kcs.encoders.resnet18(input_shape=(32, 32, 3)), or wrap your layers "
            "in keras.Sequential or keras.Model."
        )
    model = _with_shapes(model)
    inputs, outputs = keras.tree.flatten(model.inputs), keras.tree.flatten(model.outputs)
    for kind, tensors in (("input", inputs), ("output", outputs)):
        if len(tensors) != 1:
            names = ", ".join(str(tensor.name) for tensor in tensors)
            raise InputError(
                f"An encoder has one image input and one output; {model.name!r} has {len(tensors)} "
                f"{kind}s ({names}). Make one with keras.Model(model.input, model.output[0]), or "
                "whichever of them holds the features."
            )
    image_shape, feature_shape = inputs[0].shape, outputs[0].shape
    if len(image_shape) < 2:
        raise InputError(
            f"An encoder takes batches: images (B, H, W, C), series (B, T, C) or rows (B, C); the "
            f"input of {model.name!r} has shape {image_shape}."
        )
    if len(feature_shape) not in (2, 4) or feature_shape[-1] is None:
        raise InputError(
            f"An encoder gives features (B, D) or feature maps (B, H, W, D) with a known D; the "
            f"output of {model.name!r} has shape {feature_shape}. Add keras.layers.Flatten or a "
            "pooling layer after it."
        )
    if len(feature_shape) == 4:
        return keras.Model(inputs[0], pooled(outputs[0], grid), name=model.name)
    if check_grid(grid) > 1:
        raise InputError(
            f"A grid is made of feature maps (B, H, W, D); the output of {model.name!r} has shape "
            f"{feature_shape} and no positions any more. Leave out its last pooling layer "
            "(include_top=False and pooling=None in keras.applications), or use grid=1."
        )
    return model


def _with_shapes(model):
    """A functional model as it is; a subclassed one wrapped so that its shapes are known."""
    try:
        if model.inputs is not None and model.outputs is not None:
            return model
    except (AttributeError, ValueError):
        pass
    shape = getattr(model, "input_shape", None) if model.built else None
    if shape is None and model.built:
        shape = (model.get_build_config() or {}).get("input_shape")
    if not isinstance(shape, (tuple, list)) or len(shape) < 2:
        raise InputError(
            f"The encoder {model.name!r} does not know its input shape yet. Call it once on a "
            "batch of images, or build it with model.build((None, height, width, channels))."
        )
    images = keras.Input(tuple(shape[1:]), name="images")
    return keras.Model(images, model(images), name=model.name)


def plain(encoder: keras.Model) -> keras.Model:
    """A copy of `encoder` in stock Keras layers, with the same weights and outputs.

    It loads with `keras.saving.load_model` where this package is not installed. A vision
    transformer's copy takes images of the size it was built for only.
    """
    if not any(hasattr(layer, "stock") for layer in all_layers(encoder)):
        return encoder
    unset = []

    def stock(layer):
        if not hasattr(layer, "stock"):
            copy = layer.__class__.from_config(layer.get_config())
        else:
            copy = layer.stock()
            if copy.built:  # and holds its weights, in an order of its own
                return copy
        unset.append((layer, copy))
        return copy

    plain_encoder = keras.models.clone_model(encoder, clone_function=stock, recursive=True)
    for layer, copy in unset:
        if isinstance(layer, keras.layers.Layer):
            copy.set_weights(layer.get_weights())
    return plain_encoder
