"""Residual networks (He et al., arXiv 1512.03385) for small and standard images."""

import keras
from keras import layers

from keras_center_ssl.encoders.normalization import BatchNormalization
from keras_center_ssl.encoders.pooling import pooled
from keras_center_ssl.errors import InputError, one_of

STEMS = ("auto", "small", "standard")
# Pixels, in place of a height or width that is open.
_LARGE = 224


def resnet_small(
    input_shape: tuple[int | None, int | None, int] = (32, 32, 3),
    width: int = 16,
    blocks: int = 1,
    stem: str = "small",
    grid: int = 1,
    name: str = "resnet_small",
) -> keras.Model:
    """A ResNet for small images on a plain CPU: three stages of basic blocks.

    With the defaults it has 77k parameters, and features of `4 * width = 64` dimensions.

    Args:
        input_shape: `(height, width, channels)` of the images, values in [0, 1]. Height and width
            may be `None`: any size then, with `grid=1`.
        width: Channels of the first stage; the stages have `width`, `2 width` and `4 width`.
        blocks: Basic blocks per stage.
        stem: `"small"` (one 3x3 convolution), `"standard"` (7x7 with stride 2, then max-pooling)
            or `"auto"` (small below 65 pixels, standard for any size).
        grid: Features are means over `grid x grid` cells of the last feature map: 1, the global
            average; 2 or 3 keep roughly where something was, in 4 or 9 times the dimensions.
        name: Name of the model.

    Returns:
        A `keras.Model`: images `(B, H, W, C)` to features `(B, grid * grid * 4 * width)`, float32.
    """
    widths = [width, 2 * width, 4 * width]
    return _resnet(_basic_block, [blocks] * 3, widths, input_shape, stem, grid, name)


def resnet18(
    input_shape: tuple[int | None, int | None, int] = (32, 32, 3),
    stem: str = "auto",
    grid: int = 1,
    name: str = "resnet18",
) -> keras.Model:
    """ResNet-18: 11.2M parameters, 512 features. Arguments as in `resnet_small`."""
    return _resnet(_basic_block, [2, 2, 2, 2], [64, 128, 256, 512], input_shape, stem, grid, name)


def resnet50(
    input_shape: tuple[int | None, int | None, int] = (224, 224, 3),
    stem: str = "auto",
    grid: int = 1,
    name: str = "resnet50",
) -> keras.Model:
    """ResNet-50 (v1.5: stride in the 3x3 convolution): 23.5M parameters, 2,048 features.

    Arguments as in `resnet_small`.
    """
    return _resnet(_bottleneck, [3, 4, 6, 3], [64, 128, 256, 512], input_shape, stem, grid, name)


def _resnet(block, depths, widths, input_shape, stem, grid, name):
    _check(input_shape, stem, depths, widths)
    if stem == "auto":
        stem = "small" if min(size or _LARGE for size in input_shape[:2]) <= 64 else "standard"
    images = keras.Input(input_shape, name="images")
    x = layers.Rescaling(2.0, offset=-1.0, name="rescaling")(images)
    if stem == "small":
        x = _conv_bn(x, widths[0], 3, 1, "stem")
    else:
        x = _conv_bn(x, widths[0], 7, 2, "stem")
        x = layers.MaxPooling2D(3, strides=2, padding="same", name="stem_pool")(x)
    for stage, (depth, width) in enumerate(zip(depths, widths, strict=True)):
        for index in range(depth):
            stride = 2 if stage > 0 and index == 0 else 1
            x = block(x, width, stride, f"stage{stage + 1}_block{index + 1}")
    return keras.Model(images, pooled(x, grid), name=name)


def _conv_bn(x, width, kernel, stride, name, relu=True):
    x = layers.Conv2D(
        width,
        kernel,
        strides=stride,
        padding="same",
        use_bias=False,
        kernel_initializer="he_normal",
        name=f"{name}_conv",
    )(x)
    x = BatchNormalization(momentum=0.9, epsilon=1e-5, name=f"{name}_bn")(x)
    return layers.ReLU(name=f"{name}_relu")(x) if relu else x


def _basic_block(x, width, stride, name):
    shortcut = x
    if stride != 1 or x.shape[-1] != width:
        shortcut = _conv_bn(x, width, 1, stride, f"{name}_shortcut", relu=False)
    x = _conv_bn(x, width, 3, stride, f"{name}_1")
    x = _conv_bn(x, width, 3, 1, f"{name}_2", relu=False)
    return layers.ReLU(name=name)(layers.Add(name=f"{name}_add")([x, shortcut]))


def _bottleneck(x, width, stride, name):
    shortcut = x
    if stride != 1 or x.shape[-1] != 4 * width:
        shortcut = _conv_bn(x, 4 * width, 1, stride, f"{name}_shortcut", relu=False)
    x = _conv_bn(x, width, 1, 1, f"{name}_1")
    x = _conv_bn(x, width, 3, stride, f"{name}_2")
    x = _conv_bn(x, 4 * width, 1, 1, f"{name}_3", relu=False)
    return layers.ReLU(name=name)(layers.Add(name=f"{name}_add")([x, shortcut]))


def _check(input_shape, stem, depths, widths):
    if stem not in STEMS:
        raise one_of("stem", stem, STEMS)
    known = [n for n in input_shape[:2] if n is not None] + list(input_shape[2:])
    good = len(input_shape) == 3 and all(isinstance(n, int) and n > 0 for n in known)
    if not good or min(known[:-1], default=8) < 8:
        raise InputError(
            f"An encoder's input_shape is (height, width, channels) with at least 8 x 8 pixels, "
            f"for example (32, 32, 3), or (None, None, 3) for any size; received "
            f"{tuple(input_shape)}."
        )
    if min(depths) < 1 or min(widths) < 1:
        raise InputError(
            f"An encoder's width and blocks are whole numbers from 1; received width={widths[0]} "
            f"and blocks={depths[0]}."
        )
