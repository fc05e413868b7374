"""Data sets of tensorflow-datasets, by name (`tfds:cifar10`) or as a builder."""

import io

from keras_center_ssl.data.conform import conform
from keras_center_ssl.data.decode import decode
from keras_center_ssl.data.stream_source import StreamSource
from keras_center_ssl.engine.tensorflow_when_used import tf
from keras_center_ssl.errors import InputError, nearest, needs, one_of
from keras_center_ssl.images.regular_files import Unreadable

_PREFIX = "tfds:"


def tfds_dataset(source, request):
    """The source of `tfds:NAME`, `tfds:NAME/CONFIG:VERSION`, `tfds:NAME[SPLIT]`, or a builder.

    A split in brackets is any that TFDS understands (`tfds:stl10[unlabelled]`,
    `tfds:cifar10[train[:10%]]`). Without one, "train" and "test" are taken, and "validation" for
    "test" where there is no "test".
    """
    if isinstance(source, str) and source.startswith(_PREFIX):
        name, bracket, chosen = source.removeprefix(_PREFIX).partition("[")
        if bracket and (not chosen.endswith("]") or not chosen[:-1]):
            raise InputError(
                f"In {source!r} the split stands in brackets at the end, as in "
                "'tfds:stl10[unlabelled]' or 'tfds:cifar10[train[:10%]]'."
            )
        return _from_builder(_builder(name), chosen.removesuffix("]"), request.split, source)
    if hasattr(source, "as_dataset") and hasattr(source, "info"):
        return _from_builder(source, "", request.split, f"tfds:{source.info.full_name}")
    return None


def _builder(name):
    with needs(f"The data set 'tfds:{name}'", "tensorflow_datasets"):
        import tensorflow_datasets as tfds
    try:
        builder = tfds.builder(name)
    except tfds.core.registered.DatasetNotFoundError:
        hint = nearest(name, tfds.list_builders())
        raise InputError(
            f"tensorflow-datasets knows no {name!r}.{hint} All names: tfds.list_builders(). A "
            "data set in another folder is found with the environment variable TFDS_DATA_DIR."
        ) from None
    except (ValueError, AssertionError) as error:
        # A configuration or version that is not there.
        raise InputError(f"'tfds:{name}' cannot be opened: {_sentence(error)}.") from None
    try:
        builder.download_and_prepare()
    except Exception as error:  # whatever a builder's own code and its downloads may raise
        raise InputError(
            f"'tfds:{name}' could not be prepared: {_sentence(error)}. It is downloaded once into "
            f"{builder.data_dir}; connect to the network, or copy that folder from a machine that "
            "has it."
        ) from error
    return builder


def _sentence(error):
    return " ".join(str(error).split())[:300].rstrip(".")


def _from_builder(builder, chosen, split, name):
    splits = builder.info.splits
    if not chosen:
        options = ("test", "validation") if split == "test" else (split,)
        chosen = next((option for option in options if option in splits), None)
        if chosen is None:
            raise InputError(
                f"{name} has no split {split!r}, but {', '.join(sorted(splits))}: name one as "
                f"'{name}[{next(iter(splits))}]'."
            )
        name = f"{name}/{chosen}"
    elif chosen.isidentifier() and chosen not in splits:
        raise one_of(f"split of {builder.info.name}", chosen, splits)
    image, label = _keys(builder.info)

    options, pixels = _decoding(builder, image, name)

    def read(**more):
        dataset = builder.as_dataset(split=chosen, **options, **more)
        if label is None:
            return dataset.map(lambda example: pixels(example[image]))
        return dataset.map(lambda example: (pixels(example[image]), example[label]))

    try:
        dataset = read()
    except ValueError as error:
        raise InputError(f"{name} cannot be opened: {_sentence(error)}.") from None
    return StreamSource(
        dataset,
        has_labels=label is not None,
        name=name,
        from_disk=True,
        shuffled_files=_in_another_order(read) if _files(splits, chosen) > 1 else None,
    )


def _decoding(builder, key, name):
    """Options of `as_dataset`, and a function from what it gives as image to pixels.

    The files are decoded as those of folders are: TensorFlow's decoder, which TFDS uses, ends the
    process at some. (Images that are not uint8 are no such files: they are left to TFDS.)
    """
    import tensorflow_datasets as tfds

    feature = builder.info.features[key]
    if feature.tf_dtype != tf.uint8:
        return {}, lambda image: image
    channels = feature.shape[-1] if feature.shape[-1] in (1, 3) else None

    def decoded(content):
        try:
            return decode(io.BytesIO(content))
        except Unreadable as error:
            raise InputError(
                f"An image of {name} cannot be read: {error}. Mend the data set, or leave the "
                "image out: pass a tf.data.Dataset of your own."
            ) from None

    def pixels(content):
        image = tf.ensure_shape(tf.numpy_function(decoded, [content], tf.uint8), [None] * 3)
        return tf.ensure_shape(conform(image, None, channels), feature.shape)

    return {"decoders": {key: tfds.decode.SkipDecoding()}}, pixels


def _files(splits, chosen):
    """Files of a split; 1 also where the builder (`tfds.ImageFolder`) does not read shards."""
    shards = splits[chosen].shard_lengths if chosen in splits else None
    return len(shards or [1])


def _in_another_order(read):
    import tensorflow_datasets as tfds

    return lambda seed: read(
        shuffle_files=True,
        read_config=tfds.ReadConfig(
            shuffle_seed=seed, shuffle_reshuffle_each_iteration=False, try_autocache=False
        ),
    )


def _keys(info):
    """The names of the image and of the label, or None, in an example."""
    import tensorflow_datasets as tfds

    features = info.features if isinstance(info.features, tfds.features.FeaturesDict) else {}
    images = [key for key, kind in features.items() if isinstance(kind, tfds.features.Image)]
    if "image" not in images and len(images) != 1:
        raise InputError(
            f"tfds:{info.name} has {len(images) or 'no'} images in an example; it holds "
            f"{', '.join(features) or type(info.features).__name__}. Pass the images yourself, as "
            "a tf.data.Dataset: `tfds.load(...).map(lambda example: example[key])`."
        )
    image = "image" if "image" in images else images[0]
    return image, "label" if "label" in features else None
