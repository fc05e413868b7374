"""k-NN, linear probe and the best encoder during `fit`."""

import keras
import numpy as np
import pytest

import keras_center_ssl as kcs
from tests.helpers.method_checks import digits_views, small_encoder


@pytest.fixture(scope="module")
def digits():
    train, test = (kcs.data.load("digits", split) for split in ("train", "test"))
    return (train.images[:400], train.labels[:400]), (test.images[:200], test.labels[:200])


def model():
    keras.utils.set_random_seed(0)
    found = kcs.methods.SimCLR(small_encoder(), hidden_dim=16, output_dim=8)
    found.compile(keras.optimizers.SGD(0.05))
    return found


def fit(*callbacks, epochs=2, trained=None):
    trained = trained or model()
    history = trained.fit(digits_views(), epochs=epochs, verbose=0, callbacks=list(callbacks))
    return trained, history.history


def test_the_figures_are_those_of_the_evaluation_of_the_same_encoder(digits):
    train, test = digits
    knn = kcs.callbacks.KNNEvaluation(train, test, k=5)
    probe = kcs.callbacks.LinearProbe(train, test, passes=20)
    trained, history = fit(knn, probe)
    features = [kcs.evaluation.embed(trained, part[0]) for part in digits]
    expected = kcs.evaluation.knn_accuracy(features[0], train[1], features[1], test[1], k=5)
    assert history["knn_accuracy"][-1] == expected
    exact = kcs.evaluation.linear_probe(features[0], train[1], features[1], test[1])
    assert history["linear_accuracy"][-1] == pytest.approx(exact, abs=0.1)
    assert history["linear_accuracy"][-1] > 0.5 and len(history["knn_accuracy"]) == 2


def test_labels_never_reach_the_method(digits):
    """The same weights with true labels, with shuffled ones, and without the callbacks."""
    (images, labels), test = digits
    shuffled = np.random.default_rng(1).permutation(labels)
    weights = []
    for train in ((images, labels), (images, shuffled), None):
        callbacks = (
            []
            if train is None
            else [
                kcs.callbacks.KNNEvaluation(train, test),
                kcs.callbacks.LinearProbe(train, test),
            ]
        )
        weights.append(fit(*callbacks)[0].get_weights())
    for others in weights[1:]:
        for one, other in zip(weights[0], others, strict=True):
            np.testing.assert_array_equal(one, other)


@pytest.mark.slow
def test_every_so_many_epochs_and_at_the_last(digits):
    seen = []

    class Look(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            seen.append("knn_accuracy" in logs)

    knn = kcs.callbacks.KNNEvaluation(*digits, every=2, limit=100)
    fit(knn, Look(), epochs=3)
    assert seen == [False, True, True]
    assert len(knn.train[0]) == len(knn.test[0]) == 100


@pytest.mark.slow
def test_the_best_encoder_is_kept(digits, tmp_path):
    class Scripted(keras.callbacks.Callback):
        values = [1.0, 3.0, float("nan"), 2.0]

        def on_epoch_end(self, epoch, logs=None):
            logs["rank"] = self.values[epoch]
            kept.append(self.model.encoder.get_weights())

    kept = []
    best = kcs.callbacks.BestEncoder(tmp_path / "new" / "best.keras", "rank")
    fit(Scripted(), best, epochs=4)
    assert (best.best, best.best_epoch) == (3.0, 2)
    encoder = keras.saving.load_model(best.path)
    images = digits[1][0][:4].astype("float32")
    images = images / 255 if digits[1][0].dtype == "uint8" else images
    reference = small_encoder()
    reference.set_weights(kept[1])
    np.testing.assert_allclose(encoder(images), reference(images), atol=1e-5)
    assert [p.name for p in best.path.parent.iterdir()] == ["best.keras"]
    lowest = kcs.callbacks.BestEncoder(tmp_path / "low.keras", "rank", mode="min")
    fit(Scripted(), lowest, epochs=4)
    assert lowest.best_epoch == 1


def test_bad_arguments(digits, tmp_path):
    (images, labels), test = digits
    with pytest.raises(kcs.InputError, match="400 images and 399 labels"):
        kcs.callbacks.KNNEvaluation((images, labels[:-1]), test)
    with pytest.raises(kcs.InputError, match="epochs from 1"):
        kcs.callbacks.KNNEvaluation((images, labels), test, every=0)
    with pytest.raises(kcs.InputError, match="2 or more classes"):
        kcs.callbacks.LinearProbe((images, np.zeros(400)), test)
    with pytest.raises(kcs.InputError, match="needs labels"):
        kcs.callbacks.KNNEvaluation(images, test)
    with pytest.raises(kcs.InputError, match=r"\.keras"):
        kcs.callbacks.BestEncoder(tmp_path / "best.h5")
    with pytest.raises(kcs.InputError, match="mode"):
        kcs.callbacks.BestEncoder(tmp_path / "best.keras", mode="best")
    with pytest.raises(kcs.InputError, match="not among the figures"):
        fit(kcs.callbacks.BestEncoder(tmp_path / "best.keras", "accuracy"), epochs=1)
