"""SimCLR on an accelerator through JAX: one jitted step in bfloat16 on views that are there."""

import jax
import keras
import numpy as np
from timing import repeated

import keras_center_ssl as kcs
from ours.encoders import build


def step(network, batch_size, size, **options):
    """One training step; views lie on the device."""
    keras.config.set_dtype_policy("mixed_bfloat16")
    keras.utils.set_random_seed(0)
    model = kcs.methods.SimCLR(build(network, size, **options), hidden_dim=2048, output_dim=128)
    model.compile(keras.optimizers.SGD(0.03, momentum=0.9))
    rng = np.random.default_rng(0)
    views = tuple(
        jax.device_put(rng.random((batch_size, size, size, 3), "float32")) for _ in range(2)
    )
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
        logs, state = train_step(state, (views,))
        logs["loss"].block_until_ready()

    parameters = sum(int(np.prod(weight.shape)) for weight in model.trainable_variables)
    device = jax.devices()[0].device_kind
    return repeated(call, 2 * batch_size, {"parameters": parameters, "device": device}, least=10)
