"""The clients in `export/clients`, each on a freshly exported encoder: all give its features.

A client whose runtime is not installed is skipped, by name. `export/clients/onnxruntime_python`,
whose runtime always is, has a file of tests of its own besides.
"""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

import keras_center_ssl as kcs

CLIENTS = Path(__file__).parents[2] / "export" / "clients"
# Client -> the file it runs, and the Python package of its runtime.
PYTHON = {
    "saved_model_python": ("saved_model", "tensorflow"),
    "litert_python": ("encoder.tflite", "ai_edge_litert"),
    "opencv_python": ("encoder.onnx", "cv2"),
    "openvino_python": ("encoder.onnx", "openvino"),
}
# Name -> encoder, and the form of the images that it is given.
ENCODERS = {
    "resnet": (lambda: kcs.encoders.resnet_small((16, 16, 3), width=4), "floats"),
    "vit": (lambda: kcs.encoders.vit_tiny((16, 16, 3), depth=1), "pixels"),
}
# This library must not be needed to run an exported encoder. TensorFlow itself asks for Keras.
BLOCKER = """
import sys
class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "keras_center_ssl":
            raise ImportError(name + " is not on this machine")
sys.meta_path.insert(0, Blocker())
"""
pytestmark = pytest.mark.tensorflow


@pytest.fixture(scope="module", params=ENCODERS)
def exported(request, tmp_path_factory):
    """A folder with a bundle, a file of images in it, and the features that are right."""
    keras.utils.set_random_seed(0)
    folder = tmp_path_factory.mktemp("clients")
    make, kind = ENCODERS[request.param]
    encoder = make()
    rng = np.random.default_rng(0)
    for layer in encoder.layers:  # a batch norm that has seen something
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.set_weights([rng.uniform(0.5, 1.5, w.shape) for w in layer.get_weights()])
    kcs.export.export_bundle(encoder, folder / "bundle", ("saved_model", "onnx", "litert"))
    pixels = rng.integers(0, 256, (67, 16, 16, 3), dtype="uint8")  # more than a client's batch
    np.save(folder / "images.npy", pixels if kind == "pixels" else pixels / np.float32(255))
    (folder / "blocker").mkdir()
    (folder / "blocker" / "sitecustomize.py").write_text(BLOCKER)
    features = encoder.predict(pixels / np.float32(255), verbose=0)
    return folder, features / np.linalg.norm(features, axis=1, keepdims=True)


def run(folder, *command):
    environment = {**os.environ, "PYTHONPATH": str(folder / "blocker")}
    return subprocess.run(
        list(map(str, command)),
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,  # TensorFlow takes its time on a busy machine
    )


@pytest.mark.parametrize("client", PYTHON)
def test_in_python(exported, client):
    folder, expected = exported
    file, package = PYTHON[client]
    if importlib.util.find_spec(package) is None:
        pytest.skip(f"the runtime of {client} ({package}) is not installed")
    program = CLIENTS / client / "embed.py"
    done = run(folder, sys.executable, program, Path("bundle") / file, "images.npy", "out.npy")
    assert done.returncode == 0, done.stderr
    np.testing.assert_allclose(np.load(folder / "out.npy"), expected, rtol=0, atol=1e-5)


def test_in_node(exported):
    folder, expected = exported
    node = shutil.which("node")
    if node is None:
        pytest.skip("Node is not installed")
    program = CLIENTS / "onnxruntime_node" / "embed.js"
    found = subprocess.run(
        [node, "-e", "require.resolve('onnxruntime-node')"], cwd=program.parent, capture_output=True
    )
    if found.returncode:
        pytest.skip("onnxruntime-node is not installed (beside the client, or in $NODE_PATH)")
    done = run(folder, node, program, "bundle/encoder.onnx", "images.npy", "out.json")
    assert done.returncode == 0, done.stderr
    rows = json.loads((folder / "out.json").read_text())
    np.testing.assert_allclose(rows, expected, rtol=0, atol=1e-5)


def test_every_client_is_run_and_described():
    folders = {path.name for path in CLIENTS.iterdir() if path.is_dir()}
    # Beam's and ONNX Runtime's for Python have files of tests of their own.
    assert folders == {*PYTHON, "onnxruntime_python", "onnxruntime_node", "beam_python"}
    page = (CLIENTS / "README.md").read_text("utf-8")
    assert all(f"]({name}/" in page for name in folders)
