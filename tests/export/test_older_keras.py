"""A file of today's Keras without what Keras 3.12 does not know."""

import zipfile

import keras
import numpy as np

import keras_center_ssl as kcs
from keras_center_ssl.export.older_keras import leave_out_new_defaults

NEW = ("input_axes", "output_axes", "renorm")


def config_of(path):
    with zipfile.ZipFile(path) as file:
        return file.read("config.json").decode()


def test_a_published_encoder_has_no_new_option(rng, tmp_path):
    encoder = kcs.encoders.resnet_small((8, 8, 1), width=4)
    kcs.export.export_bundle(encoder, tmp_path / "bundle", formats=("keras",))
    path = tmp_path / "bundle" / "encoder.keras"
    assert not [name for name in NEW if name in config_of(path)]
    images = rng.random((2, 8, 8, 1), "float32")
    loaded = keras.saving.load_model(path)
    np.testing.assert_allclose(loaded(images), encoder(images), atol=1e-5)


def test_options_that_are_in_use_stay(tmp_path):
    inputs = keras.Input((4,))
    try:
        layer = keras.layers.BatchNormalization(renorm=True)
    except (TypeError, ValueError):
        return  # this Keras has no such option
    keras.Model(inputs, layer(inputs)).save(tmp_path / "model.keras")
    leave_out_new_defaults(tmp_path / "model.keras")
    assert '"renorm": true' in config_of(tmp_path / "model.keras")
    assert keras.saving.load_model(tmp_path / "model.keras").layers[-1].renorm
