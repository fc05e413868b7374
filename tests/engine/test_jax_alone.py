"""JAX in this process: gradients, batches and devices, views, and the way to exported files."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_center_ssl as kcs

pytestmark = pytest.mark.jax


def test_losses_of_layers_and_their_scale_reach_the_gradient():
    """A regulariser, `add_loss` and mixed precision's loss scale, in a compiled step."""

    class Adds(keras.layers.Layer):
        def call(self, x):
            self.add_loss(0.25 * keras.ops.mean(keras.ops.ones_like(x)))
            return x

    def trained(extra, scaled=False):
        keras.utils.set_random_seed(0)
        images = keras.Input((8, 8, 1))
        x = keras.layers.Flatten()(images)
        x = Adds()(x) if extra else x
        regularizer = keras.regularizers.L2(0.1) if extra else None
        x = keras.layers.Dense(8, kernel_regularizer=regularizer, name="dense")(x)
        model = kcs.methods.VICReg(keras.Model(images, x), hidden_dim=8, output_dim=8)
        optimizer = keras.optimizers.SGD(0.01)
        if scaled:
            optimizer = keras.optimizers.LossScaleOptimizer(optimizer, initial_scale=8.0)
        model.compile(optimizer)
        kernel = np.array(model.encoder.get_layer("dense").kernel)
        views = np.random.default_rng(0).random((2, 16, 8, 8, 1), "float32")
        logs = model.train_on_batch(tuple(views), return_dict=True)
        return logs["loss"], np.array(model.encoder.get_layer("dense").kernel), kernel

    (plain, moved, start), (loss, decayed, _) = trained(False), trained(True)
    np.testing.assert_allclose(loss - plain, 0.25 + 0.1 * np.sum(start**2), rtol=1e-3)
    np.testing.assert_allclose(moved - decayed, 0.01 * 2 * 0.1 * start, atol=1e-5)
    same_loss, same, _ = trained(True, scaled=True)
    np.testing.assert_allclose(same_loss, loss, rtol=1e-5)
    np.testing.assert_allclose(same, decayed, atol=1e-5)


def test_batches_have_to_fit_the_devices(monkeypatch):
    class Three:
        num_model_replicas = 3

    model = kcs.methods.SimCLR(kcs.encoders.resnet_small((8, 8, 1), width=8), output_dim=8)
    model.compile("sgd")
    views = np.zeros((16, 8, 8, 1), "float32")
    data = tf.data.Dataset.from_tensor_slices(((views, views),)).batch(16, drop_remainder=True)
    monkeypatch.setattr(keras.distribution, "distribution", Three)
    with pytest.raises(kcs.InputError, match="a multiple of 3, such as 18"):
        model.fit(data, verbose=0)


def test_train_evaluate_export(tmp_path, capsys):
    """The whole way on JAX, from views of digits to files that need neither JAX nor Keras."""
    keras.utils.set_random_seed(0)
    model = kcs.methods.CenterSSL(
        kcs.encoders.resnet_small((8, 8, 1), width=8), hidden_dim=32, output_dim=16
    )
    model.compile(keras.optimizers.SGD(0.05, momentum=0.9))
    views = kcs.views.simclr(8, area=(0.5, 1.0), flip=0.0, blur=0.0, grey=0.0)
    data = kcs.data.multi_view("digits", views=views, batch_size=64, limit=640, seed=0)
    monitor = kcs.callbacks.CollapseMonitor(every=5)
    callbacks = [monitor, kcs.callbacks.TrainingProgress()]
    history = model.fit(data, epochs=2, verbose=0, callbacks=callbacks).history
    assert history["loss"][1] < history["loss"][0]
    assert [check["step"] for check in monitor.history] == [5, 10, 15, 20]
    assert "epoch 2/2" in capsys.readouterr().out

    digits = kcs.data.load("digits")
    features = kcs.evaluation.embed(model, digits.images[:600])
    split = (features[:400], digits.labels[:400], features[400:], digits.labels[400:600])
    assert kcs.evaluation.knn_accuracy(*split) > 0.7
    assert kcs.evaluation.linear_probe(*split) > 0.7

    bundle = kcs.export.export_bundle(model, tmp_path / "bundle")
    parity = json.loads((bundle / "metrics.json").read_text())["parity"]
    assert set(parity) == {"keras", "saved_model", "onnx"}
    assert all(result["passed"] for result in parity.values())


def test_views_inside_a_compiled_function():
    """On JAX's arrays the view layers run in `jax.jit`, and as layers of a model that trains."""
    import jax

    images = np.random.default_rng(0).random((32, 16, 16, 3), "float32")
    views = kcs.views.byol(12)
    first, second = views(images, seed=(1, 2))
    again = jax.jit(lambda x, seed: views(x, seed=seed))(images, np.array([1, 2], "int32"))
    assert isinstance(first, jax.Array) and first.shape == (32, 12, 12, 3)
    assert float(first.min()) >= 0 and float(first.max()) <= 1
    np.testing.assert_allclose(again[0], first, atol=1e-4)
    assert np.abs(np.asarray(first - second)).mean() > 0.01
    # The same kind of images as TensorFlow makes of them, with other draws.
    on_tensorflow = views(tf.constant(images), seed=(1, 2))
    assert tf.is_tensor(on_tensorflow[0])
    assert abs(np.mean(first) - np.mean(on_tensorflow[0])) < 0.1

    inputs = keras.Input((16, 16, 3))
    crop = kcs.views.RandomResizedCrop(12)
    model = keras.Model(inputs, keras.layers.Flatten()(crop(inputs)))
    one, two = (np.asarray(model(images, training=True)) for _ in range(2))
    assert np.abs(one - two).max() > 0.01
