"""Every private name of Keras and TensorFlow that this library touches, and nothing else.

A private name may go with the next release. Each stands here once, with the reason why no public
one serves, and tests/engine/test_keras_internals.py has a canary for each: where one dies, its
message says what to look for instead. (One more has to stand elsewhere: `errors.InputError` sets
`_keras_call_info_injected`, and is needed where Keras is not installed.)

This module imports Keras and TensorFlow only where a function needs them.
"""


class BuiltByConstructor:
    """A model whose weights all exist before `fit`: put it ahead of `keras.Model` in the bases.

    Before it trains, Keras on TensorFlow calls a model on symbols of a first batch. That uses up a
    pass over the data, and fails under a strategy of several workers. No argument of `fit` or
    `compile` turns it off.
    """

    def _maybe_symbolic_build(self, *args, **kwargs):
        """Nothing: there is nothing to build."""


class OwnMoments:
    """A batch normalisation with moments of its own: put it ahead of Keras' layer in the bases.

    Keras' `synchronized=True` is for TensorFlow only and goes into saved configs. The rest of the
    layer (masks, precision, running statistics) stays Keras' own.
    """

    def moments(self, inputs, mask):
        """Mean and biased variance of `inputs`, or `None` for those that Keras computes."""
        raise NotImplementedError

    def _moments(self, inputs, mask):
        own = self.moments(inputs, mask)
        return super()._moments(inputs, mask) if own is None else own


class OwnWeightDecay:
    """An optimizer that decays weights in `update_step`: ahead of Keras' class in the bases.

    Keras subtracts `optimizer.weight_decay` from the weights before `update_step`, also where a
    subclass means something else by it, and nothing but this method tells it not to.
    """

    def _apply_weight_decay(self, variables):
        """Nothing: the decay is part of the update."""


def take_tensors_as_they_are(layer):
    """Makes Keras hand inputs to `layer.call` unconverted.

    In `tf.data` inputs are TensorFlow's tensors on every Keras backend. Keras would convert them to
    its backend's kind, which fails inside a graph. `keras.layers.TFDataLayer`, made for this, is
    not exported.
    """
    layer._convert_input_args = False
    layer._allow_non_tensor_positional_args = True


def begin_fit_at(model, epoch):
    """Makes the `fit` that is about to begin start with `epoch`; `None` leaves it to `fit`.

    For a callback's `on_train_begin`, which comes after the arguments of `fit` are set. Keras'
    `BackupAndRestore` does the same, but only with its own files.
    """
    model._initial_epoch = epoch


def has_value(variable):
    """Whether a variable holds a value: on JAX, `fit` takes the values out while its loop runs.

    `variable.value` makes up a value, or fails in the initializer, where there is none.
    """
    return variable._value is not None


def learning_rate_or_schedule(optimizer):
    """What the optimizer was given as its rate: `optimizer.learning_rate` is a schedule's value.

    `optimizer.get_config()` holds the schedule too, but only one that can be serialised.
    """
    return optimizer._learning_rate


def variable_index(optimizer, variable):
    """Place of `variable` in the optimizer's slots.

    All of Keras' optimizers find their slots this way. Under a strategy, `update_step` is given a
    replica's part of a variable, which only the optimizer can match with the variable.
    """
    return optimizer._get_variable_index(variable)


def global_seed_generator(create=False):
    """The `SeedGenerator` that random layers and functions without a seed draw from.

    A training that resumes needs its state, and Keras has only a function that resets it.

    Args:
        create: Whether it is made where nothing has drawn from it yet.

    Returns:
        The generator, or `None` where there is none.
    """
    from keras.src.backend.common import global_state
    from keras.src.random import seed_generator

    made = global_state.get_global_attribute("global_seed_generator")
    return seed_generator.global_seed_generator() if made is None and create else made


def keras_home():
    """The folder, a string, in which Keras keeps data sets.

    `$KERAS_HOME` or `~/.keras` as they were when Keras was imported, which nothing public tells.
    """
    # By its module, so that Keras' own loaders and this see the same where a test replaces it.
    from keras.src.backend import config

    return config.keras_home()


def coordination_service():
    """What tells the workers of a cluster about each other: keys with values, set once.

    TensorFlow publishes no way for one worker to send the others a word between two steps.
    """
    from tensorflow.python.eager import context

    return context.context()


def jax_coordination():
    """The same for processes of JAX: a client of their coordinator, or `None` for one process.

    JAX publishes barriers and broadcasts, which all processes have to enter; a word that one sends
    and the others find has no public name.
    """
    from jax._src import distributed

    return distributed.global_state.client


def frozen(function):
    """A concrete function with its variables as constants, as converters of graphs need it.

    Public names freeze only what was saved to a folder before.
    """
    from tensorflow.python.framework import convert_to_constants

    return convert_to_constants.convert_variables_to_constants_v2(function)


def let_inline(graph):
    """Takes from a `GraphDef` the hints that keep its functions from being inlined.

    Keras compiles grouped convolutions with XLA on a CPU; tf2onnx sees nothing behind such a call.
    """
    nodes = [*graph.node, *(n for f in graph.library.function for n in f.node_def)]
    for item in [*nodes, *graph.library.function]:
        item.attr.pop("_XlaMustCompile", None)
        item.attr.pop("_noinline", None)
    return graph
