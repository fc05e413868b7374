import json
import os
import re
import subprocess
import sys

import keras
import numpy as np
import onnx
import onnxruntime
import pytest
import tensorflow as tf
from keras import layers

import keras_center_ssl as kcs
from keras_center_ssl.encoders import BatchNormalization
from keras_center_ssl.export import formats, onnx_file, parity


def tiny_encoder(shape=(8, 8, 3), extra=(), name="tiny"):
    """Rescaling, a convolution, our batch norm with statistics of its own, and pooling."""
    images = keras.Input(shape)
    x = layers.Rescaling(2.0, offset=-1.0)(images)
    x = layers.Conv2D(4, 3, padding="same")(x)
    x = BatchNormalization(name="bn")(x)
    for layer in extra:
        x = layer(x)
    model = keras.Model(images, layers.GlobalAveragePooling2D()(x), name=name)
    rng = np.random.default_rng(1)
    model.get_layer("bn").set_weights([rng.uniform(0.5, 1.5, 4) for _ in range(4)])
    return model


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """One bundle with everything in it, the encoder it was made of, and what was passed."""
    folder = tmp_path_factory.mktemp("export")
    encoder = tiny_encoder()
    images = np.random.default_rng(0).random((80, 8, 8, 3))
    plot = folder / "centre norm.png"
    plot.write_bytes(b"\x89PNG\r\n\x1a\n and so on")
    features = encoder.predict(images, verbose=0)
    report = kcs.diagnose(features)
    bundle = kcs.export.export_bundle(
        encoder,
        folder / "tiny-bundle",
        metrics={
            "knn_accuracy": {"trained": np.float32(0.5), "untrained": 0.25},
            "loss": float("nan"),
            "collapse": report,
            "plots": [plot],
        },
        images=images,
        metadata={"dataset": "noise", "license": "mit", "seed": np.int64(3), "method": "SimSiam"},
    )
    return bundle, encoder, images.astype("float32"), report


def test_layout(exported):
    bundle, *_ = exported
    assert {path.name for path in bundle.iterdir()} == {
        "README.md",
        "metrics.json",
        "encoder.keras",
        "encoder.onnx",
        "saved_model",
        "plots",
    }
    assert (bundle / "plots" / "centre_norm.png").is_file()
    assert [path.name for path in bundle.parent.iterdir() if path.name.startswith(".")] == []
    assert os.stat(bundle).st_mode & 0o777 == 0o777 & ~_umask()


def _umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask


@pytest.mark.parametrize("batch", [1, 5])
def test_every_format_gives_the_features_of_the_encoder(exported, batch):
    bundle, encoder, images, _ = exported
    images = images[:batch]
    expected = encoder.predict(images, verbose=0)
    assert np.std(expected) > 1e-2  # else agreement would say nothing
    session = onnxruntime.InferenceSession(str(bundle / "encoder.onnx"))
    serve = tf.saved_model.load(str(bundle / "saved_model")).signatures["serving_default"]
    loaded = keras.saving.load_model(bundle / "encoder.keras")
    close = {"rtol": 0, "atol": 1e-5}
    np.testing.assert_allclose(session.run(None, {"images": images})[0], expected, **close)
    np.testing.assert_allclose(serve(images=images)["features"], expected, **close)
    np.testing.assert_allclose(loaded.predict(images, verbose=0), expected, **close)


def test_the_saved_model_takes_pixels_too(exported):
    bundle, encoder, images, _ = exported
    pixels = np.round(images[:5] * 255).astype("uint8")
    serve = tf.saved_model.load(str(bundle / "saved_model")).signatures["serving_uint8"]
    assert serve.structured_input_signature[1]["images"].shape.as_list() == [None, 8, 8, 3]
    expected = encoder.predict(pixels / np.float32(255), verbose=0)
    np.testing.assert_allclose(serve(images=pixels)["features"], expected, rtol=0, atol=1e-5)
    assert "`serving_uint8`" in (bundle / "README.md").read_text()


def test_onnx_names_dimensions_opset_and_properties(exported):
    bundle, _, _, report = exported
    model = onnx.load(bundle / "encoder.onnx")
    session = onnxruntime.InferenceSession(str(bundle / "encoder.onnx"))
    assert [(i.name, i.shape) for i in session.get_inputs()] == [("images", ["batch", 8, 8, 3])]
    assert [(o.name, o.shape) for o in session.get_outputs()] == [("features", ["batch", 4])]
    assert [(entry.domain, entry.version) for entry in model.opset_import] == [("", 17)]
    properties = {
        "name": "tiny-bundle",
        "library": f"keras-center-ssl {kcs.__version__}",
        "version": kcs.__version__,
        "method": "SimSiam",
        "dataset": "noise",
        "input_range": "0..1",
        "input_layout": "NHWC",
        "license": "mit",
        "collapse_verdict": report.verdict,
        "center_norm": f"{report.figures['center_norm']:.6g}",
        "effective_rank": f"{report.figures['effective_rank']:.6g}",
    }
    assert {entry.key: entry.value for entry in model.metadata_props} == properties
    assert kcs.OnnxEncoder(bundle / "encoder.onnx").metadata == properties
    assert b"unk__" not in model.SerializeToString()


def test_metrics_record(exported):
    bundle, encoder, _, report = exported
    text = (bundle / "metrics.json").read_text()
    record = json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} in the JSON"))
    assert record["schema_version"] == 1
    assert record["name"] == "tiny-bundle"
    assert record["input"] == {
        "name": "images",
        "shape": [8, 8, 3],
        "range": [0.0, 1.0],
        "layout": "NHWC",
        "dtype": "float32",
    }
    assert record["feature_dim"] == 4
    assert record["parameters"] == encoder.count_params() == 3 * 3 * 3 * 4 + 4 + 4 * 4
    assert record["evaluation"] == {
        "knn_accuracy": {"trained": 0.5, "untrained": 0.25},
        "loss": None,
    }
    assert record["collapse"]["figures"] == report.figures
    assert record["seed"] == 3
    assert record["requires"] == []
    assert record["versions"]["keras"] == keras.__version__
    assert set(record["parity"]) == {"keras", "saved_model", "onnx"}
    for result in record["parity"].values():
        assert result["passed"] and result["relative_error"] <= result["tolerance"] == 1e-4
        assert result["batch_sizes"] == [1, 2, 7, 1, 2, 7]


def test_card_shows_the_record_and_nothing_else(exported):
    bundle, _, _, report = exported
    card = (bundle / "README.md").read_text()
    from huggingface_hub import ModelCard

    data = ModelCard(card).data
    assert data.library_name == "keras" and data.license == "mit" and data.datasets == ["noise"]
    # The baseline of an untrained encoder is not a result of this model.
    assert [(r.metric_value, r.dataset_name) for r in data.eval_results] == [(0.5, "noise")]
    assert f"| `center_norm` | {report.figures['center_norm']:.4g} |" in card
    assert "k-NN accuracy, untrained encoder | 0.25" in card
    assert "`positive_cosine`" not in card  # one view: it was not measured
    assert "![centre norm](plots/centre_norm.png)" in card
    assert "None" not in card and "nan" not in card
    # Every figure of the collapse table is one of the report.
    table = card.split("## Collapse")[1].split("verdict")[0]
    shown = {float(cell) for cell in re.findall(r"\| (-?\d[\d.e-]*) \|", table)}
    assert shown == {float(f"{report.figures[k]:.4g}") for k in re.findall(r"`(\w+)`", table)}


def test_the_code_on_the_card_runs(exported, monkeypatch):
    bundle, *_ = exported
    monkeypatch.chdir(bundle)
    blocks = re.findall(r"```python\n(.*?)```", (bundle / "README.md").read_text(), re.DOTALL)
    assert len(blocks) == 3
    for block in blocks:
        scope = {}
        exec(block, scope)
        assert np.shape(scope["features"]) == (2, 4)


def test_keras_file_loads_where_this_package_is_not(exported, tmp_path):
    bundle, encoder, images, _ = exported
    np.save(tmp_path / "images.npy", images[:3])
    program = (
        "import sys\nsys.modules['keras_center_ssl'] = None\nimport keras, numpy as np\n"
        f"model = keras.saving.load_model({str(bundle / 'encoder.keras')!r})\n"
        "assert all(type(l).__module__.startswith('keras.src') for l in model.layers)\n"
        "np.save('features.npy', model.predict(np.load('images.npy'), verbose=0))\n"
    )
    subprocess.run([sys.executable, "-c", program], cwd=tmp_path, check=True, timeout=120)
    expected = encoder.predict(images[:3], verbose=0)
    np.testing.assert_allclose(np.load(tmp_path / "features.npy"), expected, atol=1e-5)


def test_a_method_is_exported_by_its_encoder(tmp_path):
    @keras.saving.register_keras_serializable("test_export_bundle")
    class Method(keras.Model):
        def __init__(self, encoder, temperature=0.2, **kwargs):
            super().__init__(**kwargs)
            self.encoder, self.temperature = encoder, temperature

        def get_config(self):
            return {"encoder": self.encoder, "temperature": self.temperature, "name": self.name}

    encoder = tiny_encoder()
    bundle = kcs.export.export_bundle(Method(encoder), tmp_path / "m", formats="keras")
    record = json.loads((bundle / "metrics.json").read_text())
    assert record["method"] == "Method"
    assert record["hyperparameters"] == {"temperature": 0.2}
    assert record["formats"] == {"keras": "encoder.keras"}
    assert keras.saving.load_model(bundle / "encoder.keras").count_params() == (
        encoder.count_params()
    )


def test_feature_maps_are_averaged_and_free_sizes_named(tmp_path):
    backbone = keras.Sequential([keras.Input((None, None, 1)), layers.Conv2D(3, 3)])
    images = np.random.default_rng(0).random((4, 12, 9, 1), dtype="float32")
    bundle = kcs.export.export_bundle(backbone, tmp_path / "m", formats=["onnx"], images=images)
    session = onnxruntime.InferenceSession(str(bundle / "encoder.onnx"))
    assert session.get_inputs()[0].shape == ["batch", "height", "width", 1]
    expected = backbone.predict(images, verbose=0).mean((1, 2))
    np.testing.assert_allclose(session.run(None, {"images": images})[0], expected, atol=1e-5)


@pytest.mark.tensorflow
def test_resnets_of_any_size_in_every_format(tmp_path):
    encoder = kcs.encoders.resnet_small((None, None, 3), width=4, stem="standard")
    exact = [name for name, each in formats.FORMATS.items() if each.lowest_cosine is None]
    bundle = kcs.export.export_bundle(encoder, tmp_path / "m", exact)
    record = json.loads((bundle / "metrics.json").read_text())
    assert record["input"]["shape"] == [None, None, 3] and set(record["parity"]) == set(exact)
    assert all(result["batch_sizes"] == [1, 2, 7, 2] for result in record["parity"].values())
    images = np.random.default_rng(0).random((3, 33, 47, 3), dtype="float32")
    features = kcs.OnnxEncoder(bundle / "encoder.onnx").embed(images)
    np.testing.assert_allclose(features, encoder(images), atol=1e-5)
    card = (bundle / "README.md").read_text()
    assert "(batch, height, width, 3)" in card and "resize other images" not in card


def test_layers_that_keras_own_onnx_export_breaks_on(tmp_path):
    # GELU (no Erfc in tf2onnx), constants of Normalization, grouped convolutions (hidden in a call
    # to XLA on a CPU), and augmentation layers, which do nothing at inference.
    images = keras.Input((8, 8, 3))
    x = layers.RandomFlip()(images)
    x = layers.Normalization(mean=[0.5, 0.4, 0.3], variance=[0.1, 0.2, 0.3])(x)
    x = layers.Conv2D(6, 3, groups=3, padding="same")(layers.GaussianNoise(0.3)(x))
    x = layers.Reshape((64, 6))(x)
    x = layers.MultiHeadAttention(2, 4, dropout=0.1)(x, x)
    x = layers.Dense(6, activation="gelu")(layers.LayerNormalization()(x))
    model = keras.Model(images, layers.GlobalAveragePooling1D()(x))
    bundle = kcs.export.export_bundle(model, tmp_path / "m", formats=["onnx", "saved_model"])
    record = json.loads((bundle / "metrics.json").read_text())
    assert record["parity"]["onnx"]["relative_error"] < 1e-5


def test_half_precision_encoders_are_exported_in_float32(tmp_path):
    policy = keras.DTypePolicy("mixed_float16")
    images = keras.Input((8, 8, 3))
    x = layers.Conv2D(4, 3, dtype=policy)(images)
    half = keras.Model(images, layers.GlobalAveragePooling2D(dtype=policy)(x))
    bundle = kcs.export.export_bundle(half, tmp_path / "m", formats=["keras", "onnx"])
    loaded = keras.saving.load_model(bundle / "encoder.keras")
    assert {layer.compute_dtype for layer in loaded.layers} == {"float32"}
    batch = np.random.default_rng(0).random((2, 8, 8, 3), dtype="float32")
    kernel, bias = (np.asarray(w) for w in half.get_weights())
    windows = np.lib.stride_tricks.sliding_window_view(batch, (3, 3), axis=(1, 2))
    expected = np.einsum("nhwcij,ijcd->nd", windows, kernel) / 36 + bias
    np.testing.assert_allclose(loaded.predict(batch, verbose=0), expected, atol=1e-5)


@pytest.mark.parametrize("opset", [onnx_file.OPSETS[0], onnx_file.OPSETS[-1]])
def test_opsets_at_the_ends_of_the_range(tmp_path, opset):
    bundle = kcs.export.export_bundle(tiny_encoder(), tmp_path / "m", formats="onnx", opset=opset)
    assert onnx.load(bundle / "encoder.onnx").opset_import[0].version == opset
    assert json.loads((bundle / "metrics.json").read_text())["opset"] == opset


@keras.saving.register_keras_serializable("test_export_bundle")
class AlwaysNoisy(layers.Layer):
    """Draws at inference too, as a layer of a stranger may."""

    def call(self, x):
        return x + keras.random.normal(keras.ops.shape(x))


@keras.saving.register_keras_serializable("test_export_bundle")
class PythonOnly(layers.Layer):
    """Runs in TensorFlow, and can be written to no portable graph."""

    def call(self, x):
        return tf.ensure_shape(tf.py_function(lambda t: t, [x], tf.float32), x.shape)


class Unregistered(keras.Model):
    """A subclassed model as people write them: Keras can save it, but not read it back."""

    def __init__(self):
        super().__init__()
        self.convolution, self.pool = layers.Conv2D(3, 3), layers.GlobalAveragePooling2D()

    def call(self, x):
        return self.pool(self.convolution(x))


def unregistered():
    model = Unregistered()
    model(np.zeros((1, 8, 8, 3), "float32"))
    return model


def test_subclassed_models_can_leave_the_keras_format_out(tmp_path):
    bundle = kcs.export.export_bundle(unregistered(), tmp_path / "m", ["onnx", "saved_model"])
    assert (bundle / "encoder.onnx").is_file()


def test_the_saved_model_holds_every_weight_once(exported):
    bundle, encoder, *_ = exported
    weights = tf.train.list_variables(str(bundle / "saved_model" / "variables" / "variables"))
    assert sum(int(np.prod(shape)) for _, shape in weights if shape) == encoder.count_params()


REFUSED = {
    "not registered": (unregistered, {"formats": "keras"}, "register_keras_serializable"),
    "no such format": (lambda: tiny_encoder(), {"formats": ["onyx"]}, "Did you mean 'onnx'"),
    "no format": (lambda: tiny_encoder(), {"formats": []}, "No export format"),
    "opset": (lambda: tiny_encoder(), {"opset": 21, "formats": ["onnx"]}, "opset 21"),
    "random": (
        lambda: tiny_encoder(extra=[AlwaysNoisy(name="noisy")]),
        {"formats": ["onnx"]},
        "Layers: noisy",
    ),
    "no counterpart": (
        lambda: tiny_encoder(extra=[PythonOnly()]),
        {"formats": ["onnx"]},
        "EagerPyFunc",
    ),
    "name": (lambda: tiny_encoder(), {"name": "../up"}, "name"),
    "8-bit images": (lambda: tiny_encoder(), {"images": np.ones((2, 8, 8, 3), int)}, "255"),
    "NaN images": (lambda: tiny_encoder(), {"images": np.full((2, 8, 8, 3), np.nan)}, "0, 1"),
    "images of another size": (
        lambda: tiny_encoder(),
        {"images": np.zeros((2, 9, 8, 3))},
        "8, 8, 3",
    ),
    "plot": (
        lambda: tiny_encoder(),
        {"metrics": {"plots": [__file__]}, "formats": "keras"},
        "no PNG",
    ),
    "metrics": (lambda: tiny_encoder(), {"metrics": [1]}, "metrics= is a dict"),
    "collapse": (lambda: tiny_encoder(), {"metrics": {"collapse": 0.3}}, "kcs.diagnose"),
    "metadata": (lambda: tiny_encoder(), {"metadata": "cifar10"}, "metadata= is a dict"),
    "no model": (lambda: 3, {}, "keras.Model"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_bad_input_is_refused_and_leaves_nothing(tmp_path, case):
    make, options, message = REFUSED[case]
    with pytest.raises(kcs.InputError, match=re.escape(message)):
        kcs.export.export_bundle(make(), tmp_path / "bundle", **options)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", ["saved_model", "onnx"])
def test_other_backends_export_in_a_process_of_tensorflow(tmp_path, monkeypatch, kind):
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    monkeypatch.setattr("keras_center_ssl.export.on_tensorflow.sys.executable", "/bin/false")
    with pytest.raises(kcs.InputError, match="KERAS_BACKEND=tensorflow"):
        kcs.export.export_bundle(tiny_encoder(), tmp_path / "bundle", formats=[kind])
    assert list(tmp_path.iterdir()) == []


def test_diverged_weights_are_refused(tmp_path):
    encoder = tiny_encoder()
    encoder.get_layer("bn").set_weights([np.full(4, np.nan)] * 4)
    with pytest.raises(kcs.InputError, match="NaN or infinite"):
        kcs.export.export_bundle(encoder, tmp_path / "bundle")
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_gives_other_features_is_refused(tmp_path, monkeypatch):
    def write_wrong(encoder, path, **_):
        path.write_text("wrong")
        return lambda images: encoder.predict(images, verbose=0) * (1 + 1e-3)

    monkeypatch.setitem(
        formats.FORMATS,
        "wrong",
        formats.Format("wrong", "encoder.wrong", "encoder.wrong", write_wrong),
    )
    with pytest.raises(kcs.InputError, match=r"encoder\.wrong does not reproduce"):
        kcs.export.export_bundle(tiny_encoder(), tmp_path / "bundle", formats=["wrong"])
    assert list(tmp_path.iterdir()) == []


def test_an_occupied_folder_is_kept(tmp_path):
    encoder, bundle = tiny_encoder(), tmp_path / "bundle"
    bundle.mkdir()
    (bundle / "thesis.tex").write_text("years of work")
    for overwrite in (False, True):  # no bundle: not even overwrite= replaces it
        with pytest.raises(kcs.InputError, match=r"not empty|holds no bundle"):
            kcs.export.export_bundle(encoder, bundle, formats="keras", overwrite=overwrite)
    assert (bundle / "thesis.tex").read_text() == "years of work"
    (bundle / "thesis.tex").unlink()
    kcs.export.export_bundle(encoder, bundle, formats="keras")  # empty: fine
    with pytest.raises(kcs.InputError, match="overwrite=True"):
        kcs.export.export_bundle(encoder, bundle, formats="keras")
    (bundle / "stale.txt").write_text("of the earlier bundle")
    kcs.export.export_bundle(encoder, bundle, formats="keras", overwrite=True)
    assert {path.name for path in bundle.iterdir()} == {
        "README.md",
        "metrics.json",
        "encoder.keras",
    }
    assert list(tmp_path.iterdir()) == [bundle]


def test_a_failed_overwrite_keeps_the_earlier_bundle(tmp_path):
    bundle = kcs.export.export_bundle(tiny_encoder(), tmp_path / "bundle", formats="keras")
    before = {path.name: path.read_bytes() for path in bundle.iterdir()}
    with pytest.raises(kcs.InputError):
        kcs.export.export_bundle(
            tiny_encoder(extra=[AlwaysNoisy()]), bundle, formats="onnx", overwrite=True
        )
    assert {path.name: path.read_bytes() for path in bundle.iterdir()} == before
    assert list(tmp_path.iterdir()) == [bundle]


def test_collapse_is_measured_on_the_images_when_no_report_is_given(tmp_path):
    images = np.random.default_rng(0).random((64, 8, 8, 3))
    encoder = tiny_encoder()
    bundle = kcs.export.export_bundle(encoder, tmp_path / "m", formats="keras", images=images)
    record = json.loads((bundle / "metrics.json").read_text())
    expected = kcs.diagnose(encoder.predict(images, verbose=0))
    assert record["collapse"]["verdict"] == expected.verdict
    assert record["collapse"]["figures"] == pytest.approx(expected.figures, rel=1e-4)

    bundle = kcs.export.export_bundle(encoder, tmp_path / "few", formats="keras", images=images[:9])
    assert json.loads((bundle / "metrics.json").read_text())["collapse"] is None
    assert "## Collapse" not in (bundle / "README.md").read_text()
    assert "No evaluation was recorded" in (bundle / "README.md").read_text()


def test_compare_measures_the_largest_difference():
    batches = [np.zeros((2, 1)), np.ones((1, 1))]
    expected = [np.array([[3.0, -4.0]] * 2), np.array([[3.0, 4.0]])]
    result = parity.compare(
        lambda x: expected[0] if len(x) == 2 else np.array([[3.0, 4.5]]), batches, expected
    )
    assert result["max_absolute_error"] == 0.5
    assert result["feature_scale"] == pytest.approx(np.sqrt(12.5))
    assert result["relative_error"] == pytest.approx(0.5 / np.sqrt(12.5))
    assert not result["passed"]
    wrong_shape = parity.compare(lambda x: np.zeros((1, 2)), batches, expected)
    assert not wrong_shape["passed"]
    half_nan = parity.compare(
        lambda x: expected[0] if len(x) == 2 else np.full((1, 2), np.nan), batches, expected
    )
    assert not half_nan["passed"]
