"""Vision transformers (Dosovitskiy et al., arXiv 2010.11929) in the sizes of DeiT and DINO."""

import keras
from keras import layers, ops

from keras_center_ssl.errors import InputError, one_of
from keras_center_ssl.numerics import full_precision

POOLS = ("class", "mean", "class+mean")


def vit_tiny(
    input_shape: tuple[int, int, int] = (224, 224, 3),
    patch_size: int | None = None,
    depth: int = 12,
    heads: int = 3,
    pool: str = "class",
    drop_path: float = 0.0,
    name: str = "vit_tiny",
) -> keras.Model:
    """ViT-Tiny: 192 features; 5.5M parameters with the default depth and patches of 16 pixels.

    Pre-norm blocks of self-attention and a GELU perceptron of four times the width (arXiv
    2012.12877, table 1). Position embeddings are learned, and interpolated bicubically where
    images of another size come in (`kcs.encoders.encode`), as the local crops of DINO are.

    Args:
        input_shape: `(height, width, channels)` of the images, values in [0, 1]. Height and width
            are multiples of `patch_size`.
        patch_size: Side of the square patches in pixels. `None`: 16, and 4 for images up to 64
            pixels.
        depth: Number of blocks.
        heads: Attention heads per block, a divisor of the width.
        pool: Where the features come from: `"class"`, a class token that is read at the end;
            `"mean"`, the mean of all patches (there is no class token then); or `"class+mean"`,
            both of them one after the other, in twice the dimensions.
        drop_path: Rate at which the last block's residual branches are skipped in training; it
            grows linearly with the depth (stochastic depth, arXiv 1603.09382). .1 in DINO.
        name: Name of the model.

    Returns:
        A `keras.Model`: images `(B, H, W, C)` to features `(B, 192)`, float32; `(B, 384)` for
        `"class+mean"`.
    """
    return _vit(192, input_shape, patch_size, depth, heads, pool, drop_path, name)


def vit_small(
    input_shape: tuple[int, int, int] = (224, 224, 3),
    patch_size: int | None = None,
    depth: int = 12,
    heads: int = 6,
    pool: str = "class",
    drop_path: float = 0.0,
    name: str = "vit_small",
) -> keras.Model:
    """ViT-Small, DINO's default: 384 features, 21.7M parameters. Arguments as in `vit_tiny`."""
    return _vit(384, input_shape, patch_size, depth, heads, pool, drop_path, name)


def _vit(width, input_shape, patch_size, depth, heads, pool, drop_path, name):
    if None in input_shape[:2]:
        raise InputError(
            f"A vision transformer has a position for every patch, so that its height and width "
            f"are known; received input_shape={tuple(input_shape)}. Give it both, or use "
            "kcs.encoders.resnet18, which takes (None, None, channels)."
        )
    if patch_size is None:
        patch_size = 4 if max(input_shape[:2]) <= 64 else 16
    _check(width, input_shape, patch_size, depth, heads, pool, drop_path)
    images = keras.Input(input_shape, name="images")
    x = layers.Rescaling(2.0, offset=-1.0, name="rescaling")(images)
    x = layers.Conv2D(width, patch_size, strides=patch_size, name="patches")(x)
    x = PatchTokens(class_token=pool != "mean", name="tokens")(x)
    for index in range(depth):
        rate = drop_path * index / max(depth - 1, 1)
        x = _block(x, width, heads, rate, f"block{index + 1}")
    x = layers.LayerNormalization(epsilon=1e-6, name="norm")(x)
    x = _pooled(x, pool)
    features = layers.Activation("linear", dtype=full_precision(), name="features")(x)
    return keras.Model(images, features, name=name)


def _pooled(tokens, pool):
    """Class token, mean of the patches, or both, of tokens `(B, T, D)`."""
    if pool == "class":
        return tokens[:, 0]
    patches = tokens if pool == "mean" else tokens[:, 1:]
    mean = layers.GlobalAveragePooling1D(name="pool")(patches)
    return mean if pool == "mean" else layers.Concatenate(name="both")([tokens[:, 0], mean])


def _block(x, width, heads, drop_path, name):
    y = layers.LayerNormalization(epsilon=1e-6, name=f"{name}_norm1")(x)
    y = layers.MultiHeadAttention(
        heads, width // heads, kernel_initializer=_initializer(), name=f"{name}_attention"
    )(y, y)
    x = _residual(x, y, drop_path, f"{name}_add1")
    y = layers.LayerNormalization(epsilon=1e-6, name=f"{name}_norm2")(x)
    y = layers.Dense(
        4 * width, activation="gelu", kernel_initializer=_initializer(), name=f"{name}_mlp1"
    )(y)
    y = layers.Dense(width, kernel_initializer=_initializer(), name=f"{name}_mlp2")(y)
    return _residual(x, y, drop_path, f"{name}_add2")


def _residual(x, y, drop_path, name):
    if drop_path:
        # One draw per sample: stochastic depth.
        y = layers.Dropout(drop_path, noise_shape=(None, 1, 1), name=f"{name}_drop_path")(y)
    return layers.Add(name=name)([x, y])


def _initializer():
    return keras.initializers.TruncatedNormal(stddev=0.02)


@keras.saving.register_keras_serializable(package="keras_center_ssl")
class PatchTokens(layers.Layer):
    """Patch embeddings `(B, h, w, D)` to a sequence of tokens `(B, [1 +] h w, D)`.

    Adds a learned position embedding to every patch, and puts a learned class token in front
    (which needs no position: it always comes first). For another number of patches than it was
    built for, the position embeddings are interpolated as a `D`-channel image.

    Args:
        class_token: Whether there is a class token.
    """

    def __init__(self, class_token=True, **kwargs):
        super().__init__(**kwargs)
        self.class_token = class_token

    def build(self, input_shape):
        _, height, width, dim = input_shape
        self.grid = (height, width)
        self.positions = self.add_weight(
            name="positions", shape=(height, width, dim), initializer=_initializer()
        )
        if self.class_token:
            self.class_embedding = self.add_weight(
                name="class_embedding", shape=(1, dim), initializer=_initializer()
            )

    def call(self, patches):
        _, height, width, dim = patches.shape
        positions = ops.convert_to_tensor(self.positions)
        if (height, width) != self.grid:
            positions = ops.image.resize(
                positions, (height, width), interpolation="bicubic", data_format="channels_last"
            )
        tokens = patches + ops.cast(positions, patches.dtype)
        tokens = ops.reshape(tokens, (-1, height * width, dim))
        if not self.class_token:
            return tokens
        first = ops.cast(ops.convert_to_tensor(self.class_embedding), tokens.dtype)
        first = ops.broadcast_to(first, (ops.shape(tokens)[0], 1, dim))
        return ops.concatenate([first, tokens], axis=1)

    def compute_output_shape(self, input_shape):
        batch, height, width, dim = input_shape
        return (batch, height * width + int(self.class_token), dim)

    def get_config(self):
        return {**super().get_config(), "class_token": self.class_token}

    def stock(self):
        """The same in stock Keras layers, for images of the size it was built for.

        Keras has no layer that adds a learned array; a linear layer of the identity with a bias at
        every position is one. The class token is such a bias on a row of zeros. A whole matrix, not
        a scale per feature (`"bnd,d->bnd"`): neither LiteRT nor OpenVINO can read that.
        """
        height, width, dim = self.positions.shape
        count = height * width
        bias = ops.reshape(self.positions, (count, dim))
        steps = [layers.Reshape((count, dim), name="flatten")]
        if self.class_token:
            steps.append(layers.ZeroPadding1D((1, 0), name="class_token"))
            bias = ops.concatenate([ops.convert_to_tensor(self.class_embedding), bias])
        count = bias.shape[0]
        add = layers.EinsumDense(
            "bnd,de->bne", output_shape=(count, dim), bias_axes="ne", name="positions"
        )
        sequence = keras.Sequential(
            [keras.Input((height, width, dim)), *steps, add], name=self.name
        )
        add.set_weights([ops.eye(dim), bias])
        return sequence


def _check(width, input_shape, patch_size, depth, heads, pool, drop_path):
    if pool not in POOLS:
        raise one_of("pool", pool, POOLS)
    good = len(input_shape) == 3 and all(isinstance(n, int) and n > 0 for n in input_shape)
    if not good or patch_size < 1 or any(n % patch_size for n in input_shape[:2]):
        raise InputError(
            "A vision transformer's input_shape is (height, width, channels), height and width "
            f"multiples of patch_size; received {tuple(input_shape)} and patch_size={patch_size}."
        )
    if depth < 1 or heads < 1 or width % heads:
        raise InputError(
            f"A vision transformer has a depth of 1 or more, and a number of heads that divides "
            f"its width of {width}; received depth={depth} and heads={heads}."
        )
    if not 0 <= drop_path < 1:
        raise InputError(f"drop_path is a rate in [0, 1); received {drop_path}.")
