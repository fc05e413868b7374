"""What the objectives share: unit-length embeddings and checks of what they are given."""

from keras import ops

from keras_center_ssl.errors import InputError
from keras_center_ssl.numerics import full_precision, unit_length


def unit(z):
    """`z` in float32 with rows of length 1 (rows of length 0 stay 0)."""
    return unit_length(ops.cast(z, full_precision()))


def check_pair(z1, z2, names=("z1", "z2"), minimum=2):
    """Raises unless both are `(B, D)` of the same shape with at least `minimum` rows."""
    shape1, shape2 = tuple(z1.shape), tuple(z2.shape)
    if len(shape1) != 2 or shape1 != shape2:
        raise InputError(
            f"The two views' embeddings {names[0]} and {names[1]} must both have shape (B, D); "
            f"received {shape1} and {shape2}."
        )
    if shape1[0] is not None and shape1[0] < minimum:
        raise InputError(
            f"This objective compares samples with each other and needs a batch of at least "
            f"{minimum}; received a batch of {shape1[0]}. Raise the batch size."
        )


def check_rows(z, name="z", minimum=1):
    """Raises unless `z` is `(B, D)` with at least `minimum` rows."""
    shape = tuple(z.shape)
    if len(shape) != 2 or (shape[0] is not None and shape[0] < minimum):
        raise InputError(
            f"The embeddings {name} must have shape (B, D), with {minimum} or more rows; received "
            f"{shape}."
        )
