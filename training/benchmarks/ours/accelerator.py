"""Training steps on an accelerator through JAX, in bfloat16. Needs no TensorFlow."""

import jax
import keras
import numpy as np
from timing import Prepared, repeated

import keras_center_ssl as kcs
from ours.networks import build, count

STEPS = 10  # in one unit of work: a training loop does not wait for every step's end


def matrix_peak(size):
    """A product of two `size` x `size` matrices of random numbers, in bfloat16."""
    keys = jax.random.split(jax.random.key(0))
    a, b = (jax.random.normal(key, (size, size), "bfloat16") for key in keys)
    product = jax.jit(lambda a, b: a @ b)

    def call():
        for _ in range(STEPS):
            result = product(a, b)
        result.block_until_ready()

    facts = {"flops": 2 * size**3, "device": jax.devices()[0].device_kind}
    return repeated(call, STEPS, facts)


def forward_flops(network, size):
    """No work: its facts are the floating-point operations of one image's forward pass."""
    encoder = _encoder(network, size)
    image = np.zeros((1, size, size, 3), "float32")
    cost = jax.jit(lambda x: encoder(x, training=False)).lower(image).cost_analysis()
    return Prepared(lambda seconds: seconds, 0, {"flops": cost["flops"]})


def step(method, arguments, network, batch_size, size, image_size=None):
    """One training step of two views a sample.

    Args:
        method, arguments: A class of `kcs.methods`.
        network: `(name, arguments)` of an encoder.
        batch_size: Images in a step.
        size: Side of the views in pixels.
        image_size: `None` for views that lie on the device; otherwise images of bytes of that side
            do, and SimCLR's views are made of them inside the step.
    """
    keras.config.set_dtype_policy("mixed_bfloat16")
    keras.utils.set_random_seed(0)
    model = getattr(kcs.methods, method)(_encoder(network, size), **arguments)
    views = kcs.views.simclr(size) if image_size else None
    model.compile(keras.optimizers.SGD(0.03, momentum=0.9), views=views)
    data = _data(batch_size, size, image_size)
    groups = (
        model.trainable_variables,
        model.non_trainable_variables,
        model.optimizer.variables,
        model.metrics_variables,
    )
    # Copies: the step gives its state's memory to the next state.
    state = [[jax.numpy.array(weight.value) for weight in group] for group in groups]
    train_step = jax.jit(model.train_step, donate_argnums=0)

    def call():
        nonlocal state
        for _ in range(STEPS):
            logs, state = train_step(state, data)
        logs["loss"].block_until_ready()

    prepared = repeated(call, STEPS * batch_size)
    prepared.facts = {
        "parameters": count(model.trainable_variables),
        "GiB": (jax.devices()[0].memory_stats() or {}).get("peak_bytes_in_use", 0) / 2**30,
    }
    return prepared


def _encoder(network, size):
    name, options = network
    return build(name, size, **options)


def _data(batch_size, size, image_size):
    rng = np.random.default_rng(0)
    if image_size:
        shape = (batch_size, image_size, image_size, 3)
        return (jax.device_put(rng.integers(0, 256, shape, "uint8")),)
    shape = (batch_size, size, size, 3)
    return (tuple(jax.device_put(rng.random(shape, "float32")) for _ in range(2)),)
