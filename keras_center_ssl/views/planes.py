"""What the view layers do to pixels, on planes: one image `(H, W)` per channel, `(B, C, H, W)`.

On planes a separable map of the rows and columns is two matrix products with no turning between
them, and a map of the colours runs along whole planes.
"""

from keras_center_ssl.views.tensors import fused, tf


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


def separable(planes, rows, columns):
    """Applies `rows` `(B, H', H)` and `columns` `(B, W', W)` to planes `(B, C, H, W)`."""
    count, channels, height, width = (tf.shape(planes)[axis] for axis in range(4))
    planes = tf.reshape(planes, (count, channels * height, width))
    planes = tf.matmul(planes, columns, transpose_b=True)
    planes = tf.reshape(planes, (count, channels, height, tf.shape(columns)[1]))
    return tf.matmul(rows[:, None], planes)


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


def _triangle(distance):
    return tf.maximum(0.0, 1.0 - distance)


def _keys_cubic(distance):
    # Keys (1981) with a = -0.5, the kernel of Pillow and of tf.image's antialiased bicubic, times
    # two: one cubic from 0 to 2 and what the inner piece has on top, in the distances to 2 and 1.
    to_two = tf.maximum(2.0 - distance, 0.0)
    to_one = tf.maximum(to_two - 1.0, 0.0)
    return tf.square(to_two) * (to_two - 1.0) + tf.square(to_one) * (2.0 - 4.0 * to_one)


KERNELS = {"bilinear": _triangle, "bicubic": _keys_cubic}


def resampling(start, extent, *, size, pixels, kernel):
    """Matrices `(B, size, pixels)` that resample `[start, start + extent)` of a line of `pixels`.

    Pixel centres are at half-integers, the kernel widens when the line shrinks (antialiasing) and
    is renormalised at the border of the image, as in Pillow. A negative extent reads the line
    backwards from `start`, which is how a flip comes for free.

    Args:
        start, extent: `(B,)`, in pixels.
        size, pixels: ints.
        kernel: one of `KERNELS`.
    """
    step = (extent / size)[:, None, None]
    centre = start[:, None, None] + (tf.range(size, dtype=tf.float32)[:, None] + 0.5) * step
    narrower = 1.0 / tf.maximum(1.0, tf.abs(step))
    return _normalised(_weights(centre, narrower, pixels=pixels, kernel=kernel))


@fused
def _weights(centre, narrower, *, pixels, kernel):
    # What is one number for a row or an image is given: XLA would compute it for every weight.
    source = tf.range(pixels, dtype=tf.float32) + 0.5
    return KERNELS[kernel](tf.abs(source - centre) * narrower)


def _normalised(weights):
    return weights * (1.0 / tf.reduce_sum(weights, axis=-1, keepdims=True))


def gaussian(sigma, *, pixels):
    """Matrices `(B, pixels, pixels)` that blur a line of `pixels` by `sigma` `(B,)` pixels.

    They reach over the whole line (no truncation) and are renormalised at its ends.
    """
    # A sigma of 0 becomes one so small that the matrix is exactly the identity.
    exponent = -0.5 / tf.square(tf.maximum(sigma, 1e-2))
    return _normalised(_powers(exponent[:, None, None], pixels=pixels))


@fused
def _powers(exponent, *, pixels):
    place = tf.range(pixels, dtype=tf.float32)
    return tf.exp(tf.square(place[:, None] - place) * exponent)
