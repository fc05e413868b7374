"""What the view layers do to pixels, on planes: one image `(H, W)` per channel, `(B, C, H, W)`.

On planes a separable map of the rows and columns is two matrix products with no turning between
them, and a map of the colours runs along whole planes.
"""

from keras_center_ssl.views.tensors import fused, tf


@fused  # three fifths of the time of TensorFlow's own
def to_planes(images):
    """`(B, H, W, C)` to `(B, C, H, W)`."""
    return tf.transpose(images, (0, 3, 1, 2))


@fused
def to_images(planes):
    """`(B, C, H, W)` to `(B, H, W, C)`, clipped to `[0, 1]`."""
    return tf.transpose(clipped(planes), (0, 2, 3, 1))


def sides(planes):
    """Height and width: ints where they are known, else scalar tensors."""
    shape = tf.shape(planes)
    return tuple(
        shape[axis] if planes.shape[axis] is None else planes.shape[axis] for axis in (2, 3)
    )


def clipped(values):
    """Values to `[0, 1]`; five times as fast on a CPU as `tf.clip_by_value`."""
    return tf.minimum(tf.maximum(values, 0.0), 1.0)


def mean_of_planes(planes):
    """The mean of every plane, `(B, C)`."""
    shape = tf.shape(planes)
    return tf.reduce_mean(tf.reshape(planes, (shape[0], shape[1], shape[2] * shape[3])), axis=2)


@fused
def recolored(planes, matrix, offset):
    """Pixels times `matrix` plus `offset`, clipped to `[0, 1]`.

    Args:
        planes: `(B, 3, H, W)`.
        matrix: `(B, 3, 3)`, for pixels as row vectors.
        offset: `(B,)`.
    """
    matrix, offset = matrix[:, :, :, None, None], offset[:, None, None, None]
    # XLA makes one pass of it; a matrix product with three columns would be slow.
    red, green, blue = (planes[:, channel, None] * matrix[:, channel] for channel in range(3))
    return clipped(red + green + blue + offset)


@fused
def rescaled(planes, gain, offset):
    """Values times `gain` `(B,)` plus `offset` `(B,)`, clipped to `[0, 1]`."""
    return clipped(planes * gain[:, None, None, None] + offset[:, None, None, None])


@fused
def solarized(planes, thresholds):
    """`1 - x` for every value that is at least the image's threshold, `(B,)`."""
    return tf.where(planes >= thresholds[:, None, None, None], 1.0 - planes, planes)
