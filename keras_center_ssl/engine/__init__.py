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

from keras_center_ssl import keras_needed  # noqa: F401

# isort: split

import keras

if keras.backend.backend() == "tensorflow":
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
elif keras.backend.backend() == "jax":
    from keras_center_ssl.engine.jax import (
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
else:

    def __getattr__(name):
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        # Not at once: images are read and views are made on other backends too.
        raise ImportError(
            f"keras_center_ssl trains on Keras' TensorFlow and JAX backends; the backend in use is "
            f"{keras.backend.backend()!r}. Set KERAS_BACKEND=tensorflow or KERAS_BACKEND=jax "
            "before Keras is imported."
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
