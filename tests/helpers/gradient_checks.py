"""Compares a loss with an independent reference in NumPy, value and gradient. Used by the tests.

The reference is plain float64 NumPy; its gradient comes from central differences, so that no
formula of the gradient is written down twice, or once wrongly.
"""

import keras
import numpy as np


def value_and_gradients(loss, *arrays):
    """Value of `loss(*arrays)`, and its gradient at each array (zeros where there is none)."""
    tensors = [keras.ops.convert_to_tensor(array, "float32") for array in arrays]
    value, gradients = _differentiate(loss, tensors)
    assert value.shape == (), f"a loss is a scalar, this one has shape {value.shape}"
    return float(value), [np.asarray(gradient) for gradient in gradients]


def _differentiate(loss, tensors):
    if keras.backend.backend() == "jax":
        import jax

        return jax.value_and_grad(loss, argnums=tuple(range(len(tensors))))(*tensors)
    import tensorflow as tf

    with tf.GradientTape() as tape:
        tape.watch(tensors)
        value = loss(*tensors)
    return value, tape.gradient(value, tensors, unconnected_gradients="zero")


def numeric_gradient(reference, arrays, index, step=1e-5):
    """Gradient of `reference(*arrays)` at `arrays[index]` by central differences, in float64."""
    arrays = [np.array(array, np.float64) for array in arrays]
    changed = arrays[index]
    gradient = np.zeros_like(changed)
    for position in np.ndindex(changed.shape):
        kept = changed[position]
        changed[position] = kept + step
        above = reference(*arrays)
        changed[position] = kept - step
        below = reference(*arrays)
        changed[position] = kept
        gradient[position] = (above - below) / (2 * step)
    return gradient


def check_loss(loss, reference, *arrays, constant=(), rtol=1e-4, atol=1e-5):
    """`loss` has the value of `reference` at `arrays`, and its gradient at each of them.

    Args:
        loss: From float32 tensors to a scalar tensor.
        reference: From float64 arrays to a float; must be written without `keras_center_ssl`.
        *arrays: Where both are compared.
        constant: Indices of the arrays that the loss holds constant: its gradient there must be
            exactly 0, whatever the reference's.
        rtol, atol: Of the comparison. `atol` is relative to the largest value or gradient.

    Returns:
        The loss's value.
    """
    arrays = [np.asarray(array, np.float32) for array in arrays]
    value, gradients = value_and_gradients(loss, *arrays)
    expected = reference(*[array.astype(np.float64) for array in arrays])
    np.testing.assert_allclose(value, expected, rtol=rtol, atol=atol, err_msg="value")
    for index, gradient in enumerate(gradients):
        if index in constant:
            assert not gradient.any(), f"argument {index} is constant but has a gradient"
            continue
        expected = numeric_gradient(reference, arrays, index)
        largest = np.abs(expected).max()
        np.testing.assert_allclose(
            gradient,
            expected,
            rtol=rtol,
            atol=atol * max(largest, 1e-3),
            err_msg=f"gradient at argument {index}",
        )
    return value


def unit_rows(z):
    """`z` with rows of length 1, in float64."""
    z = np.asarray(z, np.float64)
    return z / np.linalg.norm(z, axis=-1, keepdims=True)


def rotation(dim, seed=0):
    """A random orthogonal matrix."""
    return np.linalg.qr(np.random.default_rng(seed).standard_normal((dim, dim)))[0]
