"""Separable linear maps of planes `(B, C, H, W)`: resampling and Gaussian blur of rows and columns.

A map of a line of pixels is a matrix, and a short line is quickest multiplied by it. A long line's
matrix is nearly empty: each pixel is a mean of few. From 64 pixels on it is summed tap by tap, in
one pass over memory that XLA makes of it: less than half the time at 224 pixels, and 2 in a million
apart. Not on JAX: accelerators multiply faster than they gather.
"""

import math

from keras_center_ssl.views import planes
from keras_center_ssl.views.tensors import fused, on_jax, tf


def resampled(images, lines, *, size, kernel):
    """Boxes of the planes, resampled to `size` x `size`.

    Pixel centres are at half-integers, the kernel widens when the line shrinks (antialiasing) and
    is renormalised at the border of the image, as in Pillow. A negative extent reads the line
    backwards from its start, which is how a flip comes for free.

    Args:
        images: `(B, C, H, W)`.
        lines: `(start, extent)` of the rows and of the columns, each `(B,)` in pixels.
        size: int.
        kernel: one of `KERNELS`.
    """
    height, width = planes.sides(images)
    taps = [_most_taps(pixels, size, kernel) for pixels in (height, width)]
    if _are_few(taps[0], height) and _are_few(taps[1], width):
        for count, pixels, line in zip(taps, (height, width), lines, strict=True):
            weights, places = _taps_of(*line, taps=count, size=size, pixels=pixels, kernel=kernel)
            # Whole rows are gathered: the columns become rows, and rows again.
            images = _turned(_gathered(images, weights, places, taps=count))
        return images
    rows, columns = (
        _resampling(*line, size=size, pixels=pixels, kernel=kernel)
        for line, pixels in zip(lines, (height, width), strict=True)
    )
    return _product(images, rows, columns)


def blurred(images, sigma, largest):
    """Planes blurred by Gaussians that are renormalised at the border.

    The kernel reaches over the whole image, as far as float32 can tell.

    Args:
        images: `(B, C, H, W)`.
        sigma: `(B,)`, standard deviations in pixels; 0 leaves an image exactly as it is.
        largest: float, the largest that `sigma` can be.
    """
    height, width = planes.sides(images)
    # Beyond, a weight is less than half of the last digit of the largest.
    reach = math.ceil(largest * math.sqrt(2 * 24 * math.log(2)))
    if _are_few(2 * reach + 1, height) and _are_few(2 * reach + 1, width):
        weights = _bell(sigma, reach)
        for axis in (2, 3):
            padding = [[reach, reach] if a == axis else [0, 0] for a in range(4)]
            within = _sums_within(weights, pixels=images.shape[axis])
            images = _summed(tf.pad(images, padding), weights, within, reach=reach, axis=axis)
        return images
    rows = columns = _gaussian(sigma, pixels=height)
    if images.shape[2] is None or images.shape[2] != images.shape[3]:
        columns = _gaussian(sigma, pixels=width)
    return _product(images, rows, columns)


def _are_few(taps, pixels):
    """Whether a sum over `taps` is quicker than a product with a matrix of so many columns."""
    known = isinstance(pixels, int) and taps is not None
    return known and pixels >= 64 and 3 * taps <= pixels and not on_jax()


# -- as matrices --


def _product(images, rows, columns):
    """Applies `rows` `(B, H', H)` and `columns` `(B, W', W)` to planes `(B, C, H, W)`."""
    count, channels, height, width = (tf.shape(images)[axis] for axis in range(4))
    images = tf.reshape(images, (count, channels * height, width))
    images = tf.matmul(images, columns, transpose_b=True)
    images = tf.reshape(images, (count, channels, height, tf.shape(columns)[1]))
    return tf.matmul(rows[:, None], images)


def _resampling(start, extent, *, size, pixels, kernel):
    """Matrices `(B, size, pixels)` that resample a part of a line of `pixels`."""
    centre, narrower = _centres(start, extent, size)
    return _normalised(_weights(centre, narrower, pixels=pixels, kernel=kernel))


def _centres(start, extent, size):
    """Where the outputs lie, `(B, size, 1)`, and by what the kernel is narrower, `(B, 1, 1)`."""
    step = (extent / size)[:, None, None]
    centre = start[:, None, None] + (tf.range(size, dtype=tf.float32)[:, None] + 0.5) * step
    return centre, 1.0 / tf.maximum(1.0, tf.abs(step))


@fused
def _weights(centre, narrower, *, pixels, kernel):
    # What is one number for a row or an image is given: XLA would compute it for every weight.
    source = tf.range(pixels, dtype=tf.float32) + 0.5
    return KERNELS[kernel](tf.abs(source - centre) * narrower)


def _normalised(weights):
    return weights * (1.0 / tf.reduce_sum(weights, axis=-1, keepdims=True))


def _gaussian(sigma, *, pixels):
    """Matrices `(B, pixels, pixels)` that blur a line of `pixels` by `sigma` `(B,)` pixels."""
    return _normalised(_powers(_exponent(sigma)[:, None, None], pixels=pixels))


def _exponent(sigma):
    # A sigma of 0 becomes one so small that the matrix is exactly the identity.
    return -0.5 / tf.square(tf.maximum(sigma, 1e-2))


@fused
def _powers(exponent, *, pixels):
    place = tf.range(pixels, dtype=tf.float32)
    return tf.exp(tf.square(place[:, None] - place) * exponent)


# -- tap by tap --


def _most_taps(pixels, size, kernel):
    """How many pixels one output can depend on; `None` where the line's length is not known."""
    if not isinstance(pixels, int):
        return None
    return math.ceil(2 * _REACH[kernel] * max(1.0, pixels / size)) + 1


def _taps_of(start, extent, *, taps, size, pixels, kernel):
    """The weights of every output's taps, and their places in the line, both `(B, size, taps)`."""
    centre, narrower = _centres(start, extent, size)
    place = tf.floor(centre - _REACH[kernel] / narrower) + tf.range(taps, dtype=tf.float32)
    weights = KERNELS[kernel](tf.abs(place + 0.5 - centre) * narrower)
    weights = tf.where((place >= 0.0) & (place < pixels), weights, 0.0)
    places = tf.minimum(tf.maximum(tf.cast(place, tf.int32), 0), pixels - 1)
    return _normalised(weights), places


@fused
def _gathered(images, weights, places, *, taps):
    """Sums of rows: `(B, C, H, W)` to `(B, C, size, W)`."""
    terms = (
        tf.gather(images, places[:, :, k], axis=2, batch_dims=1) * weights[:, None, :, k, None]
        for k in range(taps)
    )
    return sum(terms)


@fused
def _turned(images):
    """Rows to columns and columns to rows."""
    return tf.transpose(images, (0, 1, 3, 2))


def _bell(sigma, reach):
    """Weights `(B, 2 * reach + 1)` of the neighbours, exactly 1 in the middle."""
    half = tf.exp(_exponent(sigma)[:, None] * tf.square(tf.range(1, reach + 1, dtype=tf.float32)))
    return tf.concat([half[:, ::-1], tf.ones_like(half[:, :1]), half], axis=1)


def _sums_within(weights, *, pixels):
    """The sum of the weights that fall into the line, `(B, pixels)`."""
    taps = weights.shape[1]
    place = tf.range(pixels)[:, None] + tf.range(taps) - taps // 2
    within = tf.cast((place >= 0) & (place < pixels), tf.float32)
    return tf.matmul(weights, within, transpose_b=True)


@fused
def _summed(padded, weights, within, *, reach, axis):
    """Weighted means of `2 * reach + 1` neighbours along an axis that was padded by `reach`."""
    pixels = padded.shape[axis] - 2 * reach

    def moved(k):
        return padded[:, :, k : k + pixels] if axis == 2 else padded[:, :, :, k : k + pixels]

    total = moved(reach)  # whose weight is 1
    for k in range(reach):
        total += weights[:, k, None, None, None] * (moved(k) + moved(2 * reach - k))
    return total / (within[:, None, :, None] if axis == 2 else within[:, None, None, :])


# -- kernels --


def _triangle(distance):
    return tf.maximum(0.0, 1.0 - distance)


def _keys_cubic(distance):
    # Keys (1981) with a = -0.5, the kernel of Pillow and of tf.image's antialiased bicubic, times
    # two: one cubic from 0 to 2 and what the inner piece has on top, in the distances to 2 and 1.
    to_two = tf.maximum(2.0 - distance, 0.0)
    to_one = tf.maximum(to_two - 1.0, 0.0)
    return tf.square(to_two) * (to_two - 1.0) + tf.square(to_one) * (2.0 - 4.0 * to_one)


KERNELS = {"bilinear": _triangle, "bicubic": _keys_cubic}
# How far a kernel reaches to either side, in pixels of the smaller line.
_REACH = {"bilinear": 1, "bicubic": 2}
