"""From feature maps to features: the mean of all positions, or the means over a grid of cells."""

import keras
from keras import layers, ops

from keras_center_ssl.errors import InputError
from keras_center_ssl.numerics import full_precision


@keras.saving.register_keras_serializable(package="keras_center_ssl")
class GridPooling(layers.Layer):
    """Means over `grid x grid` cells: feature maps `(B, H, W, D)` to `(B, grid * grid * D)`.

    One global mean forgets where something was; a few cells remember it roughly. The cells are of
    equal size and cover the map; where `grid` does not divide its sides they overlap (of 7
    positions, 2 cells take 4 each). They follow each other row by row, each with its `D` means.

    Args:
        grid: Cells along each side, 1 or more.
    """

    def __init__(self, grid, **kwargs):
        super().__init__(**kwargs)
        self.grid = check_grid(grid)

    def build(self, input_shape):
        self.maps = tuple(input_shape[1:])

    def call(self, maps):
        _, height, width, dim = maps.shape
        size, stride = cells(height, width, self.grid)
        means = ops.average_pool(maps, size, strides=stride, padding="valid")
        return ops.reshape(means, (-1, self.grid**2 * dim))

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self.grid**2 * input_shape[-1])

    def get_config(self):
        return {**super().get_config(), "grid": self.grid}

    def stock(self):
        """The same in stock Keras layers, for maps of the size it was built for."""
        size, stride = cells(*self.maps[:2], self.grid)
        return keras.Sequential(
            [
                keras.Input(self.maps),
                layers.AveragePooling2D(size, strides=stride, dtype=self.dtype_policy),
                layers.Flatten(dtype=self.dtype_policy),
            ],
            name=self.name,
        )


def pooled(maps, grid=1):
    """Features `(B, grid * grid * D)` of symbolic feature maps `(B, H, W, D)`.

    In float32 whatever the precision of the network: embeddings are compared, and exported.
    """
    if check_grid(grid) == 1:
        layer = layers.GlobalAveragePooling2D(dtype=full_precision(), name="features")
    else:
        cells(*maps.shape[1:3], grid)
        layer = GridPooling(grid, dtype=full_precision(), name="features")
    return layer(maps)


def cells(height, width, grid):
    """Size and stride of `grid x grid` cells over a map, two pairs of ints."""
    if height is None or width is None:
        raise InputError(
            f"A grid of {grid} x {grid} cells needs feature maps of a known size; received images "
            "of any size. Give the encoder an input_shape with height and width, or use grid=1."
        )
    if min(height, width) < grid:
        raise InputError(
            f"A grid of {grid} x {grid} cells needs feature maps of at least {grid} x {grid} "
            f"positions; received {height} x {width}. Use a smaller grid, larger images, or a stem "
            "that keeps more positions."
        )
    stride = (height // grid, width // grid)
    size = (height - (grid - 1) * stride[0], width - (grid - 1) * stride[1])
    return size, stride


def check_grid(grid):
    """Returns `grid` if it is a whole number from 1 on, else raises `InputError`."""
    if isinstance(grid, bool) or not isinstance(grid, int) or grid < 1:
        raise InputError(
            "grid is a whole number from 1 on: features are means over grid x grid cells; received "
            f"{grid!r}. 1 is the global average, 2 and 3 keep where things are."
        )
    return grid
