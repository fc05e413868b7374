"""Images of any size and number of channels to a common one, in TensorFlow."""

from keras_center_ssl.engine.tensorflow_when_used import tf

_GREY = (0.299, 0.587, 0.114)  # ITU-R BT.601, what Pillow and libjpeg take


def conform(images, size=None, channels=None):
    """Brings images `(H, W, C)` or `(B, H, W, C)` to a size and a number of channels.

    The size is reached as ImageNet's evaluation does it: the shorter side is resized (bilinear,
    antialiased) and the middle of the longer one kept, so that nothing is distorted. An alpha
    channel is dropped, grey is repeated, colour becomes ITU-R BT.601 luma.

    Args:
        images: tensor, uint8 or float; the dtype is kept.
        size: `(height, width)`, or None to leave it.
        channels: 1, 3, or None to leave them.
    """
    images = tf.convert_to_tensor(images)
    if channels is not None and images.shape[-1] != channels:
        images = _with_channels(images, channels)
    if size is not None and tuple(images.shape[-3:-1]) != size:
        images = _cropped_and_resized(images, size)
    return images


def _with_channels(images, channels):
    count = tf.shape(images)[-1]
    colours = images[..., : count - tf.cast(count % 2 == 0, tf.int32)]  # 2 and 4 end in alpha
    shape = [*images.shape[:-1], channels]
    if channels == 3:
        return tf.ensure_shape(tf.repeat(colours, 3 // tf.shape(colours)[-1], axis=-1), shape)

    def luma():
        mixed = tf.reduce_sum(tf.cast(colours, tf.float32) * _GREY, axis=-1, keepdims=True)
        return _rounded(mixed, images.dtype)

    return tf.ensure_shape(tf.cond(tf.shape(colours)[-1] == 3, luma, lambda: colours), shape)


def _cropped_and_resized(images, size):
    height, width = tf.shape(images)[-3], tf.shape(images)[-2]

    def resized():
        # The largest centred box of the target's aspect ratio, then one resize.
        scale = tf.minimum(height / size[0], width / size[1])
        box = [tf.maximum(1, tf.cast(tf.round(n * scale), tf.int32)) for n in size]
        top, left = (height - box[0]) // 2, (width - box[1]) // 2
        middle = images[..., top : top + box[0], left : left + box[1], :]
        return _rounded(tf.image.resize(middle, size, antialias=True), images.dtype)

    same = tf.logical_and(height == size[0], width == size[1])
    images = tf.cond(same, lambda: images, resized)
    return tf.ensure_shape(images, [*images.shape[:-3], *size, images.shape[-1]])


def _rounded(images, dtype):
    if dtype == tf.uint8:
        return tf.cast(tf.round(tf.clip_by_value(images, 0.0, 255.0)), tf.uint8)
    return tf.cast(images, dtype)
