"""Bundles laid out for model servers: what they read is there, and says what the encoder takes."""

import json
import pathlib
import re
import shutil
import subprocess

import numpy as np
import onnxruntime
import pytest
from typer.testing import CliRunner

import keras_center_ssl as kcs
from keras_center_ssl import cli
from tests.helpers import runtimes

PUBLISHED = pathlib.Path(__file__).parents[2] / "zoo" / "quickstart-fashion-mnist"
NAME = "quickstart-fashion-mnist"


def test_triton_gets_a_model_and_what_it_takes(tmp_path):
    model = kcs.export.model_repository(PUBLISHED, tmp_path / "models", max_batch_size=32)
    assert model == tmp_path / "models" / NAME
    config = (model / "config.pbtxt").read_text("utf-8")
    session = onnxruntime.InferenceSession(model / "1" / "model.onnx")
    (given,), (got,) = session.get_inputs(), session.get_outputs()
    # Of the file itself, the batch apart: what the configuration says has to be what runs.
    for tensor in (given, got):
        block = re.search(rf'name: "{tensor.name}"\s+data_type: (\w+)\s+dims: \[(.+?)\]', config)
        assert block[1] == "TYPE_FP32" and tensor.type == "tensor(float)"
        assert [int(size) for size in block[2].split(",")] == list(tensor.shape[1:])
    assert "max_batch_size: 32" in config and "max_queue_delay_microseconds: 2000" in config


def test_open_sizes_are_minus_one():
    from keras_center_ssl.export.repositories import triton_config

    record = {"name": "x", "input": {"shape": [None, None, 3]}, "feature_dim": 8}
    assert "dims: [ -1, -1, 3 ]" in triton_config(record, 1, 0.0)


def test_tensorflow_serving_gets_the_saved_model(tmp_path):
    model = kcs.export.model_repository(PUBLISHED, tmp_path, "tensorflow-serving", version=3)
    import tensorflow as tf

    loaded = tf.saved_model.load(model / "3")
    images = np.random.default_rng(0).random((2, 28, 28, 1), "float32")
    features = loaded.signatures["serving_default"](tf.constant(images))
    expected = kcs.OnnxEncoder(PUBLISHED / "encoder.onnx").embed(images)
    np.testing.assert_allclose(next(iter(features.values())), expected, rtol=1e-4, atol=1e-4)
    assert "serving_uint8" in loaded.signatures


def test_a_version_is_not_replaced_and_a_further_one_goes_beside_it(tmp_path):
    kcs.export.model_repository(PUBLISHED, tmp_path)
    with pytest.raises(kcs.InputError, match=r"there already.*version=2"):
        kcs.export.model_repository(PUBLISHED, tmp_path)
    model = kcs.export.model_repository(PUBLISHED, tmp_path, version=2, format="onnx_int8")
    assert sorted(path.name for path in model.iterdir()) == ["1", "2", "config.pbtxt"]


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"server": "torchserve"}, "server.*torchserve.*triton"),
        ({"format": "litert"}, "format for Triton.*litert.*onnx"),
        ({"version": 0}, "version=0"),
    ],
)
def test_what_does_not_fit_is_refused(arguments, message, tmp_path):
    with pytest.raises(kcs.InputError, match=message):
        kcs.export.model_repository(PUBLISHED, tmp_path, **arguments)
    assert not any(tmp_path.iterdir())


def test_a_folder_that_is_no_bundle_and_a_format_it_lacks(tmp_path):
    with pytest.raises(kcs.InputError, match="is no bundle"):
        kcs.export.model_repository(tmp_path, tmp_path / "models")
    record = json.loads((PUBLISHED / "metrics.json").read_text("utf-8"))
    record["formats"] = {"keras": "encoder.keras"}
    (tmp_path / "metrics.json").write_text(json.dumps(record))
    with pytest.raises(kcs.InputError, match="has no onnx; it has keras"):
        kcs.export.model_repository(tmp_path, tmp_path / "models")


def test_a_name_that_leads_elsewhere_is_refused(tmp_path):
    bundle, models = tmp_path / "bundle", tmp_path / "models"
    shutil.copytree(PUBLISHED, bundle)
    record = json.loads((bundle / "metrics.json").read_text("utf-8"))
    for name in ("../outside", "/outside", "", None, ["x"]):
        (bundle / "metrics.json").write_text(json.dumps({**record, "name": name}))
        with pytest.raises(kcs.InputError, match="cannot name a folder"):
            kcs.export.model_repository(bundle, models)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bundle"]


def test_the_file_is_the_format_s_whatever_the_record_says(tmp_path):
    """A record that points out of the bundle would have another file served."""
    bundle, models = tmp_path / "bundle", tmp_path / "models"
    shutil.copytree(PUBLISHED, bundle)
    (tmp_path / "secret").write_text("not the encoder")
    record = json.loads((bundle / "metrics.json").read_text("utf-8"))
    record["formats"]["onnx"] = "../secret"
    (bundle / "metrics.json").write_text(json.dumps(record))
    model = kcs.export.model_repository(bundle, models)
    assert (model / "1/model.onnx").read_bytes() == (PUBLISHED / "encoder.onnx").read_bytes()


def test_the_command_prints_what_it_made(tmp_path):
    result = CliRunner().invoke(
        cli.app, ["repository", str(PUBLISHED), "--out", str(tmp_path / "models")]
    )
    assert result.exit_code == 0, result.output
    assert result.stdout.split() == [f"{NAME}/1/model.onnx", f"{NAME}/config.pbtxt"]


@pytest.mark.slow
def test_triton_s_own_schema_reads_the_configuration(tmp_path):
    """Its Python client brings the schema."""
    python = runtimes.python_with("tritonclient")
    code = """
import sys
from google.protobuf import text_format
from tritonclient.grpc import model_config_pb2
config = text_format.Parse(open(sys.argv[1]).read(), model_config_pb2.ModelConfig())
print(config.name, config.backend, config.max_batch_size, list(config.input[0].dims),
      list(config.output[0].dims), config.HasField("dynamic_batching"))
"""
    model = kcs.export.model_repository(PUBLISHED, tmp_path)
    done = subprocess.run(
        [python, "-c", code, str(model / "config.pbtxt")], capture_output=True, text=True
    )
    assert done.stdout.split("\n")[0] == f"{NAME} onnxruntime 64 [28, 28, 1] [256] True", (
        done.stderr
    )
