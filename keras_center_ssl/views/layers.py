"""Random view layers: batched, seeded, with independent randomness for every image.

Every layer maps images `(B, H, W, C)`, float32 in `[0, 1]`, to images of the same kind, for any
number of channels. A layer is a handful of batched ops with static shapes, TensorFlow's or JAX's
(`tensors.py`), so that it runs in `tf.data` on the CPU (whatever the Keras backend) and inside a
model on an accelerator:

- geometry (crop, resize, flip, blur) is *separable and linear*: one matrix for the rows and one
  for the columns of each image, applied to the whole batch as two matrix products;
- colour (brightness, contrast, saturation, hue, grey) is *affine*: the steps are multiplied into
  one 3x3 matrix and one offset per image before a single pixel is touched.

Randomness is stateless. `layer(images, seed=seed)` with `seed` an int32 tensor of shape `(2,)` is a
pure function of its arguments: same seed, same views. Without `seed` a layer draws the next seed
from a generator of its own.
"""

import contextlib
import contextvars
import inspect
import math

import keras
import numpy as np

from keras_center_ssl.errors import InputError, one_of
from keras_center_ssl.views.tensors import computing_on, on_jax, tf

PACKAGE = "keras_center_ssl"

# Grey value, and the two axes of colour, of an RGB pixel (NTSC; the grey row is ITU-R BT.601's).
_YIQ = np.array(
    [
        [0.299, 0.587, 0.114],
        [0.595716, -0.274453, -0.321263],
        [0.211456, -0.522591, 0.311135],
    ]
)
GREY_WEIGHTS = _YIQ[0] / _YIQ[0].sum()


# -- what the layers share -------------------------------------------------------------------------


def check_probability(name, value):
    """Returns `value` as a float; raises `InputError` unless it lies in `[0, 1]`."""
    if not _is_number(value) or not 0 <= value <= 1:
        raise InputError(
            f"`{name}` is a probability, a number from 0 (never) to 1 (always). "
            f"Received: {value!r}."
        )
    return float(value)


def check_strength(name, value, high=math.inf):
    """Returns `value` as a float; raises `InputError` unless it lies in `[0, high]`."""
    if not _is_number(value) or not 0 <= value <= high:
        limit = "" if high == math.inf else f" and at most {high}"
        raise InputError(f"`{name}` must be at least 0 (off){limit}. Received: {value!r}.")
    return float(value)


def check_range(name, value, low=0.0, high=math.inf):
    """Returns `value` as two floats `0 <= low < a <= b <= high`, or raises `InputError`."""
    pair = tuple(value) if isinstance(value, (tuple, list)) else ()
    if len(pair) != 2 or not all(map(_is_number, pair)) or not low < pair[0] <= pair[1] <= high:
        limit = "" if high == math.inf else f" and at most {high:g}"
        raise InputError(
            f"`{name}` is a pair (smallest, largest) of numbers above {low:g}{limit}, the smaller "
            f"one first. Received: {value!r}."
        )
    return float(pair[0]), float(pair[1])


def check_size(name, value):
    """Returns `value` as an int; raises `InputError` unless it is a side of 8 to 1024 pixels."""
    whole = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
    if not whole or not 8 <= value <= 1024:
        raise InputError(
            f"`{name}` is the side of the square views in pixels, a whole number from 8 to 1024. "
            f"Received: {value!r}."
        )
    return int(value)


def _is_number(value):
    return isinstance(value, (int, float, np.number)) and not isinstance(value, bool)


def _as_images(images):
    """A batch as float32 `(B, H, W, C)`; uint8 is scaled to `[0, 1]`."""
    images = tf.convert_to_tensor(images)
    if _rank(images) not in (4, None):
        raise InputError(
            "Views are made of a batch of images of shape (B, H, W, C). Received shape "
            f"{tuple(images.shape)}: add the missing axis, e.g. `images[..., None]` for grey "
            "images or `images[None]` for a single one."
        )
    if images.dtype == tf.uint8:
        return tf.cast(images, tf.float32) / 255.0
    dtype = keras.backend.standardize_dtype(images.dtype)
    if "float" not in dtype:
        raise InputError(
            "Views are made of images that are float in [0, 1] or uint8 in 0..255. Received dtype "
            f"{dtype}: convert them with `.astype('uint8')`."
        )
    return tf.cast(images, tf.float32)


def _rank(tensor):
    """Number of dimensions; None where TensorFlow does not know it."""
    return tensor.shape.rank if hasattr(tensor.shape, "rank") else len(tensor.shape)


def _as_seed(seed):
    seed = tf.cast(tf.convert_to_tensor(seed), tf.int32)
    if _rank(seed) is not None and tuple(seed.shape) not in ((2,), (None,)):
        raise InputError(
            "`seed` is an int32 tensor of shape (2,), e.g. `(17, 0)`. Received shape "
            f"{tuple(seed.shape)}."
        )
    return seed


def _fold_in(seed, number):
    """A new seed from `seed` and `number`, the same on every device."""
    return tf.random.experimental.stateless_fold_in(seed, number, alg="philox")


# Which rows of a larger batch the images at hand are: (number of the first, size of that batch).
_rows = contextvars.ContextVar("rows", default=None)


@contextlib.contextmanager
def rows_of_batch(first, total):
    """Within it, images are drawn for as the rows from `first` on of a batch of `total` images.

    So several workers make the views of one batch, each of its own rows, with the draws that one
    worker would make for all of it. (Other people's layers get a seed of their own instead.)
    """
    token = _rows.set((tf.cast(first, tf.int32), tf.cast(total, tf.int32)))
    try:
        yield
    finally:
        _rows.reset(token)


def own_seed(step, seed):
    """The seed that `step` gets: ours know about `rows_of_batch`, others need another seed."""
    if _rows.get() is None or isinstance(step, RandomViewLayer):
        return seed
    return _fold_in(seed, _rows.get()[0])


def _uniform(shape, seed, low=0.0, high=1.0, axis=0):
    """Numbers in `[low, high)`; `axis` is that of the images."""
    if _rows.get() is None:
        return tf.random.stateless_uniform(shape, seed, low, high, alg="philox")
    first, total = _rows.get()
    whole = [total if a == axis else size for a, size in enumerate(shape)]
    draws = tf.random.stateless_uniform(whole, seed, low, high, alg="philox")
    return tf.slice(draws, [first if a == axis else 0 for a in range(len(shape))], shape)


def _chosen(count, seed, probability):
    """A boolean per image, true with `probability` (0 is never, 1 is always)."""
    return _uniform([count], seed) < probability


def _separable(images, rows, columns):
    """Applies `rows` `(B, H', H)` and `columns` `(B, W', W)` to images `(B, H, W, C)`."""
    count, height, width = (tf.shape(images)[axis] for axis in range(3))
    channels = images.shape[3] or tf.shape(images)[3]
    new_height, new_width = tf.shape(rows)[1], tf.shape(columns)[1]
    images = tf.matmul(rows, tf.reshape(images, (count, height, width * channels)))
    images = tf.reshape(images, (count, new_height, width, channels))
    images = tf.reshape(tf.transpose(images, (0, 2, 1, 3)), (count, width, new_height * channels))
    images = tf.matmul(columns, images)
    images = tf.reshape(images, (count, new_width, new_height, channels))
    return tf.transpose(images, (0, 2, 1, 3))


def _clipped(images):
    """Values to `[0, 1]`; five times as fast on a CPU as `tf.clip_by_value`."""
    return tf.minimum(tf.maximum(images, 0.0), 1.0)


def _mean_pixel(images):
    """Mean over the pixels, `(B, C)`: over rows first, which a CPU sums in long strides."""
    count, height, width = (tf.shape(images)[axis] for axis in range(3))
    channels = images.shape[3]
    row = tf.reduce_mean(tf.reshape(images, (count, height, width * channels)), axis=1)
    return tf.reduce_mean(tf.reshape(row, (count, width, channels)), axis=1)


class RandomViewLayer(keras.layers.Layer):
    """Base class of the view layers: a subclass supplies `augment(images, seed)`.

    Args:
        seed: int or None. Where the layer's own generator starts; used only in calls without
            `seed=`.
    """

    def __init__(self, seed=None, **kwargs):
        super().__init__(**kwargs)
        self.seed = seed
        self.generator = keras.random.SeedGenerator(seed)
        # In tf.data the inputs are TensorFlow tensors on every Keras backend: Keras must neither
        # convert them to its own kind nor infer weights from them (there are none).
        self._convert_input_args = False
        self._allow_non_tensor_positional_args = True
        self.built = True

    def augment(self, images, seed):
        """Random images from float32 `images` `(B, H, W, C)` and an int32 `seed` `(2,)`."""
        raise NotImplementedError

    def rest(self, images):
        """What the layer does outside training: nothing, unless it has a size to bring about."""
        return images

    def call(self, images, training=True, seed=None):
        """Returns the augmented images.

        Args:
            images: `(B, H, W, C)`, float in `[0, 1]` or uint8 in 0..255.
            training: bool. False leaves out all randomness.
            seed: int32 tensor of shape `(2,)`, or None to draw from the layer's own generator. In a
                function that you give to `jax.jit` yourself, pass one: a generator's state can
                advance in Keras' own steps only.
        """
        with computing_on(images):
            images = _as_images(images)
            if training is not None and not training:
                return self.rest(images)
            return self.augment(images, self._next_seed() if seed is None else _as_seed(seed))

    def _next_seed(self):
        if keras.backend.backend() == "tensorflow" or on_jax() or tf.executing_eagerly():
            return _as_seed(self.generator.next())
        # Another backend's state cannot advance inside a TensorFlow graph; TensorFlow's own can.
        return tf.random.uniform([2], maxval=tf.int32.max, dtype=tf.int32, seed=self.seed)

    def get_config(self):
        return {**super().get_config(), "seed": self.seed}


# -- the layers ------------------------------------------------------------------------------------


def _triangle(distance):
    return tf.maximum(0.0, 1.0 - distance)


def _keys_cubic(distance):
    # Keys (1981) with a = -0.5, the kernel of Pillow and of tf.image's antialiased bicubic.
    # Its outer piece (1 to 2) continued to all distances, plus what the inner piece has on top.
    outer = tf.minimum(distance, 2.0)
    outer = 0.5 * (1.0 - outer) * tf.square(outer - 2.0)
    inner = tf.square(tf.maximum(0.0, 1.0 - distance)) * (2.0 * distance - 1.0)
    return outer + inner


_KERNELS = {"bilinear": _triangle, "bicubic": _keys_cubic}


def _resampling(start, extent, size, pixels, kernel):
    """Matrices `(B, size, pixels)` that resample `[start, start + extent)` of a line of `pixels`.

    Pixel centres are at half-integers, the kernel widens when the line shrinks (antialiasing) and
    is renormalised at the border of the image, as in Pillow. A negative extent reads the line
    backwards from `start`, which is how a flip comes for free.
    """
    step = (extent / size)[:, None, None]
    centre = start[:, None, None] + (tf.range(size, dtype=tf.float32)[:, None] + 0.5) * step
    source = tf.range(pixels, dtype=tf.float32) + 0.5
    weights = kernel(tf.abs(source - centre) / tf.maximum(1.0, tf.abs(step)))
    return weights / tf.reduce_sum(weights, axis=-1, keepdims=True)


@keras.saving.register_keras_serializable(package=PACKAGE)
class RandomResizedCrop(RandomViewLayer):
    """Cuts a random box out of each image, resizes it to a square and flips it, in one resampling.

    The box is drawn as by torchvision's `RandomResizedCrop`: its share of the image's area uniform
    in `area`, its aspect ratio (width / height) log-uniform in `aspect`, ten attempts to fit the
    image, then the largest central box of an allowed aspect ratio. Boxes are not rounded to whole
    pixels, which matters for images of 28 or 32 pixels.

    Args:
        size: int, the side of the square output in pixels, 8 to 1024.
        area: pair of floats in `(0, 1]`, the share of the image's area.
        aspect: pair of positive floats, width / height.
        flip: float in `[0, 1]`, the probability of a horizontal flip.
        interpolation: `"bilinear"` or `"bicubic"`, both antialiased.
        seed: int or None, see `RandomViewLayer`.

    Outside training the whole image is resized to the square.
    """

    attempts = 10

    def __init__(
        self,
        size,
        area=(0.08, 1.0),
        aspect=(3 / 4, 4 / 3),
        flip=0.5,
        interpolation="bilinear",
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.size = check_size("size", size)
        self.area = check_range("area", area, high=1.0)
        self.aspect = check_range("aspect", aspect)
        self.flip = check_probability("flip", flip)
        if interpolation not in _KERNELS:
            raise one_of("interpolation", interpolation, _KERNELS)
        self.interpolation = interpolation

    def augment(self, images, seed):
        top, left, height, width = self.boxes(tf.shape(images), seed)
        flipped = _chosen(tf.shape(images)[0], _fold_in(seed, 2), self.flip)
        left = tf.where(flipped, left + width, left)
        width = tf.where(flipped, -width, width)
        return self._resample(images, top, left, height, width)

    def rest(self, images):
        if images.shape[1] == images.shape[2] == self.size:
            return images
        shape = tf.shape(images)
        zero = tf.zeros([shape[0]])
        height, width = (tf.fill([shape[0]], tf.cast(shape[axis], tf.float32)) for axis in (1, 2))
        return self._resample(images, zero, zero, height, width)

    def boxes(self, shape, seed):
        """Draws `top, left, height, width` in pixels, each `(B,)`, for images of `shape`."""
        count = shape[0]
        full_height, full_width = tf.cast(shape[1], tf.float32), tf.cast(shape[2], tf.float32)
        low, high = (math.log(ratio) for ratio in self.aspect)
        # One column per attempt; the last one is the fallback, which always fits.
        draws = _uniform([2, count, self.attempts], _fold_in(seed, 0), axis=1)
        area = (self.area[0] + (self.area[1] - self.area[0]) * draws[0]) * full_height * full_width
        aspect = tf.exp(low + (high - low) * draws[1])
        nearest = tf.clip_by_value(full_width / full_height, *self.aspect)
        last_width = tf.fill([count, 1], tf.minimum(full_width, full_height * nearest))
        last_height = tf.fill([count, 1], tf.minimum(full_height, full_width / nearest))
        width = tf.concat([tf.sqrt(area * aspect), last_width], axis=1)
        height = tf.concat([tf.sqrt(area / aspect), last_height], axis=1)
        # A whole-image box may exceed the image by a rounding error.
        fits = (width <= full_width * (1 + 1e-6)) & (height <= full_height * (1 + 1e-6))
        first = tf.argmax(fits, axis=1)
        width = tf.minimum(tf.gather(width, first, batch_dims=1), full_width)
        height = tf.minimum(tf.gather(height, first, batch_dims=1), full_height)
        place = _uniform([2, count], _fold_in(seed, 1), axis=1)
        place = tf.where(first == self.attempts, 0.5, place)
        return place[0] * (full_height - height), place[1] * (full_width - width), height, width

    def _resample(self, images, top, left, height, width):
        kernel = _KERNELS[self.interpolation]
        shape = tf.shape(images)
        rows = _resampling(top, height, self.size, shape[1], kernel)
        columns = _resampling(left, width, self.size, shape[2], kernel)
        resampled = _separable(images, rows, columns)
        shape = (images.shape[0], self.size, self.size, images.shape[3])
        resampled = tf.ensure_shape(resampled, shape)
        # A bicubic kernel has negative lobes.
        return _clipped(resampled)

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self.size, self.size, input_shape[3])

    def get_config(self):
        return {
            **super().get_config(),
            "size": self.size,
            "area": self.area,
            "aspect": self.aspect,
            "flip": self.flip,
            "interpolation": self.interpolation,
        }


class _SameShape(RandomViewLayer):
    def compute_output_shape(self, input_shape):
        return input_shape


@keras.saving.register_keras_serializable(package=PACKAGE)
class RandomColorJitter(_SameShape):
    """Changes brightness, contrast, saturation and hue of each image, and makes some of them grey.

    With `probability` an image gets, in this order, with `U` uniform and drawn per image:

    - brightness: `x * U(1 - brightness, 1 + brightness)`, the lower end at least 0;
    - contrast: a blend with the image's mean grey value, `c x + (1 - c) mean`, `c` drawn likewise;
    - saturation: a blend with the pixel's own grey value, drawn likewise;
    - hue: a turn of `U(-hue, hue)` of a full circle about the grey axis of YIQ colour space;

    and, independently, with probability `grey` every pixel becomes its grey value (ITU-R BT.601).
    All of it is one affine map per image, clipped to `[0, 1]` once at the end. Two differences from
    torchvision follow, neither of which matters for learning: the order is fixed, and hue turns in
    YIQ, which keeps the grey value, and not in HSV.

    Brightness and contrast apply to any number of channels (the mean is over all of them unless
    there are three); saturation, hue and grey have a meaning, and an effect, for three only.

    Args:
        brightness, contrast, saturation: floats of at least 0, the half-widths above.
        hue: float in `[0, 0.5]`, the largest turn as a share of the circle.
        probability: float in `[0, 1]`, for the four of them together.
        grey: float in `[0, 1]`, the probability of a grey image.
        seed: int or None, see `RandomViewLayer`.
    """

    def __init__(
        self,
        brightness=0.4,
        contrast=0.4,
        saturation=0.4,
        hue=0.1,
        probability=0.8,
        grey=0.2,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.brightness = check_strength("brightness", brightness)
        self.contrast = check_strength("contrast", contrast)
        self.saturation = check_strength("saturation", saturation)
        self.hue = check_strength("hue", hue, high=0.5)
        self.probability = check_probability("probability", probability)
        self.grey = check_probability("grey", grey)

    def augment(self, images, seed):
        count = tf.shape(images)[0]
        brightness, contrast, saturation, turn, _, grey = self.draw(count, seed)
        channels = images.shape[3]
        mean = _mean_pixel(images)
        mean = tf.linalg.matvec(mean, _GREY) if channels == 3 else tf.reduce_mean(mean, axis=1)
        gain = brightness * contrast
        # The offset is a grey value: saturation, hue and grey leave it as it is.
        offset = (1.0 - contrast) * brightness * mean
        if channels != 3:
            return _clipped(images * _per_image(gain) + _per_image(offset))
        color = self.color_matrix(saturation, turn, grey) * gain[:, None, None]
        shape = tf.shape(images)
        pixels = tf.matmul(tf.reshape(images, (count, shape[1] * shape[2], 3)), color)
        pixels = _clipped(pixels + offset[:, None, None])
        return tf.ensure_shape(tf.reshape(pixels, shape), images.shape)

    def draw(self, count, seed):
        """Six tensors `(B,)`: brightness, contrast, saturation, turn, jittered and grey (0 or 1).

        Where an image is not jittered its factors are 1 and its turn (in radians) is 0.
        """
        draws = _uniform([6, count], seed, axis=1)
        jittered = draws[4] < self.probability

        def factor(column, strength):
            low = max(0.0, 1.0 - strength)
            return tf.where(jittered, low + (1.0 + strength - low) * draws[column], 1.0)

        turn = tf.where(jittered, (2.0 * draws[3] - 1.0) * (2.0 * math.pi * self.hue), 0.0)
        return (
            factor(0, self.brightness),
            factor(1, self.contrast),
            factor(2, self.saturation),
            turn,
            tf.cast(jittered, tf.float32),
            tf.cast(draws[5] < self.grey, tf.float32),
        )

    def color_matrix(self, saturation, turn, grey):
        """Matrices `(B, 3, 3)` for pixels as row vectors: saturation, then hue, then grey."""
        to_grey = tf.constant(_TO_GREY, tf.float32)
        saturation, turn, grey = (value[:, None, None] for value in (saturation, turn, grey))
        saturate = saturation * tf.eye(3) + (1.0 - saturation) * to_grey
        rotate = to_grey + tf.cos(turn) * _TURN_COS + tf.sin(turn) * _TURN_SIN
        colored = tf.matmul(saturate, rotate)
        return (1.0 - grey) * colored + grey * to_grey

    def get_config(self):
        return {
            **super().get_config(),
            "brightness": self.brightness,
            "contrast": self.contrast,
            "saturation": self.saturation,
            "hue": self.hue,
            "probability": self.probability,
            "grey": self.grey,
        }


def _per_image(values):
    return values[:, None, None, None]


# A turn by t about the grey axis, for row vectors, is  to_grey + cos(t) A + sin(t) B.
_RGB = np.linalg.inv(_YIQ)
_TO_GREY = np.outer(GREY_WEIGHTS, np.ones(3))
_TURN_COS = (_RGB @ np.diag([0.0, 1.0, 1.0]) @ _YIQ).T.astype("float32")
_TURN_SIN = (_RGB @ np.array([[0, 0, 0], [0, 0, -1], [0, 1, 0]]) @ _YIQ).T.astype("float32")
_GREY = GREY_WEIGHTS.astype("float32")


@keras.saving.register_keras_serializable(package=PACKAGE)
class RandomGaussianBlur(_SameShape):
    """Blurs some of the images, each with a Gaussian of its own width.

    The kernel reaches over the whole image (no truncation) and is renormalised at the border.

    Args:
        sigma: pair of positive floats, the standard deviation in pixels, drawn uniformly.
        probability: float in `[0, 1]`, the share of blurred images.
        seed: int or None, see `RandomViewLayer`.
    """

    def __init__(self, sigma=(0.1, 2.0), probability=0.5, **kwargs):
        super().__init__(**kwargs)
        self.sigma = check_range("sigma", sigma)
        self.probability = check_probability("probability", probability)

    def augment(self, images, seed):
        if self.probability == 0.0:
            return images
        sigma = self.draw(tf.shape(images)[0], seed)
        rows = columns = self._kernel(sigma, tf.shape(images)[1])
        if images.shape[1] is None or images.shape[1] != images.shape[2]:
            columns = self._kernel(sigma, tf.shape(images)[2])
        blurred = _clipped(_separable(images, rows, columns))  # rounding
        return tf.ensure_shape(blurred, images.shape)

    def draw(self, count, seed):
        """The standard deviations `(B,)` in pixels, 0 for images that are left alone."""
        sigma = _uniform([count], _fold_in(seed, 0), *self.sigma)
        return tf.where(_chosen(count, _fold_in(seed, 1), self.probability), sigma, 0.0)

    @staticmethod
    def _kernel(sigma, pixels):
        place = tf.range(pixels, dtype=tf.float32)
        distance = tf.square(place[:, None] - place)
        # A sigma of 0 becomes one so small that the matrix is exactly the identity.
        sigma = tf.maximum(sigma, 1e-2)[:, None, None]
        weights = tf.exp(distance / (-2.0 * tf.square(sigma)))
        return weights / tf.reduce_sum(weights, axis=-1, keepdims=True)

    def get_config(self):
        return {**super().get_config(), "sigma": self.sigma, "probability": self.probability}


@keras.saving.register_keras_serializable(package=PACKAGE)
class RandomSolarize(_SameShape):
    """Inverts, in some of the images, every value that is at least `threshold`: `x -> 1 - x`.

    Args:
        probability: float in `[0, 1]`, the share of solarised images.
        threshold: float in `[0, 1]`.
        seed: int or None, see `RandomViewLayer`.
    """

    def __init__(self, probability=0.2, threshold=0.5, **kwargs):
        super().__init__(**kwargs)
        self.probability = check_probability("probability", probability)
        self.threshold = check_strength("threshold", threshold, high=1.0)

    def augment(self, images, seed):
        if self.probability == 0.0:
            return images
        count = tf.shape(images)[0]
        # One comparison for both questions: no value reaches the threshold of an image left alone.
        thresholds = tf.where(_chosen(count, seed, self.probability), self.threshold, 2.0)
        flat = tf.reshape(images, (count, -1))
        flat = tf.where(flat >= thresholds[:, None], 1.0 - flat, flat)
        return tf.ensure_shape(tf.reshape(flat, tf.shape(images)), images.shape)

    def get_config(self):
        return {
            **super().get_config(),
            "probability": self.probability,
            "threshold": self.threshold,
        }


# -- composition -----------------------------------------------------------------------------------


def call_options(step):
    """Which of `training` and `seed` the layer or callable `step` takes."""
    try:
        target = step.call if isinstance(step, keras.layers.Layer) else step
        parameters = inspect.signature(target).parameters
    except (TypeError, ValueError):
        return ()
    return tuple(name for name in ("training", "seed") if name in parameters)


class _Composed(RandomViewLayer):
    """Holds `steps`: layers or callables, each of which gets a seed derived from its place."""

    def __init__(self, kind, steps, **kwargs):
        super().__init__(**kwargs)
        if not isinstance(steps, (list, tuple)):
            raise InputError(
                f"`{type(self).__name__}` takes a list of {kind}. Received: {steps!r} of type "
                f"{type(steps).__name__}."
            )
        for place, step in enumerate(steps):
            if not callable(step):
                raise InputError(
                    f"`{type(self).__name__}` takes a list of {kind}; element {place} cannot be "
                    f"called. Received: {step!r} of type {type(step).__name__}."
                )
        self.steps = list(steps)
        self._options = [call_options(step) for step in steps]

    def call(self, images, training=True, seed=None):
        with computing_on(images):
            images = _as_images(images)
            training = training is None or bool(training)
            # Steps with a state of their own need no seed; ours get one even if it is not used.
            seed = self._next_seed() if seed is None else _as_seed(seed)
            return self._run(images, training, seed)

    def _apply(self, place, images, training, seed):
        seed = own_seed(self.steps[place], _fold_in(seed, place))
        given = {"training": training, "seed": seed}
        return self.steps[place](images, **{name: given[name] for name in self._options[place]})

    @classmethod
    def from_config(cls, config):
        config = dict(config)
        name = cls.steps_argument
        config[name] = [keras.saving.deserialize_keras_object(step) for step in config[name]]
        return cls(**config)

    def get_config(self):
        steps = [keras.saving.serialize_keras_object(step) for step in self.steps]
        return {**super().get_config(), self.steps_argument: steps}


@keras.saving.register_keras_serializable(package=PACKAGE)
class View(_Composed):
    """One view: layers applied one after the other.

    Any Keras layer (KerasCV's included) or callable `images -> images` may stand in the list. One
    that takes `seed=` gets an int32 tensor of shape `(2,)`, one that takes `training=` gets that;
    the others are called with the images alone. A layer that ignores `seed` (Keras' own) keeps its
    own random state, and its part of the view is then not repeatable.

    ```python
    View([RandomResizedCrop(32), keras.layers.RandomRotation(0.1), RandomSolarize(0.2)])
    ```

    Args:
        layers: list of layers or callables.
        seed: int or None, see `RandomViewLayer`.
    """

    steps_argument = "layers"

    def __init__(self, layers, **kwargs):
        super().__init__("layers or callables images -> images", layers, **kwargs)

    @property
    def layers(self):
        return list(self.steps)

    def _run(self, images, training, seed):
        for place in range(len(self.steps)):
            images = _as_images(self._apply(place, images, training, seed))
        return images


@keras.saving.register_keras_serializable(package=PACKAGE)
class MultiView(_Composed):
    """Several random views of each image: images `(B, H, W, C)` to a tuple of image batches.

    ```python
    view = View([RandomResizedCrop(32), RandomColorJitter()])
    first, second = MultiView([view, view])(images)      # the same kind, drawn independently
    ```

    Args:
        views: list with one `View` (or layer, or callable) per output view. One object may stand in
            it several times.
        seed: int or None, see `RandomViewLayer`.
    """

    steps_argument = "views"

    def __init__(self, views, **kwargs):
        super().__init__("views", views, **kwargs)
        if not self.steps:
            raise InputError("`MultiView` needs at least one view. Received an empty list.")

    @property
    def views(self):
        return list(self.steps)

    def __len__(self):
        return len(self.steps)

    def _run(self, images, training, seed):
        places = range(len(self.steps))
        return tuple(_as_images(self._apply(p, images, training, seed)) for p in places)
