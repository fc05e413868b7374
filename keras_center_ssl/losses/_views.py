"""What objectives of any number of views share, LeJEPA's and VISReg's."""

from keras import ops

from keras_center_ssl.errors import InputError
from keras_center_ssl.numerics import full_precision


def as_views(views, global_views, minimum=1):
    """`views` as one `(V, B, D)` tensor in float32.

    Raises:
        InputError: Unless they are `(V, B, D)` with `minimum` or more rows, and `global_views` is
            between 1 and V.
    """
    views = ops.stack(list(views)) if isinstance(views, (list, tuple)) else views
    shape = tuple(views.shape)
    if len(shape) != 3:
        raise InputError(
            f"views are the embeddings of all views, (V, B, D), global views first; received shape "
            f"{shape}. Of two views: keras.ops.stack([z1, z2])."
        )
    if shape[1] is not None and shape[1] < minimum:
        raise InputError(
            f"This objective compares samples with each other and needs a batch of at least "
            f"{minimum}; received a batch of {shape[1]}. Raise the batch size."
        )
    if not 1 <= global_views <= shape[0]:
        raise InputError(
            f"global_views is how many of the {shape[0]} views are global, 1 to {shape[0]}; "
            f"received {global_views}."
        )
    return ops.cast(views, full_precision())


def as_directions(directions, dim):
    """`directions` as a `(D, K)` tensor in float32, without gradient.

    Raises:
        InputError: If their shape is another.
    """
    shape = tuple(directions.shape)
    if len(shape) != 2 or shape[0] != dim:
        raise InputError(
            f"directions are unit columns (D, K), here ({dim}, K); received shape {shape}."
        )
    return ops.stop_gradient(ops.cast(directions, full_precision()))


def check_weights(objective, **weights):
    """Raises for a weight below 0."""
    for name, value in weights.items():
        if value < 0:
            raise InputError(f"{objective} needs a {name} of 0 or more; received {value}.")


def check_share(name, value):
    """Raises unless a share of the loss is between 0 and 1."""
    if not 0 <= value <= 1:
        raise InputError(
            f"{name} is a share of the loss, between 0 and 1, the rest of which is the invariance; "
            f"received {value}."
        )


def invariance(views, global_views):
    """Mean squared distance of the entries of all views to the mean of the global ones."""
    anchor = ops.mean(views[:global_views], axis=0)
    return ops.mean(ops.square(views - anchor))
