"""The only backend-specific code: the training step and the collectives it is built on.

Everything above this room is written with `keras.ops`. A backend supplies

- `TrainStep`: a mixin with `train_step` and `test_step` for `SSLModel`,
- `replica_count()`: how many replicas step together,
- `all_reduce_sum(x)`: the sum of `x` over the replicas, differentiable,
- `all_gather(x)`: the replicas' batches, joined along axis 0, differentiable,
- `rows_before(x)`: rows of the global batch on the replicas before this one,
- `global_moments(x, axes)`: mean and variance over `axes` and over the replicas,
- `compiled(function, model)`: a function of tensors and of a model's variables, as one graph,
- `has_accelerator()`: whether a GPU or TPU is at hand.

`tensorflow_when_used.py` hands out TensorFlow to whatever runs on every backend.
"""

import importlib
from typing import TYPE_CHECKING

from keras_center_ssl.errors import needs

if TYPE_CHECKING:
    from keras_center_ssl.engine.tensorflow import (
        TrainStep,
        all_gather,
        all_reduce_sum,
        compiled,
        fused_batch_norm,
        global_moments,
        has_accelerator,
        replica_count,
        rows_before,
    )

__all__ = [
    "TrainStep",
    "all_gather",
    "all_reduce_sum",
    "compiled",
    "fused_batch_norm",
    "global_moments",
    "has_accelerator",
    "replica_count",
    "rows_before",
]


def __getattr__(name):
    """A name of the backend's module.

    Found when it is asked for: the first import of Keras, which may be this module's, registers the
    classes of this package, and they are built on these names. Images are read and views are made
    on other backends too.
    """
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import keras

    backend = keras.backend.backend()
    if backend not in ("tensorflow", "jax"):
        raise ImportError(
            f"keras_center_ssl trains on Keras' TensorFlow and JAX backends; the backend in use is "
            f"{backend!r}. Set KERAS_BACKEND=tensorflow or KERAS_BACKEND=jax before Keras is "
            "imported."
        )
    value = getattr(importlib.import_module(f"{__name__}.{backend}"), name)
    globals()[name] = value
    return value


with needs("keras_center_ssl, where it trains and converts,", "keras", "tensorflow"):
    import keras  # noqa: F401
