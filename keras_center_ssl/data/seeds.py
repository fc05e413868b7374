"""Random numbers of a dataset: each a function of the dataset's seed and of numbers folded in."""

from keras_center_ssl.engine.tensorflow_when_used import tf

# What the first number folded into a dataset's seed is for.
ORDER, VIEWS = 0, 1


def base_seed(seed):
    """An int32 seed `(2,)` from a non-negative Python int."""
    return tf.constant([seed % 2**31, seed // 2**31 % 2**31], tf.int32)


def fold_in(seed, *numbers):
    """A new seed from `seed` and `numbers`, one after the other."""
    for number in numbers:
        number = tf.cast(number, tf.int32)
        seed = tf.random.experimental.stateless_fold_in(seed, number, alg="philox")
    return seed


def random_integers(shape, seed):
    """Uniform int64 numbers."""
    return tf.random.stateless_uniform(shape, seed, None, None, tf.int64, alg="philox")
