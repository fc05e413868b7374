"""What Keras users hand to `fit`, `evaluate` and `predict`: it works, or one sentence says why."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_center_ssl as kcs
from tests.helpers.method_checks import digits_views, tiny_encoder

SMALL = dict(hidden_dim=16, output_dim=8)
RNG = np.random.default_rng(0)
FIRST = RNG.random((32, 8, 8, 1)).astype("float32")
SECOND = FIRST[:, ::-1].copy()
LABELS = np.arange(32) % 3
VIEWS = (FIRST, SECOND)


@pytest.fixture(scope="module")
def model():
    model = kcs.methods.SimCLR(tiny_encoder(), **SMALL)
    model.compile("sgd")
    return model


def batches(data, size=16):
    return tf.data.Dataset.from_tensor_slices(data).batch(size)


def generator(form):
    while True:
        yield form


class Batches(keras.utils.PyDataset):
    def __init__(self, batch):
        super().__init__()
        self.batch = batch

    def __len__(self):
        return 2

    def __getitem__(self, index):
        return self.batch


FORMS = {
    "tuple of arrays": dict(x=VIEWS),
    "list of arrays": dict(x=list(VIEWS)),
    "the second view as y": dict(x=FIRST, y=SECOND),
    "labels as y": dict(x=VIEWS, y=LABELS),
    "float64": dict(x=tuple(view.astype("float64") for view in VIEWS)),
    "validation_split": dict(x=VIEWS, validation_split=0.25),
    "validation arrays": dict(x=VIEWS, validation_data=VIEWS),
    "validation with labels": dict(x=VIEWS, validation_data=(VIEWS, LABELS)),
    "generator": dict(x=generator(VIEWS), steps_per_epoch=2),
    "generator of views": dict(x=generator((VIEWS,)), steps_per_epoch=2),
    "PyDataset": dict(x=Batches(VIEWS)),
    "PyDataset of views": dict(x=Batches((VIEWS, LABELS))),
    "endless dataset": dict(x=batches(VIEWS).repeat(), steps_per_epoch=2),
    "initial_epoch": dict(x=VIEWS, initial_epoch=1, epochs=2),
}


@pytest.mark.tensorflow
@pytest.mark.parametrize("form", FORMS)
def test_forms_of_fit(model, form):
    history = model.fit(**FORMS[form], verbose=0).history
    assert np.isfinite(history["loss"]).all() and len(history["loss"]) == 1
    assert ("val_loss" in history) == form.startswith("validation")


WRONG = {
    "images": (dict(x=FIRST), r"takes views of images.*\(32, 8, 8, 1\)"),
    "images and labels": (dict(x=FIRST, y=LABELS), "takes views of images"),
    "dataset of images and labels": (dict(x=batches((FIRST, LABELS))), r"views.*\(16,\)"),
    "dict": (dict(x={"a": FIRST, "b": SECOND}), r"dict with the keys \['a', 'b'\]"),
    "dict dataset": (
        dict(x=batches({"image": FIRST, "label": LABELS})),
        r"dict with the keys \['image', 'label'\]",
    ),
    "dict of views": (dict(x=batches(({"a": FIRST, "b": SECOND}, LABELS))), "dict with the keys"),
    "nothing": (dict(), "received None"),
    "a name": (dict(x="digits"), "'digits'"),
    "class_weight": (dict(x=VIEWS, y=LABELS, class_weight={0: 1.0}), "takes no class_weight"),
    "sample_weight": (dict(x=VIEWS, sample_weight=np.ones(32)), "takes no sample_weight"),
    "weights in the data": (dict(x=batches((VIEWS, LABELS, np.ones(32)))), "no sample_weight"),
    "whole numbers": (dict(x=tuple((v * 255).astype("int32") for v in VIEWS)), "dtype int32"),
    "size": (
        dict(x=(np.zeros((8, 12, 10, 1), "float32"),) * 2),
        r"takes images of 8 x 8 pixels and 1 channel; the views are of 12 x 10 pixels",
    ),
    "channels": (
        dict(x=batches(((np.zeros((8, 8, 8, 3), "float32"),) * 2,))),
        r"1 channel; the views are of 8 x 8 pixels and 3 channels.*input_shape=\(8, 8, 3\)",
    ),
    "eight views": (dict(x=batches(((FIRST,) * 8,))), "takes 2 views of an image; received 8"),
    "views of different images": (dict(x=(FIRST, SECOND[:30])), r"received \[32, 30\]"),
    "a last batch of one": (dict(x=VIEWS, batch_size=31), "leave a last batch of 1"),
    "batches of one": (dict(x=Batches((FIRST[:1], SECOND[:1]))), "at least 2 samples"),
    "empty dataset": (dict(x=batches((FIRST[:0], SECOND[:0]))), "dataset is empty"),
    "images as validation": (dict(x=VIEWS, validation_data=FIRST), "evaluate takes views"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_what_fit_refuses_in_a_sentence(model, wrong):
    arguments, message = WRONG[wrong]
    # After steps of several shapes, Keras' step no longer knows the shapes.
    with pytest.raises(kcs.InputError, match=message) as caught:
        model.fit(**arguments, verbose=0)
    assert "\n" not in str(caught.value)


class Fails(keras.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        raise RuntimeError("as any callback may")


def test_a_model_is_whole_after_a_refusal(model):
    """On JAX, Keras holds the weights elsewhere while it steps."""
    before = [np.array(weight) for weight in model.trainable_weights]
    with pytest.raises(kcs.InputError, match="keys"):
        model.fit(generator(({"a": FIRST}, LABELS)), steps_per_epoch=1, verbose=0)
    with pytest.raises(kcs.InputError, match="keys"):
        model.evaluate(generator(({"a": FIRST}, LABELS)), steps=1, verbose=0)
    for old, new in zip(before, model.trainable_weights, strict=True):
        np.testing.assert_array_equal(old, new)
    done = int(model.optimizer.iterations)
    with pytest.raises(RuntimeError, match="any callback"):
        model.fit(VIEWS, verbose=0, callbacks=[Fails()])
    assert int(model.optimizer.iterations) == done + 1
    assert np.isfinite(model.predict(FIRST, verbose=0)).all()


@pytest.mark.parametrize("method", kcs.methods.METHODS)
def test_every_method_says_how_many_views_it_takes(method):
    model = getattr(kcs.methods, method)(tiny_encoder(), hidden_dim=8, output_dim=8)
    if model.maximum_views is None:
        assert len(model.unpack(((FIRST,) * 8,))) == 8
        with pytest.raises(kcs.InputError, match=r"3 channels"):
            model.unpack(((FIRST, FIRST, np.zeros((32, 4, 4, 3), "float32")),))
        return
    with pytest.raises(kcs.InputError, match=f"{method} takes 2 views .* received 8"):
        model.unpack(((FIRST,) * 8,))


def test_single_batches(model):
    assert np.isfinite(model.train_on_batch(VIEWS, return_dict=True)["loss"])
    held_out = model.test_on_batch(VIEWS, return_dict=True)
    assert np.isfinite(held_out["loss"])
    for run in (model.train_on_batch, model.test_on_batch, model.evaluate):
        with pytest.raises(kcs.InputError, match=r"takes views of images"):
            run(FIRST)
    with pytest.raises(kcs.InputError, match=r"no class_weight"):
        model.train_on_batch(VIEWS, LABELS, class_weight={0: 1.0})
    model.reset_metrics()
    again = model.test_on_batch(VIEWS, return_dict=True)
    assert again["loss"] == pytest.approx(held_out["loss"], rel=1e-5)


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (VIEWS, "tuple of 2. Pass images and not views"),
        ({"image": FIRST}, "dict with the keys"),
        (FIRST[0], r"received a tensor of shape \(8, 8, 1\). A single image is images\[None\]"),
        (np.zeros((4, 12, 12, 1), "float32"), "the images are of 12 x 12 pixels"),
        ((FIRST * 255).astype("int32"), "dtype int32"),
    ],
)
def test_what_predict_refuses(model, images, message):
    with pytest.raises(kcs.InputError, match=message):
        model.predict(images, verbose=0)


@pytest.mark.tensorflow
def test_predict_on_views_names_the_way(model):
    with pytest.raises(kcs.InputError, match=r"dataset.map"):
        model.predict(digits_views(steps=1), verbose=0)
    features = model.predict(digits_views(steps=1).map(lambda views: views[0]), verbose=0)
    assert features.shape == (64, 4)


def test_frozen_weights():
    encoder = tiny_encoder()
    encoder.trainable = False
    before = [np.array(w) for w in encoder.get_weights()]
    model = kcs.methods.SimCLR(encoder, **SMALL)
    model.compile("sgd")
    model.fit(VIEWS, verbose=0)
    for old, new in zip(before, encoder.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    model.trainable = False
    model.compile("sgd")
    with pytest.raises(kcs.InputError, match=r"nothing to train"):
        model.fit(VIEWS, verbose=0)


@pytest.mark.parametrize("policy", ["float16", "bfloat16"])
def test_weights_in_16_bits_are_refused(policy):
    encoder = tiny_encoder()
    try:
        keras.config.set_dtype_policy(policy)
        half = tiny_encoder()
        with pytest.raises(kcs.InputError, match=f"'mixed_{policy}'"):
            kcs.methods.SimCLR(encoder, **SMALL)
    finally:
        keras.config.set_dtype_policy("float32")
    with pytest.raises(kcs.InputError, match=f"weights in {policy}"):
        kcs.methods.SimCLR(half, **SMALL)


@pytest.mark.parametrize("own", [True, False])
def test_a_list_of_callbacks_made_by_keras(model, own):
    monitor = kcs.callbacks.CollapseMonitor()
    given = keras.callbacks.CallbackList(
        [monitor], add_history=own, model=model if own else None, epochs=2, steps=2
    )
    history = model.fit(VIEWS, epochs=2, batch_size=16, callbacks=given, verbose=0).history
    assert len(history["effective_rank"]) == len(history["collapsed"]) == 2


def test_arguments_that_no_method_has():
    with pytest.raises(
        kcs.InputError, match=r"no argument 'temprature'. Did you mean 'temperature'"
    ):
        kcs.methods.SimCLR(tiny_encoder(), temprature=0.1)
