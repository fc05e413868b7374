"""The precision that `precision: auto` stands for on this machine, and why."""

import keras

from keras_center_ssl.engine import cpu


def fastest_precision() -> tuple[str, str]:
    """The dtype policy that trains fastest here without changing the outcome, and the reason.

    `"mixed_bfloat16"` where the hardware multiplies bfloat16 matrices (float32 keeps weights,
    losses and figures), else `"float32"`. Verdicts and accuracies of both agree:
    training/experiments/precision.
    """
    accelerator = _accelerator()
    if accelerator == "TPU":
        return "mixed_bfloat16", "a TPU multiplies in bfloat16"
    if accelerator is not None:
        return "mixed_bfloat16", f"the {accelerator} multiplies bfloat16 on its tensor cores"
    flags = cpu.bfloat16_flags()
    if flags:
        return "mixed_bfloat16", f"this CPU has instructions for it ({', '.join(flags)})"
    return "float32", "this CPU has no instructions for bfloat16 (AMX, AVX512-BF16)"


def _accelerator():
    """`"TPU"`, a GPU that has bfloat16 (compute capability 8 or more), or `None`."""
    if keras.backend.backend() == "jax":
        import jax

        device = jax.devices()[0]
        if device.platform == "tpu":
            return "TPU"
        capability = getattr(device, "compute_capability", None)
        return device.device_kind if capability and float(capability) >= 8 else None
    if keras.backend.backend() != "tensorflow":
        return None
    import tensorflow as tf

    if tf.config.list_logical_devices("TPU"):
        return "TPU"
    for device in tf.config.list_physical_devices("GPU"):
        details = tf.config.experimental.get_device_details(device)
        if details.get("compute_capability", (0, 0)) >= (8, 0):
            return details.get("device_name", "GPU")
    return None


def resolved(recipe, say):
    """`recipe` with `precision: auto` replaced by what this machine is fastest in."""
    if recipe.precision != "auto":
        return recipe
    policy, why = fastest_precision()
    say(f"Precision: {policy}, for {why}.")
    return recipe.model_copy(update={"precision": policy})
