"""What a method is given, as a tuple of views, or a sentence on why it cannot be."""

import os

import keras
from keras import ops

from keras_center_ssl.errors import InputError
from keras_center_ssl.methods.input_shapes import (
    axes_of,
    described,
    fits,
    kind_of,
    other_size,
    rank_of,
    shape_of,
)

_MAKE_THEM = (
    "Make them with kcs.data.multi_view(images, views=kcs.views.simclr(size), batch_size=256), or "
    "in the step: compile(views=kcs.views.simclr(size))."
)
_MAPPED = "Make them in your tf.data pipeline: dataset.map(lambda x: ((view(x), view(x)),))."


def unpack(model, data):
    """The views in what Keras hands to a step; labels are left out.

    Images come as float in [0, 1]; data of other kinds, in whatever rank the encoder takes, as they
    are.

    Where the step makes the views, the batch of images that it makes them of, in a tuple.

    Args:
        model: The `SSLModel`: how many views it takes, and of which size.
        data: `(views,)`, `(views, labels)` or the views themselves, as tuples or lists.

    Raises:
        InputError: For anything else, and for weights of samples.
    """
    if model.step_views is not None:
        return (_checked_images(model, data),)
    return tuple(scaled(view) for view in checked_views(model, data))


def scaled(images):
    """Images of bytes as float32 in [0, 1]; everything else as it is."""
    if len(images.shape) == 4 and keras.backend.standardize_dtype(images.dtype) == "uint8":
        return ops.cast(images, "float32") / 255.0
    return images


def check_dtype(images):
    """Raises unless `images` are bytes or floating point; other data may be integers, as tokens."""
    if len(shape_of(images) or (0,) * 4) != 4:
        return
    dtype = keras.backend.standardize_dtype(images.dtype)
    if dtype != "uint8" and not keras.backend.is_float_dtype(dtype):
        raise InputError(
            f"Images are uint8 in 0..255 or float in [0, 1]; received dtype {dtype}. Convert them, "
            "with images.astype('uint8') if they are in 0..255."
        )


def check_images(model, images):
    """Raises unless `images` is one batch that the encoder takes, for `model(images)`."""
    if not hasattr(images, "shape"):
        raise InputError(
            f"{type(model).__name__} gives the features of one batch of {kind_of(model)}; "
            f"received {described(images)}. Pass images and not views: "
            "model.predict(images), or model.predict(dataset.map(lambda views: views[0]))."
        )
    shape = shape_of(images)
    if shape is not None and len(shape) != rank_of(model):
        single = "A single one is x[None]."
        if rank_of(model) == 4:
            single = (
                "A single image is images[None], grey ones without an axis for channels "
                "images[..., None]."
            )
        raise InputError(
            f"{type(model).__name__} gives the features of a batch of {kind_of(model)}; received "
            f"{described(images)}. {single}"
        )
    if not fits(model.encoder, shape):
        raise other_size(model.encoder, "images", shape)
    check_dtype(images)


def check_prediction(model, x):
    """Raises for arrays that are no batch of images; datasets are looked at as they come."""
    if hasattr(x, "shape") or isinstance(x, (tuple, list, dict)):
        check_images(model, x)


def check_arguments(model, verb, arguments):
    """Raises for what `fit`, `evaluate` and the like cannot train on, before Keras sees it.

    Args:
        model: The `SSLModel`.
        verb: The name of its method.
        arguments: dict of the arguments that were given, by name.
    """
    for name in ("class_weight", "sample_weight"):
        if arguments.get(name) is not None:
            raise no_weights(model, name)
    x, y = arguments.get("x"), arguments.get("y")
    if model.step_views is not None:
        _check_images_to_train_on(model, verb, arguments)
        return
    shape = shape_of(x) or ()
    pair = len(shape) == rank_of(model) and shape_of(y) == shape
    if x is None or isinstance(x, (str, os.PathLike, dict)) or (len(shape) > 1 and not pair):
        received = f"an array of shape {shape}" if shape else described(x)
        raise InputError(
            f"{type(model).__name__}.{verb} takes views of images, not the images themselves "
            f"(received {received}). {_how_to_make_views(model)}"
        )
    _check_validation(model, arguments)
    _check_trainable(model, verb)
    if hasattr(x, "element_spec"):
        _check_dataset(model, x)
    elif isinstance(x, keras.utils.PyDataset):
        checked_views(model, x[0])
    elif isinstance(x, (tuple, list)) or pair:
        # Not left to the step: a step that was traced before may not know the shapes.
        views = checked_views(model, (x, y) if pair else (tuple(x), y))
        if verb in ("fit", "evaluate"):
            _check_batches(model, views, arguments.get("batch_size") or 32)


def _check_images_to_train_on(model, verb, arguments):
    """`check_arguments` where the step makes the views."""
    x = arguments.get("x")
    _check_validation(model, arguments)
    _check_trainable(model, verb)
    if isinstance(x, keras.utils.PyDataset):
        x = x[0]
    if not hasattr(x, "element_spec"):
        images = _checked_images(model, x)
        size, last = len(images), arguments.get("batch_size") or 32
        if verb in ("fit", "evaluate") and (last == 1 or size % last == 1):
            raise _batch_of_one(model)
    elif None not in map(shape_of, keras.tree.flatten(x.element_spec)):
        # A distributed dataset has specs without a shape.
        _checked_images(model, x.element_spec)


def _check_validation(model, arguments):
    validation = arguments.get("validation_data")
    if validation is not None:
        given = validation if isinstance(validation, (tuple, list)) else (validation,)
        named = dict(zip(("x", "y", "sample_weight"), given, strict=False))
        check_arguments(model, "evaluate", named)


def _check_trainable(model, verb):
    if verb in ("fit", "train_on_batch") and not model.trainable_variables:
        raise InputError(
            f"{type(model).__name__} has nothing to train: all of its weights are frozen. Set "
            "model.trainable = True, and encoder.trainable = False to train the heads alone."
        )


def no_weights(model, name):
    """The error for weights of samples or classes."""
    return InputError(
        f"{type(model).__name__} takes no {name}: every image counts alike, and labels never reach "
        "the loss. Leave it out, or draw rare images more often in your data."
    )


def _check_dataset(model, dataset):
    """Looks at a `tf.data.Dataset`: at its type, and at its first batch where that tells more."""
    specs = keras.tree.flatten(dataset.element_spec)
    shapes = [shape_of(spec) for spec in specs]
    if None in shapes or () in shapes:
        # A distributed dataset has specs without a shape.
        return
    if None not in {shape[0] for shape in shapes}:
        checked_views(model, dataset.element_spec)
        return
    position = getattr(dataset, "position", None)
    place = position and (position.epoch, position.step)
    first = next(iter(dataset.take(1)), None)
    if position:
        position.set(*place)
    if first is None:
        raise InputError("The dataset is empty: it gives no batch. Pass at least two images.")
    checked_views(model, first)


def _check_batches(model, views, batch_size):
    sizes = [len(view) for view in views]
    if len(set(sizes)) > 1:
        raise InputError(
            f"Views are of the same images, in the same order; received {sizes} of them."
        )
    if batch_size == 1:
        raise _batch_of_one(model)
    if sizes[0] % batch_size == 1:
        raise InputError(
            f"{sizes[0]} samples in batches of {batch_size} leave a last batch of 1, and "
            f"{type(model).__name__} compares samples with each other. Choose another batch_size, "
            "or leave one sample out."
        )


def _checked_images(model, data):
    """The batch of images in what a step gets, of which it makes the views itself."""
    images = data
    while isinstance(images, (tuple, list)) and len(images):
        if len(images) > 2 and images[2] is not None:
            raise no_weights(model, "sample_weight")
        images = images[0]
    shape = shape_of(images)
    if not hasattr(images, "shape") or (shape is not None and len(shape) != 4):
        raise InputError(
            f"{type(model).__name__} was compiled with views=, and makes them of one batch of "
            f"images (B, H, W, C); received {described(images)}. Pass images, as "
            "kcs.data.multi_view(images, views=None, batch_size=256) gives them."
        )
    if shape is not None and shape[0] == 1:
        raise _batch_of_one(model)
    check_dtype(images)
    return images


def checked_views(model, data):
    """The tuple of views in a batch, or in the specs of one, or `InputError`."""
    parts = tuple(data) if isinstance(data, (tuple, list)) else (data,)
    if parts and isinstance(parts[0], (tuple, list)):
        if len(parts) > 2 and parts[2] is not None:
            raise no_weights(model, "sample_weight")
        parts = tuple(parts[0])
    views = tuple(part for part in parts if part is not None)
    name, shapes = type(model).__name__, [shape_of(view) for view in views]
    least, most = model.minimum_views, model.maximum_views
    are_images = all(
        hasattr(view, "shape") and (shape is None or len(shape) == rank_of(model))
        for view, shape in zip(views, shapes, strict=True)
    )
    if not are_images or len(views) < least:
        received = ", ".join(map(described, views)) or "nothing"
        raise InputError(
            f"{name} trains on batches of at least {least} views, each {axes_of(model)}; received "
            f"{received}. {_how_to_make_views(model)}"
        )
    if most is not None and len(views) > most:
        takes = str(most) if least == most else f"{least} to {most}"
        raise InputError(
            f"{name} takes {takes} views of an image; received {len(views)}, of shapes {shapes}. "
            "Choose views that make so many, such as kcs.views.simclr(size), or a method that "
            "takes more: kcs.methods.SwAV or kcs.methods.DINO."
        )
    if shapes[0] is not None and shapes[0][0] == 1:
        raise _batch_of_one(model)
    for view in views:
        check_dtype(view)
    for place, shape in enumerate(shapes):
        # Views after the first two are local ones, which may be smaller.
        if not fits(model.encoder, shape, any_size=place >= 2):
            raise other_size(model.encoder, "views", shape)
    return views


def _how_to_make_views(model):
    return _MAKE_THEM if rank_of(model) == 4 else _MAPPED


def _batch_of_one(model):
    return InputError(
        f"{type(model).__name__} needs at least 2 samples in a batch: its statistics compare "
        "samples with each other. Received batches of 1; raise batch_size."
    )
