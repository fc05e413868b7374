"""What users of Keras do without thinking: each works on a method as on any other model."""

import keras
import numpy as np
import pytest

import keras_center_ssl as kcs
from tests.helpers.method_checks import tiny_encoder

HEADS = dict(hidden_dim=8, output_dim=8)
STEPS = dict(batch_size=16, verbose=0)


def views(seed=0, count=32):
    images = np.random.default_rng(seed).random((count, 8, 8, 1), dtype="float32")
    return images, images[:, :, ::-1].copy()


def method(encoder=None, optimizer=None, cls=None, **arguments):
    keras.utils.set_random_seed(0)
    model = (cls or kcs.methods.SimCLR)(encoder or tiny_encoder(), **{**HEADS, **arguments})
    model.compile(optimizer or keras.optimizers.SGD(0.05, momentum=0.9))
    return model


class Subclassed(keras.Model):
    """As users write their encoders."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.conv = keras.layers.Conv2D(4, 3, activation="relu")
        self.pool = keras.layers.GlobalAveragePooling2D()

    def call(self, images):
        return self.pool(self.conv(images))


def sequential():
    return keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            keras.layers.Conv2D(4, 3, activation="relu"),
            keras.layers.GlobalAveragePooling2D(),
        ]
    )


def subclassed():
    encoder = Subclassed()
    encoder.build((None, 8, 8, 1))
    return encoder


def subclassed_and_called():
    encoder = Subclassed()
    encoder(np.zeros((1, 8, 8, 1), "float32"))
    return encoder


OWN = {
    "functional": tiny_encoder,
    "sequential": sequential,
    "subclassed": subclassed,
    "subclassed, called": subclassed_and_called,
}


@pytest.mark.parametrize("make", OWN.values(), ids=OWN)
def test_an_encoder_of_ones_own_trains(make):
    encoder = make()
    model = method(encoder)
    before = [w.copy() for w in encoder.get_weights()]
    history = model.fit(views(), epochs=2, **STEPS).history
    assert len(history["loss"]) == 2 and np.isfinite(history["loss"]).all()
    # It is the user's own encoder that has learnt, not a copy of it.
    assert any((a != b).any() for a, b in zip(before, encoder.get_weights(), strict=True))
    images = views()[0][:3]
    expected = keras.ops.convert_to_numpy(encoder(images))
    np.testing.assert_allclose(model.predict(images, verbose=0), expected, atol=1e-5)


def test_a_frozen_encoder_stays_as_it_is_while_the_head_learns():
    encoder = tiny_encoder()
    encoder.trainable = False
    model = method(encoder)
    before = [w.copy() for w in encoder.get_weights()]
    head = [w.copy() for w in model.projector.get_weights()]
    model.fit(views(), epochs=1, **STEPS)
    for one, other in zip(before, encoder.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    assert any((a != b).any() for a, b in zip(head, model.projector.get_weights(), strict=True))


def test_a_frozen_layer_stays_and_learns_again_after_compile():
    encoder = tiny_encoder()
    layer = next(x for x in encoder.layers if x.weights)
    layer.trainable = False
    model = method(encoder)
    before = layer.get_weights()[0].copy()
    model.fit(views(), epochs=1, **STEPS)
    np.testing.assert_array_equal(layer.get_weights()[0], before)
    layer.trainable = True
    model.compile(keras.optimizers.SGD(0.05))
    model.fit(views(), epochs=1, **STEPS)
    assert (layer.get_weights()[0] != before).any()


def test_a_second_fit_goes_on_where_the_first_has_ended():
    once, twice = method(), method()
    once.fit(views(), epochs=2, shuffle=False, **STEPS)
    for _ in range(2):
        history = twice.fit(views(), epochs=1, shuffle=False, **STEPS)
    assert len(history.history["loss"]) == 1
    for one, other in zip(once.get_weights(), twice.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)
    more = twice.fit(views(), epochs=4, initial_epoch=2, **STEPS)
    assert more.epoch == [2, 3]


def test_validation_best_model_and_early_stopping_on_our_figures(tmp_path):
    model = method(optimizer=keras.optimizers.SGD(1e-9))
    best = tmp_path / "best.keras"
    history = model.fit(
        views(),
        validation_data=views(1),
        epochs=10,
        callbacks=[
            # Keras knows of no figure but its own which side is better, and asks for `mode`.
            keras.callbacks.ModelCheckpoint(
                best, monitor="val_center_norm", mode="min", save_best_only=True
            ),
            keras.callbacks.EarlyStopping("effective_rank", mode="max", min_delta=1.0, patience=2),
        ],
        **STEPS,
    ).history
    assert {"val_loss", "val_center_norm", "val_between_variance"} <= set(history)
    assert len(history["loss"]) == 3, "patience is 2, and nothing gets better"
    loaded = keras.saving.load_model(best)
    assert isinstance(loaded, kcs.methods.SimCLR)
    found = loaded.evaluate(views(1), verbose=0, batch_size=16, return_dict=True)
    assert found["center_norm"] == pytest.approx(min(history["val_center_norm"]), abs=1e-4)


def test_a_learning_rate_schedule_by_callback_and_history_file(tmp_path):
    model = method()
    file = tmp_path / "log.csv"
    rates = keras.callbacks.LearningRateScheduler(lambda epoch, rate: 0.1 / (epoch + 1))
    logger = keras.callbacks.CSVLogger(file)
    model.fit(views(), epochs=2, callbacks=[rates, logger], **STEPS)
    assert float(model.optimizer.learning_rate) == pytest.approx(0.05)
    assert "center_norm" in file.read_text().splitlines()[0]


def test_averaged_weights_of_the_optimizer():
    model = method(optimizer=keras.optimizers.SGD(0.1, use_ema=True, ema_momentum=0.5))
    before = model.encoder.get_weights()[0].copy()
    model.fit(views(), epochs=2, **STEPS)
    # Keras puts the averages into the model at the end of `fit`.
    averages = model.optimizer._model_variables_moving_average
    variables = model.optimizer._trainable_variables
    assert len(averages) == len(variables) > 0
    for average, variable in zip(averages, variables, strict=True):
        np.testing.assert_allclose(np.array(variable), np.array(average), atol=1e-6)
    assert (model.encoder.get_weights()[0] != before).any()


def test_gradients_gathered_over_steps():
    model = method(optimizer=keras.optimizers.SGD(0.1, gradient_accumulation_steps=2))
    before = model.encoder.get_weights()[0].copy()
    one = tuple(view[:16] for view in views())
    model.train_on_batch(one)
    np.testing.assert_array_equal(model.encoder.get_weights()[0], before)
    model.train_on_batch(one)
    assert (model.encoder.get_weights()[0] != before).any()
    history = model.fit(views(), epochs=1, **STEPS).history
    assert np.isfinite(history["loss"]).all()


def test_the_encoder_is_fine_tuned_with_a_head():
    model = method()
    model.fit(views(), epochs=1, **STEPS)
    images, _ = views()
    labels = (images.mean(axis=(1, 2, 3)) > 0.5).astype("int32")
    classifier = keras.Sequential([model.encoder, keras.layers.Dense(2)])
    classifier.compile(
        "adam",
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    before = model.encoder.get_weights()[0].copy()
    history = classifier.fit(images, labels, epochs=2, validation_split=0.25, **STEPS).history
    assert "val_accuracy" in history
    assert (model.encoder.get_weights()[0] != before).any()


def test_predict_on_arrays_and_datasets_gives_the_same():
    import tensorflow as tf

    model = method()
    images, _ = views()
    expected = model.predict(images, verbose=0)
    assert expected.shape == (32, 4)
    dataset = tf.data.Dataset.from_tensor_slices(images).batch(10)
    np.testing.assert_allclose(model.predict(dataset, verbose=0), expected, atol=1e-5)
    labelled = tf.data.Dataset.from_tensor_slices((images, np.arange(32))).batch(10)
    np.testing.assert_allclose(model.predict(labelled, verbose=0), expected, atol=1e-5)


@keras.saving.register_keras_serializable(package="tests")
class Weighted(kcs.methods.SimCLR):
    """A method of the user's own: SimCLR's loss, and a share of the views' distance."""

    def __init__(self, encoder, *, share: float = 0.5, **kwargs):
        super().__init__(encoder, **kwargs)
        self.share = share

    def branches(self, views, training):
        loss, embeddings = super().branches(views, training)
        z1, z2 = embeddings["projection"]
        distance = keras.ops.mean(keras.ops.square(z1 - z2))
        return loss + self.share * distance, embeddings


@keras.saving.register_keras_serializable(package="tests")
class Cold(Weighted):
    """A subclass that sets an argument of the method it extends."""

    def __init__(self, encoder, **kwargs):
        super().__init__(encoder, temperature=0.05, **kwargs)


def test_a_subclass_keeps_the_arguments_of_all_that_it_extends():
    model = method(cls=Cold, share=0.75, center_weight=0.5)
    config = model.get_config()
    assert (config["share"], config["hidden_dim"], config["center_weight"]) == (0.75, 8, 0.5)
    again = Cold.from_config(config)
    assert (again.share, again.temperature, again.output_dim) == (0.75, 0.05, 8)
    with pytest.raises(kcs.InputError, match="Did you mean 'share'"):
        Cold(tiny_encoder(), shar=1)


def test_a_subclass_with_branches_of_its_own_trains_and_comes_back(tmp_path):
    model = method(cls=Weighted, share=0.25)
    plain = method()
    one = model.evaluate(views(), batch_size=32, verbose=0, return_dict=True)["loss"]
    other = plain.evaluate(views(), batch_size=32, verbose=0, return_dict=True)["loss"]
    assert one > other, "the subclass's own loss is the one that counts"
    history = model.fit(views(), epochs=1, **STEPS).history
    assert np.isfinite(history["loss"]).all() and "center_norm" in history
    model.save(tmp_path / "x.keras")
    loaded = keras.saving.load_model(tmp_path / "x.keras")
    assert isinstance(loaded, Weighted) and loaded.share == 0.25
    images = views()[0]
    np.testing.assert_allclose(
        loaded.predict(images, verbose=0), model.predict(images, verbose=0), atol=1e-5
    )
