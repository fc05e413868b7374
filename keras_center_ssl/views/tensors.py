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

from keras_center_ssl.engine.tensorflow_when_used import loaded_tensorflow, tensorflow

# None is TensorFlow.
_active = contextvars.ContextVar("the library that view layers compute with", default=None)


class _Active:
    """Whatever library `computing_on` has chosen, under TensorFlow's names."""

    def __getattr__(self, name):
        return getattr(_active.get() or tensorflow(), name)


tf = _Active()


@contextlib.contextmanager
def computing_on(images):
    """Within the context `tf` is the library that `images` belong to."""
    token = _active.set(_jax() if _belongs_to_jax(images) else None)
    try:
        yield
    finally:
        _active.reset(token)


def _belongs_to_jax(images):
    if keras.backend.backend() != "jax":
        return False
    # Where TensorFlow is not loaded there are no tensors of its, and no graph is being built.
    loaded = loaded_tensorflow()
    return loaded is None or (loaded.executing_eagerly() and not loaded.is_tensor(images))


def on_jax():
    """Whether `tf` stands for JAX at the moment."""
    return _active.get() is not None


def fused(function):
    """Makes one pass over memory of the operations of `function`, with XLA, in TensorFlow's graphs.

    Where XLA is missing, on JAX (which compiles whole steps itself) and eagerly `function` runs as
    it is; the results differ by rounding.

    Args:
        function: takes tensors, and as keywords what is fixed when it is compiled: a hashable that
            is not a tensor. With a tensor among the keywords it runs as it is.
    """

    @functools.wraps(function)
    def call(*tensors, **fixed):
        as_it_is = on_jax() or tf.executing_eagerly() or any(map(tf.is_tensor, fixed.values()))
        if as_it_is or not _has_xla():
            return function(*tensors, **fixed)
        specs = tuple(tf.TensorSpec(tensor.shape, tensor.dtype) for tensor in tensors)
        return _compiled(function, tuple(sorted(fixed.items())), specs)(*tensors)

    return call


# One function for every signature: TensorFlow warns of a single one that is traced many times.
@functools.lru_cache(maxsize=512)
def _compiled(function, fixed, specs):
    def compiled(*tensors):
        return function(*tensors, **dict(fixed))

    return tf.function(compiled, input_signature=specs, jit_compile=True, autograph=False)


@functools.cache
def _has_xla():
    """Whether this TensorFlow compiles for the CPU."""
    with tf.init_scope(), tf.device("CPU"):
        try:
            tf.function(lambda x: x + 1.0, jit_compile=True)(tf.zeros([]))
        except (tf.errors.OpError, ValueError):
            return False
    return True


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

    def matmul(a, b, transpose_b=False):
        return jnp.matmul(a, jnp.swapaxes(b, -1, -2) if transpose_b else b)

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
        matmul=matmul,
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
