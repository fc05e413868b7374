"""Formats of fewer bits, and LiteRT: what they hold, how near they come, what they refuse."""

import json
import re

import keras
import numpy as np
import onnx
import onnxruntime
import pytest
from keras import layers

import keras_center_ssl as kcs
from keras_center_ssl.export import approximation, formats, litert_file
from keras_center_ssl.export.onnx_file import kept_in_float32

NAMES = ("onnx_fp16", "onnx_int8", "litert", "litert_int8")
SMALLER = ("onnx_fp16", "onnx_int8", "litert_int8")
pytestmark = pytest.mark.tensorflow


def small_encoder():
    keras.utils.set_random_seed(0)
    images = keras.Input((16, 16, 1))
    x = kcs.encoders.BatchNormalization()(layers.Conv2D(8, 3, padding="same")(images))
    x = layers.Conv2D(16, 3, strides=2, activation="relu")(layers.ReLU()(x))
    return keras.Model(images, layers.GlobalAveragePooling2D()(x), name="small")


def patterns(count=160):
    """Images of two classes, stripes that lie or stand, of many widths."""
    rng = np.random.default_rng(0)
    labels = np.arange(count) % 2
    waves = np.sin(
        np.arange(16) * rng.uniform(0.3, 1.5, (count, 1)) + rng.uniform(0, 6, (count, 1))
    )
    images = np.where(labels[:, None, None], waves[:, :, None], waves[:, None, :])
    noisy = images * rng.uniform(0.5, 1, (count, 1, 1)) + 0.1 * rng.standard_normal((count, 16, 16))
    return np.clip((noisy + 1.5) / 3, 0, 1).astype("float32")[..., None], labels


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    encoder, (images, labels) = small_encoder(), patterns()
    bundle = kcs.export.export_bundle(
        encoder,
        tmp_path_factory.mktemp("smaller") / "small",
        NAMES,
        images=images,
        metrics={"labels": labels},
    )
    record = json.loads((bundle / "metrics.json").read_text())
    return bundle, record, encoder, images


def features_by(predict, images):
    return np.concatenate([predict(images[i : i + 32]) for i in range(0, len(images), 32)])


def session(path):
    found = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return lambda images: found.run(["features"], {"images": images})[0]


def test_the_record_is_what_the_files_do(exported):
    bundle, record, encoder, images = exported
    held_out = images[1::2]
    expected = encoder.predict(held_out, verbose=0)
    for name in SMALLER:
        result = record["parity"][name]
        form = formats.FORMATS[name]
        assert result["passed"] and result["lowest_centered_cosine"] == form.lowest_cosine
        assert result["centered_cosine"] >= form.lowest_cosine
        assert result["images"] == len(held_out) and result["real_images"]
        if name.startswith("onnx"):
            received = features_by(session(bundle / form.file), held_out)
            again = approximation.centered_cosine(expected, received)
            assert result["centered_cosine"] == pytest.approx(again, abs=1e-5)
            assert np.abs(received - expected).max() > 1e-6  # there are fewer bits
    assert record["parity"]["litert"]["relative_error"] < 1e-5
    assert "centered_cosine" not in record["parity"]["litert"]


def test_knn_with_and_without_the_bits(exported):
    for name in SMALLER:
        knn = exported[1]["parity"][name]["knn"]
        assert 0.6 < knn["float32"] <= 1  # else it would say nothing
        assert knn["change"] == pytest.approx(knn["file"] - knn["float32"])
        assert abs(knn["change"]) < 0.1


def test_onnx_files_are_smaller_and_keep_their_ends(exported, tmp_path):
    bundle, _, encoder, images = exported
    kcs.export.export_bundle(encoder, tmp_path / "full", "onnx")
    full = onnx.load(tmp_path / "full" / "encoder.onnx")
    for name, kind in (("onnx_fp16", "FLOAT16"), ("onnx_int8", "INT8")):
        model = onnx.load(bundle / formats.FORMATS[name].file)
        weights = {len(t.dims): t.data_type for t in model.graph.initializer if len(t.dims) == 4}
        assert weights == {4: getattr(onnx.TensorProto, kind)}
        for end, known in (
            (model.graph.input, full.graph.input),
            (model.graph.output, full.graph.output),
        ):
            assert end[0].name == known[0].name
            assert end[0].type == known[0].type  # float32, and the batch is free
        properties = {entry.key: entry.value for entry in model.metadata_props}
        assert properties["name"] == "small" and properties["input_range"] == "0..1"
        assert kcs.OnnxEncoder(bundle / formats.FORMATS[name].file).embed(images[:3]).shape == (
            3,
            16,
        )


def test_8_bit_products_fit_the_registers_of_any_processor(exported):
    """Processors without VNNI add two products of 8 bits in 16: weights of 8 bits would clip."""
    model = onnx.load(exported[0] / "encoder_int8.onnx")
    weights = [onnx.numpy_helper.to_array(t) for t in model.graph.initializer if len(t.dims) == 4]
    assert len(weights) == 2
    for w in weights:
        assert 2 * 255 * np.abs(w.astype("int64")).max() < 2**15
        assert np.abs(w).max() > 60  # and the range is used


def test_litert_has_a_signature_and_any_batch(exported):
    bundle, _, encoder, images = exported
    for name in ("litert", "litert_int8"):
        predict = litert_file.read(bundle / formats.FORMATS[name].file)
        for count in (1, 5):
            expected = encoder.predict(images[:count], verbose=0)
            atol = 1e-5 if name == "litert" else 0.2 * np.abs(expected).max()
            np.testing.assert_allclose(predict(images[:count]), expected, rtol=0, atol=atol)
    sizes = [(bundle / f"encoder{part}.tflite").stat().st_size for part in ("", "_int8")]
    assert sizes[1] < sizes[0]


def test_the_card_has_a_table_of_them_and_code_that_runs(exported, monkeypatch):
    bundle, record, *_ = exported
    card = (bundle / "README.md").read_text()
    assert "None" not in card and "\n\n\n" not in card
    assert "on 80 images: the centred cosine" in card
    for name in SMALLER:
        result = record["parity"][name]
        (row,) = [
            line
            for line in card.split("## Parity")[1].splitlines()
            if line.startswith(f"| `{record['formats'][name]}`")
        ]
        assert f"| {result['centered_cosine']:.5f} |" in row and row.count("|") == 7
    assert re.search(r"^\| `encoder.tflite` \| .*1e-04 \|$", card, re.M)
    blocks = re.findall(r"```python\n(.*?)```", card, re.DOTALL)
    assert len(blocks) == 4
    monkeypatch.chdir(bundle)
    for block in blocks:
        if "ai_edge_litert" in block:
            pytest.importorskip("ai_edge_litert", reason="LiteRT (ai-edge-litert) is not installed")
        scope = {}
        exec(block, scope)
        assert np.shape(scope["features"]) == (2, 16)


def test_a_whitening_stays_float32(tmp_path):
    images, labels = patterns()
    model = kcs.encoders.whitened(small_encoder(), images, dimensions=6)
    bundle = kcs.export.export_bundle(
        model, tmp_path / "b", ("onnx", *SMALLER), images=images, metrics={"labels": labels}
    )
    record = json.loads((bundle / "metrics.json").read_text())
    assert all(result["passed"] for result in record["parity"].values())
    nodes = kept_in_float32(onnx.load(bundle / "encoder.onnx"))
    assert nodes
    for name in ("onnx_fp16", "onnx_int8"):
        model = onnx.load(bundle / formats.FORMATS[name].file)
        kinds = {tensor.name: tensor.data_type for tensor in model.graph.initializer}
        read = {end for node in model.graph.node if node.name in nodes for end in node.input}
        assert {kinds[end] for end in read & set(kinds)} == {onnx.TensorProto.FLOAT}


def test_float16_needs_no_images(tmp_path):
    bundle = kcs.export.export_bundle(small_encoder(), tmp_path / "b", "onnx_fp16")
    record = json.loads((bundle / "metrics.json").read_text())
    result = record["parity"]["onnx_fp16"]
    assert not result["real_images"] and result["knn"] is None and result["passed"]
    assert record["opset"] == 17
    card = (bundle / "README.md").read_text()
    assert "on 64 random patterns" in card and "largest difference" not in card


@pytest.mark.parametrize("name", ["onnx_int8", "litert_int8"])
@pytest.mark.parametrize("count", [None, 4])
def test_eight_bits_without_images_are_refused(tmp_path, name, count):
    images = None if count is None else patterns()[0][:count]
    message = f"'{name}' is calibrated on real images, and it received {count or 0}"
    with pytest.raises(kcs.InputError, match=message):
        kcs.export.export_bundle(small_encoder(), tmp_path / "b", name, images=images)
    assert list(tmp_path.iterdir()) == []


def test_eight_bits_need_a_late_opset(tmp_path):
    with pytest.raises(kcs.InputError, match="8-bit ONNX needs opset 13 to 18"):
        kcs.export.export_bundle(
            small_encoder(), tmp_path / "b", "onnx_int8", images=patterns()[0], opset=12
        )
    assert list(tmp_path.iterdir()) == []


def test_any_size_in_fewer_bits(tmp_path):
    images = keras.Input((None, None, 1))
    x = layers.Conv2D(8, 3, strides=2, padding="same", activation="relu")(images)
    encoder = keras.Model(images, layers.GlobalAveragePooling2D()(x))
    bundle = kcs.export.export_bundle(
        encoder, tmp_path / "b", ("onnx_fp16", "onnx_int8"), images=patterns()[0]
    )
    other = np.random.default_rng(0).random((3, 9, 21, 1), dtype="float32")
    expected = encoder.predict(other, verbose=0)
    for name in ("onnx_fp16", "onnx_int8"):
        found = session(bundle / formats.FORMATS[name].file)(other)
        np.testing.assert_allclose(found, expected, rtol=0, atol=0.05 * np.abs(expected).max())
    with pytest.raises(kcs.InputError, match="8-bit LiteRT needs a known height and width"):
        kcs.export.export_bundle(encoder, tmp_path / "c", "litert_int8", images=patterns()[0])


def test_labels_of_other_images_are_refused(tmp_path):
    with pytest.raises(kcs.InputError, match=r"one for each; received labels of shape \(3,\)"):
        kcs.export.export_bundle(
            small_encoder(),
            tmp_path / "b",
            "keras",
            images=patterns()[0],
            metrics={"labels": [1, 2, 3]},
        )


def test_a_file_that_turns_features_is_refused(tmp_path, monkeypatch):
    def write(encoder, path, **_):
        path.write_text("turned")
        return lambda images: encoder.predict(images, verbose=0)[:, ::-1]

    turned = formats.Format("turned", "x", "x", write, lowest_cosine=0.9)
    monkeypatch.setitem(formats.FORMATS, "turned", turned)
    with pytest.raises(kcs.InputError, match=r"mean centred cosine .* at least 0\.9 is accepted"):
        kcs.export.export_bundle(small_encoder(), tmp_path / "b", "turned", images=patterns()[0])
    assert list(tmp_path.iterdir()) == []


def test_what_litert_cannot_do_is_said(tmp_path):
    images = keras.Input((8, 8, 1))
    x = layers.Lambda(lambda x: keras.ops.fft2((x, 0 * x))[0])(images)
    with pytest.raises(kcs.InputError, match="could not be converted to LiteRT"):
        kcs.export.export_bundle(keras.Model(images, layers.Flatten()(x)), tmp_path / "b", "litert")


def test_centered_cosine_by_hand():
    features = np.array([[1.0, 0.0], [-1.0, 0.0]]) + 100
    assert approximation.centered_cosine(features, 3 * features - 7) == pytest.approx(1)
    assert approximation.centered_cosine(features, -features) == pytest.approx(-1)
    right_angle = np.array([[0.0, 1.0], [0.0, -1.0]]) + 100
    assert approximation.centered_cosine(features, right_angle) == pytest.approx(0)
    assert approximation.centered_cosine(features, np.ones((2, 2))) == 0


def test_the_defaults_are_the_formats_of_float32_that_need_nothing_more():
    assert formats.default_formats() == ("keras", "saved_model", "onnx")
    assert set(formats.FORMATS) == {"keras", "saved_model", "onnx", *NAMES}
