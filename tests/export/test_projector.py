"""The projector beside the encoder: `heads=True`."""

import json

import keras
import numpy as np
import onnxruntime
import pytest
import tensorflow as tf

import keras_center_ssl as kcs
from keras_center_ssl.export import litert_file

pytestmark = pytest.mark.tensorflow
FORMATS = ("keras", "saved_model", "onnx", "litert")


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    keras.utils.set_random_seed(0)
    encoder = kcs.encoders.resnet_small((8, 8, 1), width=4)
    model = kcs.methods.SimSiam(encoder, hidden_dim=8, output_dim=6)
    rng = np.random.default_rng(0)
    model.projector.set_weights(
        [rng.uniform(0.5, 1.5, w.shape) for w in model.projector.get_weights()]
    )
    folder = tmp_path_factory.mktemp("heads") / "heads"
    bundle = kcs.export.export_bundle(
        model, folder, (*FORMATS, "onnx_fp16"), heads=True, metadata={"license": "mit"}
    )
    return bundle, json.loads((bundle / "metrics.json").read_text()), model


def test_encoder_and_projector_one_after_the_other(exported):
    bundle, _, model = exported
    images = np.random.default_rng(1).random((5, 8, 8, 1), dtype="float32")
    features = model.encoder.predict(images, verbose=0)
    expected = model.projector.predict(features, verbose=0)
    assert np.std(expected) > 1e-2
    session = onnxruntime.InferenceSession(str(bundle / "projector.onnx"))
    serve = tf.saved_model.load(str(bundle / "projector_saved_model")).signatures
    assert list(serve) == ["serving_default"]  # no pixels come here
    found = [
        session.run(["embeddings"], {"features": features})[0],
        serve["serving_default"](features=features)["embeddings"].numpy(),
        keras.saving.load_model(bundle / "projector.keras").predict(features, verbose=0),
        litert_file.read(bundle / "projector.tflite")(features),
    ]
    scale = np.abs(expected).max()
    for embeddings in found:
        np.testing.assert_allclose(embeddings, expected, rtol=0, atol=1e-5 * scale)
    # The encoder's files are those of a bundle without it.
    (output,) = onnxruntime.InferenceSession(str(bundle / "encoder.onnx")).get_outputs()
    assert output.name == "features"


def test_record_and_card(exported):
    bundle, record, model = exported
    part = record["projector"]
    assert part["embedding_dim"] == 6 and part["parameters"] == model.projector.count_params()
    assert part["formats"]["onnx"] == "projector.onnx" and set(part["formats"]) == set(FORMATS)
    assert all(result["passed"] for result in part["parity"].values())
    card = (bundle / "README.md").read_text()
    assert "to `embeddings` `(batch, 6)`" in card and "\n\n\n" not in card
    assert "| `encoder.onnx` | `projector.onnx` |" in card
    assert card.count("| `projector.tflite` |") == 1 + 1  # among the files, and under parity


def test_the_zoo_brings_both(exported, tmp_path):
    bundle, *_ = exported
    kcs.zoo.publish(bundle, tmp_path / "zoo")
    path = kcs.zoo.download("heads", "onnx", tmp_path / "zoo", tmp_path / "cache")
    assert path.name == "encoder.onnx"
    assert {each.name for each in path.parent.glob("*.onnx")} == {"encoder.onnx", "projector.onnx"}


@pytest.mark.parametrize(
    ("model", "formats", "message"),
    [
        (lambda: kcs.encoders.resnet_small((8, 8, 1), width=4), "keras", "Pass the method"),
        (
            lambda: kcs.methods.SimCLR(kcs.encoders.resnet_small((8, 8, 1), width=4)),
            "onnx_fp16",
            "Add 'keras' or 'onnx'",
        ),
    ],
)
def test_without_a_projector_or_a_format(tmp_path, model, formats, message):
    with pytest.raises(kcs.InputError, match=message):
        kcs.export.export_bundle(model(), tmp_path / "b", formats, heads=True)
    assert list(tmp_path.iterdir()) == []
