"""A canary for every private name of Keras and TensorFlow in `engine/keras_internals.py`.

CI runs them on the versions it installs, and on the newest that there are (`make canaries`). A
canary that dies says which replacement to look for.
"""

import contextlib
import inspect

import keras
import numpy as np
import pytest

from keras_center_ssl.engine import keras_internals as internals
from keras_center_ssl.errors import InputError


@contextlib.contextmanager
def canary(name, advice):
    """Turns whatever goes wrong into one failure that says which name it was, and what to do."""
    try:
        yield
    except Exception as error:
        pytest.fail(
            f"{name} does not do what engine/keras_internals.py needs in Keras "
            f"{keras.__version__} ({type(error).__name__}: {error}). {advice}"
        )


@pytest.mark.tensorflow
def test_symbolic_build():
    advice = (
        "Read keras.Model.fit on TensorFlow for what it does between the iterator and the first "
        "step: where it no longer builds the model, drop BuiltByConstructor; else override what it "
        "calls now, and run tests/engine/test_strategies.py."
    )
    with canary("Model._maybe_symbolic_build", advice):
        calls = []

        class Watched(keras.Sequential):
            def _maybe_symbolic_build(self, *args, **kwargs):
                calls.append(kwargs)

        model = Watched([keras.Input((2,)), keras.layers.Dense(1)])
        model.compile("sgd", "mse")
        model.fit(np.ones((4, 2)), np.ones((4, 1)), verbose=0)
        model.evaluate(np.ones((4, 2)), np.ones((4, 1)), verbose=0)
        assert len(calls) == 2, "fit and evaluate did not call it"


def test_moments():
    advice = (
        "Look in BatchNormalization.call for where mean and variance come from; where layers can "
        "be given moments, or synchronise over replicas without a config entry, use that."
    )
    with canary("BatchNormalization._moments", advice):

        class Shifted(internals.OwnMoments, keras.layers.BatchNormalization):
            own = None

            def moments(self, inputs, mask):
                return self.own

        x = np.arange(8, dtype="float32").reshape(4, 2)
        layer = Shifted(epsilon=0.0, momentum=0.0)
        np.testing.assert_allclose(layer(x, training=True)[:, 0], (x[:, 0] - 3) / 5**0.5, rtol=1e-5)
        layer.own = (np.ones(2, "float32"), np.full(2, 4, "float32"))
        np.testing.assert_allclose(layer(x, training=True), (x - 1) / 2, rtol=1e-5)
        np.testing.assert_allclose(layer.moving_mean, 1, rtol=1e-5)


def test_weight_decay():
    advice = (
        "Look in keras.optimizers.Optimizer.apply for what decays weights now. Keep "
        "`weight_decay` an attribute of LARS that Keras does not act on."
    )
    with canary("Optimizer._apply_weight_decay", advice):

        class Still(internals.OwnWeightDecay, keras.optimizers.SGD):
            pass

        for optimizer, expected in ((keras.optimizers.SGD, 0.5), (Still, 1.0)):
            weight = keras.Variable([1.0])
            optimizer(1.0, weight_decay=0.5).apply([keras.ops.zeros(1)], [weight])
            np.testing.assert_allclose(weight, expected, rtol=1e-6)


def test_inputs_as_they_are():
    advice = (
        "Look in keras.layers.Layer.__call__ for what converts and checks its arguments now, or "
        "whether a base class for layers in tf.data is exported (it was TFDataLayer)."
    )
    with canary("Layer._convert_input_args, ._allow_non_tensor_positional_args", advice):
        received = []

        class Layer(keras.layers.Layer):
            def call(self, x):
                received.append(type(x))
                return 0.0

        stock, ours = Layer(), Layer()
        internals.take_tensors_as_they_are(ours)
        stock(np.ones(2, "float32"))
        ours(np.ones(2, "float32"))
        assert received[0] is not np.ndarray, "Keras leaves arrays alone by itself"
        assert received[1] is np.ndarray, "Keras converts the input all the same"
        ours([object()])


def test_epoch_to_begin_with():
    advice = "Look in keras.callbacks.BackupAndRestore for how it makes `fit` skip epochs now."
    with canary("Model._initial_epoch", advice):
        epochs = []

        class Skip(keras.callbacks.Callback):
            def on_train_begin(self, logs=None):
                internals.begin_fit_at(self.model, 2)

            def on_epoch_begin(self, epoch, logs=None):
                epochs.append(epoch)

        model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
        model.compile("sgd", "mse")
        data = np.ones((4, 2)), np.ones((4, 1))
        model.fit(*data, epochs=4, verbose=0, callbacks=[Skip()])
        assert epochs == [2, 3]
        internals.begin_fit_at(model, None)
        watch = keras.callbacks.LambdaCallback(on_epoch_begin=lambda epoch, _: epochs.append(epoch))
        model.fit(*data, epochs=1, verbose=0, callbacks=[watch])
        assert epochs == [2, 3, 0]


@pytest.mark.jax
def test_values_that_fit_takes_out():
    advice = (
        "Read keras.Model.fit on JAX: where an error in its loop leaves variables their values, "
        "drop values_kept in engine/jax.py; else ask a variable in another way."
    )
    with canary("Variable._value", advice):
        model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
        model.compile("sgd", "mse")
        seen = []
        look = keras.callbacks.LambdaCallback(
            on_train_batch_end=lambda batch, logs: seen.append(
                internals.has_value(model.weights[0])
            )
        )
        model.fit(np.ones((4, 2)), np.ones((4, 1)), verbose=0, callbacks=[look])
        assert seen == [False] and internals.has_value(model.weights[0])


def test_schedule_of_an_optimizer():
    advice = "Look for a public way to an optimizer's schedule, or read it from its get_config()."
    with canary("Optimizer._learning_rate", advice):
        schedule = keras.optimizers.schedules.CosineDecay(0.25, 10)
        optimizer = keras.optimizers.Adam(schedule)
        assert internals.learning_rate_or_schedule(optimizer) is schedule
        constant = internals.learning_rate_or_schedule(keras.optimizers.SGD(0.5))
        assert float(keras.ops.convert_to_numpy(constant)) == 0.5


def test_slots_of_a_variable():
    advice = (
        "Look in the update_step of keras.optimizers.SGD for how it finds a variable's momentum "
        "now."
    )
    with canary("Optimizer._get_variable_index", advice):
        variables = [keras.Variable([float(i)]) for i in range(3)]
        optimizer = keras.optimizers.SGD()
        optimizer.build(variables)
        assert [internals.variable_index(optimizer, v) for v in variables] == [0, 1, 2]


def test_seeds_of_layers_without_one():
    advice = (
        "Look in keras.random.SeedGenerator and keras.utils.set_random_seed for where the state of "
        "functions without a seed is now; without it a resumed training draws other dropout."
    )
    with canary("keras.src.random.seed_generator.global_seed_generator", advice):
        keras.utils.set_random_seed(1)
        generator = internals.global_seed_generator(create=True)
        assert internals.global_seed_generator() is generator
        before = np.array(generator.state)
        first = np.array(keras.random.normal((3,)))
        assert not np.array_equal(before, generator.state), "nothing was drawn from it"
        generator.state.assign(before)
        np.testing.assert_array_equal(keras.random.normal((3,)), first)


def test_home_of_keras():
    advice = (
        "Look in keras.utils.get_file for where it puts files when cache_dir is None, or link the "
        "packaged files with get_file(origin='file://...')."
    )
    with canary("keras.src.backend.config.keras_home", advice):
        assert isinstance(internals.keras_home(), str)
        assert "keras_home()" in inspect.getsource(inspect.unwrap(keras.utils.get_file))


@pytest.mark.tensorflow
def test_coordination_service():
    advice = (
        "Look for a public client of TensorFlow's coordination service (config keys), then run the "
        "tests of several workers in tests/engine. tf.distribute.experimental may have one."
    )
    with canary("tensorflow.python.eager.context", advice):
        service = internals.coordination_service()
        for name, arguments in (
            ("set_config_key_value", ["key", "value"]),
            ("get_config_key_value", ["key"]),
        ):
            inspect.signature(getattr(service, name)).bind(*arguments)


@pytest.mark.jax
def test_jax_coordination():
    advice = (
        "Look for a public client of JAX's coordination service (keys with values) in "
        "jax.distributed or jax.experimental.multihost_utils, then run the slow tests of "
        "tests/engine/test_jax_processes.py."
    )
    with canary("jax._src.distributed.global_state.client", advice):
        assert internals.jax_coordination() is None  # one process
        from jax._src.lib import _jax

        for name in ("key_value_set", "blocking_key_value_get"):
            assert callable(getattr(_jax.DistributedRuntimeClient, name))


@pytest.mark.tensorflow
def test_frozen_functions():
    import tensorflow as tf

    advice = "Look at what tf2onnx and the TFLite converter use to turn variables into constants."
    with canary("convert_variables_to_constants_v2", advice):
        variable = tf.Variable([2.0])
        function = tf.function(lambda x: x * variable, input_signature=[tf.TensorSpec([1])])
        constant = internals.frozen(function.get_concrete_function())
        assert len(constant.inputs) == len(constant.outputs) == 1
        operations = {node.op for node in constant.graph.as_graph_def().node}
        assert "Const" in operations and "ReadVariableOp" not in operations


@pytest.mark.tensorflow
def test_hints_against_inlining():
    import tensorflow as tf

    advice = (
        "Print the GraphDef of a function with jit_compile=True for the attribute that marks it "
        "now; grouped convolutions reach tf2onnx as one call otherwise."
    )
    with canary("_XlaMustCompile", advice):
        inner = tf.function(lambda x: x + 1.0, jit_compile=True)
        outer = tf.function(lambda x: inner(x), input_signature=[tf.TensorSpec([1])])
        graph = outer.get_concrete_function().graph.as_graph_def()
        assert "_XlaMustCompile" in str(graph), "functions are marked otherwise"
        assert "_XlaMustCompile" not in str(internals.let_inline(graph))


def test_messages_of_our_errors_stay_our_own():
    advice = (
        "Look in keras/src/utils/traceback_utils.py for how an error says that it needs no further "
        "explanation; `errors.InputError` sets it."
    )
    with canary("_keras_call_info_injected", advice):

        class Refuses(keras.layers.Layer):
            def call(self, x):
                raise InputError("One sentence.")

        with pytest.raises(InputError, match=r"^One sentence\.$"):
            Refuses()(np.ones((1, 2)))
