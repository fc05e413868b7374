"""Agreement among the processes of one training: who writes, whether they agree, when they stop."""

import contextlib
import hashlib
import threading

import keras

from keras_center_ssl.engine.keras_internals import coordination_service, jax_coordination
from keras_center_ssl.errors import InputError


def is_chief(strategy=None):
    """Whether this process writes the files: of several workers the first, else always."""
    resolver = getattr(strategy, "cluster_resolver", None)
    if resolver is None or resolver.task_type is None:
        return True
    if "chief" in resolver.cluster_spec().jobs:
        return resolver.task_type == "chief"
    return resolver.task_type == "worker" and resolver.task_id == 0


def several(strategy):
    """Whether there are several processes."""
    resolver = getattr(strategy, "cluster_resolver", None)
    return resolver is not None and len(resolver.cluster_spec().as_dict()) > 0


def worker_count(strategy):
    """Number of processes that train together, 1 where there is but this one."""
    if not several(strategy):
        return 1
    cluster = strategy.cluster_resolver.cluster_spec()
    return sum(cluster.num_tasks(job) for job in cluster.jobs if job in ("chief", "worker"))


def check_agreement(strategy, value, name):
    """Raises `InputError` unless `value`, which has a `repr`, is the same in all processes."""
    if not several(strategy):
        return
    import tensorflow as tf

    digest = int.from_bytes(hashlib.sha256(repr(value).encode()).digest()[:7], "big")
    found = strategy.gather(tf.constant([digest], tf.int64), axis=0).numpy()
    if len(set(found.tolist())) > 1:
        raise InputError(
            f"The workers do not agree on {name}; here it is {value!r}. To go on with a run, all "
            "of them have to see the chief's run folder: put it on a file system that they share."
        )


def lost_worker(strategy, error):
    """Whether an error of a training says that another of its processes is gone."""
    if not several(strategy):
        return False
    import tensorflow as tf

    gone = (tf.errors.UnavailableError, tf.errors.AbortedError, tf.errors.CancelledError)
    return isinstance(error, gone)


class SharedStop:
    """The step after which all workers of a training stop, once one of them is asked to.

    Each step needs all workers: one that stopped alone would leave the others waiting for ever.
    Every worker of a training makes one of these at its beginning.

    Args:
        words: How workers tell each other: `set(key, value)`, of which the first counts, and
            `get(key)`, which waits.

    Attributes:
        found: `None`, or what was agreed on: the step and the signal.
    """

    _made = 0

    def __init__(self, words):
        # Each training has a key of its own: all workers train the same number of times.
        SharedStop._made += 1
        self._key = f"keras_center_ssl/stop/{SharedStop._made}"
        self.found = None
        self._words = words
        threading.Thread(target=self._watch, daemon=True).start()

    def propose(self, step, number):
        """Has all workers stop after `step`; whoever is first decides.

        Args:
            step: int. Far enough ahead for the word to reach the others before they get there.
            number: The signal.
        """
        self._words.set(self._key, f"{step} {int(number)}")

    def close(self):
        """Ends the watch, at the end of a training that was not stopped."""
        # The chief, which keeps the word, may be gone by now: the training is done all the same.
        with contextlib.suppress(*self._words.errors):
            self.propose(-1, 0)

    def _watch(self):
        # Returns when the key is set, and raises when the process ends.
        with contextlib.suppress(Exception):
            step, number = map(int, self._words.get(self._key).split())
            self.found = (step, number) if step >= 0 else None


class TensorFlowWords:
    """Words among the workers of a TensorFlow cluster."""

    def __init__(self):
        import tensorflow as tf

        self.errors = (tf.errors.OpError,)
        self._exists = tf.errors.AlreadyExistsError

    def set(self, key, value):
        with contextlib.suppress(self._exists):
            coordination_service().set_config_key_value(key, value)

    def get(self, key):
        return coordination_service().get_config_key_value(key)


class JaxWords:
    """Words among the processes of JAX."""

    _FOREVER = 2**31 - 1  # milliseconds, some 25 days; asked again after that

    def __init__(self):
        import jax

        self.errors = (jax.errors.JaxRuntimeError,)

    def set(self, key, value):
        try:
            jax_coordination().key_value_set(key, value)
        except self.errors as error:
            if "ALREADY_EXISTS" not in str(error):
                raise

    def get(self, key):
        while True:
            try:
                return jax_coordination().blocking_key_value_get(key, self._FOREVER)
            except self.errors as error:
                if "DEADLINE_EXCEEDED" not in str(error):
                    raise


def shared_stop(strategy):
    """A `SharedStop`, or `None` where there is but one process."""
    if several(strategy):
        return SharedStop(TensorFlowWords())
    if keras.backend.backend() == "jax":
        import jax

        if jax.process_count() > 1:
            return SharedStop(JaxWords())
    return None
