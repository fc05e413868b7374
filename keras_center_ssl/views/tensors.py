"""The tensor operations of the view layers: TensorFlow's, and the same ones on JAX.

`keras.ops` cannot serve here: it runs on Keras' backend alone, and in `tf.data` a view layer runs
on TensorFlow, whatever the backend. So the layers are written with TensorFlow's names, looked up
on `tf` below. They are JAX's functions while a layer works on JAX's arrays, inside a jitted step as
well, and TensorFlow's otherwise.

The random numbers of one seed are the same on every device, but not the same on JAX as on
TensorFlow.
"""

import contextlib
import contextvars
import functools
import types

import keras
import tensorflow

_active = contextvars.ContextVar("the library that view layers compute with", default=tensorflow)


class _Active:
    """Whatever library `computing_on` has chosen, under TensorFlow's names."""

    def __getattr__(self, name):
        return getattr(_active.get(), name)


tf = _Active()


@contextlib.contextmanager
def computing_on(images):
    """Within the context `tf` is the library that `images` belong to."""
    on_jax = (
        keras.backend.backend() == "jax"
        and tensorflow.executing_eagerly()
        and not tensorflow.is_tensor(images)
    )
    token = _active.set(_jax() if on_jax else tensorflow)
    try:
        yield
    finally:
        _active.reset(token)


def on_jax():
    """Whether `tf` stands for JAX at the moment."""
    return _active.get() is not tensorflow


@functools.cache
def _jax():
    """JAX's functions under TensorFlow's names, as far as the view layers use them."""
    import jax
    import jax.numpy as jnp

    def key(seed):
        return jax.random.wrap_key_data(jnp.asarray(seed).astype("uint32"), impl="threefry2x32")

    def stateless_uniform(shape, seed, minval=0.0, maxval=1.0, alg=None):
        return jax.random.uniform(key(seed), tuple(shape), "float32", minval, maxval)

    def stateless_fold_in(seed, number, alg=None):
        return jax.random.key_data(jax.random.fold_in(key(seed), number)).astype("int32")

    def gather(values, indices, batch_dims):
        assert batch_dims == 1
        return jnp.take_along_axis(values, indices[:, None], axis=1)[:, 0]

    return types.SimpleNamespace(
        float32=jnp.dtype("float32"),
        int32=jnp.dtype("int32"),
        uint8=jnp.dtype("uint8"),
        abs=jnp.abs,
        argmax=jnp.argmax,
        cast=lambda x, dtype: jnp.asarray(x).astype(dtype),
        clip_by_value=jnp.clip,
        concat=jnp.concatenate,
        constant=jnp.asarray,
        convert_to_tensor=jnp.asarray,
        cos=jnp.cos,
        ensure_shape=lambda x, shape: x,
        exp=jnp.exp,
        eye=jnp.eye,
        fill=jnp.full,
        gather=gather,
        linalg=types.SimpleNamespace(matvec=jnp.matmul),
        matmul=jnp.matmul,
        maximum=jnp.maximum,
        minimum=jnp.minimum,
        random=types.SimpleNamespace(
            stateless_uniform=stateless_uniform,
            experimental=types.SimpleNamespace(stateless_fold_in=stateless_fold_in),
        ),
        range=jnp.arange,
        reduce_mean=jnp.mean,
        reduce_sum=jnp.sum,
        reshape=jnp.reshape,
        shape=jnp.shape,
        sin=jnp.sin,
        sqrt=jnp.sqrt,
        square=jnp.square,
        transpose=jnp.transpose,
        where=jnp.where,
        zeros=jnp.zeros,
    )
