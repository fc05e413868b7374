"""Which devices train together: `tf.distribute` strategies by name, and who writes the files.

Batch sizes are those of all replicas together, and the result does not depend on how many there
are (see `SSLModel(global_batch=)` for the way out).
"""

import contextlib
import json
import os

import keras

from keras_center_ssl.engine.replica_batches import check_even
from keras_center_ssl.engine.workers import several, worker_count
from keras_center_ssl.errors import InputError, one_of

CPUS = "KERAS_CENTER_SSL_CPUS"
EXAMPLE = json.dumps(
    {
        "cluster": {"worker": ["host1:12345", "host2:12345"]},
        "task": {"type": "worker", "index": 0},
    }
)


# The strategies that this process has opened, by name and what their devices depend on.
_OPENED = {}
_READ_BY = {"mirrored": (CPUS,), "multi_worker": ("TF_CONFIG",), "tpu": ("TPU_NAME",)}


def open_strategy(name):
    """The strategy of a name. Make and compile the model in its `scope()`.

    - `"one_device"`: the first GPU, or the CPU.
    - `"mirrored"`: all GPUs of this machine, or the CPU. On a machine without GPUs the environment
      variable `KERAS_CENTER_SSL_CPUS=2` splits the CPU into so many devices, to try things out.
    - `"multi_worker"`: all devices of the workers that the environment variable `TF_CONFIG` lists.
      Every worker runs the same program, with its own `index`.
    - `"tpu"`: the TPU that `TPU_NAME` names or this machine has, on a TensorFlow that supports it.
    - `"data_parallel"`, on JAX and there alone: all devices that this process sees, GPUs or TPU
      cores, by `keras.distribution.DataParallel`.

    A second call for the same devices returns the strategy of the first: another one would clash
    with its collectives.

    Call it before TensorFlow has computed anything. `multi_worker` waits for the other workers.

    Raises:
        InputError: For an unknown name, another Keras backend than TensorFlow, a `TF_CONFIG` that
            is missing or wrong, and where there is no TPU.
    """
    if name not in STRATEGIES:
        raise one_of("strategy", name, STRATEGIES)
    wanted = "jax" if name == "data_parallel" else "tensorflow"
    if keras.backend.backend() != wanted:
        raise InputError(
            f"The strategy {name!r} is for {wanted}, and the Keras backend in use is "
            f"{keras.backend.backend()}. Set KERAS_BACKEND={wanted}, or take "
            "'data_parallel' on JAX and one of the others on TensorFlow; see docs/scaling.md."
        )
    key = (name, *(os.environ.get(variable) for variable in _READ_BY.get(name, ())))
    if key not in _OPENED:
        _OPENED[key] = STRATEGIES[name]()
    return _OPENED[key]


def check_batch_size(batch_size, strategy):
    """Raises `InputError` unless every replica gets the same part of a global batch."""
    check_even(batch_size, strategy.num_replicas_in_sync)


def describe(strategy):
    """How many replicas, of how many processes, in words."""
    count = strategy.num_replicas_in_sync
    words = f"{count} replica{'s' if count > 1 else ''}"
    if several(strategy):
        return f"{words} in {worker_count(strategy)} processes"
    return words if count > 1 else f"{words}, for there is one device"


def _one_device():
    import tensorflow as tf

    kind = "GPU" if tf.config.list_physical_devices("GPU") else "CPU"
    return tf.distribute.OneDeviceStrategy(f"{kind}:0")


def _mirrored():
    import tensorflow as tf

    if tf.config.list_physical_devices("GPU"):
        return tf.distribute.MirroredStrategy()
    count = os.environ.get(CPUS, "1")
    if not count.isdecimal() or int(count) < 1:
        raise InputError(f"{CPUS} is the number of devices to split the CPU into; it is {count!r}.")
    if int(count) > 1:
        cpu = tf.config.list_physical_devices("CPU")[0]
        devices = [tf.config.LogicalDeviceConfiguration()] * int(count)
        try:
            tf.config.set_logical_device_configuration(cpu, devices)
        except RuntimeError as error:
            raise InputError(
                f"{CPUS}={count} comes too late: TensorFlow has computed something already. Open "
                "the strategy first."
            ) from error
    return tf.distribute.MirroredStrategy([f"CPU:{i}" for i in range(int(count))])


def _multi_worker():
    import tensorflow as tf

    _check_tf_config(os.environ.get("TF_CONFIG"))
    return tf.distribute.MultiWorkerMirroredStrategy()


def _check_tf_config(text):
    if not text:
        raise InputError(
            "The strategy 'multi_worker' reads the workers' addresses from the environment "
            "variable TF_CONFIG, which is not set. On the first of two hosts: "
            f"TF_CONFIG='{EXAMPLE}'; on the second the same with index 1."
        )
    try:
        config = json.loads(text)
        cluster, task = config["cluster"], config["task"]
        addresses, index = cluster[task["type"]], task["index"]
        valid = isinstance(addresses, list) and isinstance(index, int) and index >= 0
    except (ValueError, KeyError, TypeError):
        valid = False
    if not valid or index >= len(addresses):
        raise InputError(
            f"TF_CONFIG does not list the workers and say which of them this is: {text!r}. For the "
            f"first of two hosts it is {EXAMPLE}."
        )


def _tpu():
    import tensorflow as tf

    name = os.environ.get("TPU_NAME")
    if not name and not tf.config.list_physical_devices("TPU"):
        raise InputError(
            f"TensorFlow {tf.__version__} sees no TPU. The last TensorFlow for TPUs was 2.19.1; "
            "JAX is the way to today's: set KERAS_BACKEND=jax, see docs/scaling.md. (With a "
            "TensorFlow for TPUs, TPU_NAME names the TPU.)"
        )
    try:
        resolver = tf.distribute.cluster_resolver.TPUClusterResolver(tpu=name or "local")
        tf.config.experimental_connect_to_cluster(resolver)
        tf.tpu.experimental.initialize_tpu_system(resolver)
        return tf.distribute.TPUStrategy(resolver)
    except (AttributeError, ValueError, RuntimeError, tf.errors.OpError) as error:
        raise InputError(
            f"TensorFlow {tf.__version__} cannot use the TPU {name or 'local'!r} "
            f"({type(error).__name__}: {str(error).strip().splitlines()[0][:200]}). The last "
            "TensorFlow for TPUs was 2.19.1; JAX is the way to today's: set KERAS_BACKEND=jax, "
            "see docs/scaling.md."
        ) from error


class DataParallel:
    """All devices of this process on JAX, with what is asked of a TensorFlow strategy.

    Models that are made after it are copied to every device, and batches are shared out.
    """

    def __init__(self):
        devices = keras.distribution.list_devices()
        self.num_replicas_in_sync = len(devices)
        keras.distribution.set_distribution(keras.distribution.DataParallel(devices=devices))

    def scope(self):
        return contextlib.nullcontext()


STRATEGIES = {
    "data_parallel": DataParallel,
    "one_device": _one_device,
    "mirrored": _mirrored,
    "multi_worker": _multi_worker,
    "tpu": _tpu,
}
