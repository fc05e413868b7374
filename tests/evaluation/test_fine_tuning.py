import numpy as np
import pytest

import keras_center_ssl as kcs


@pytest.fixture(scope="module")
def digits():
    images = kcs.data.load("digits", "train")
    test = kcs.data.load("digits", "test")
    return images.images, images.labels, test.images, test.labels


def test_an_untrained_network_learns_digits_and_stays_as_it_was(digits):
    encoder = kcs.encoders.resnet_small((8, 8, 1), width=8)
    before = [w.copy() for w in encoder.get_weights()]
    found = kcs.evaluation.fine_tune(encoder, *digits, epochs=6, batch_size=64, learning_rate=5e-3)
    assert found.accuracy > 0.85 and found.classes.tolist() == list(range(10))
    for old, new in zip(before, encoder.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_names_as_labels_and_a_method_as_encoder(digits):
    images, labels = digits[0][:64], np.array(["even", "odd"])[digits[1][:64] % 2]
    method = kcs.methods.SimCLR(
        kcs.encoders.resnet_small((8, 8, 1), width=4), hidden_dim=8, output_dim=4
    )
    found = kcs.evaluation.fine_tune(method, images, labels, images, labels, epochs=1)
    assert found.classes.tolist() == ["even", "odd"] and found.samples == 64


def test_refuses(digits):
    encoder = kcs.encoders.resnet_small((8, 8, 1), width=4)
    images, labels = digits[0][:8], digits[1][:8]
    with pytest.raises(kcs.InputError, match="8 train images and 7 labels"):
        kcs.evaluation.fine_tune(encoder, images, labels[:7], images, labels)
    with pytest.raises(kcs.InputError, match="one class"):
        kcs.evaluation.fine_tune(encoder, images, np.zeros(8), images, labels)
    with pytest.raises(kcs.InputError, match="built for"):
        kcs.evaluation.fine_tune(encoder, images[:, :6], labels, images, labels)
