"""The clients in `export/clients`, each on a freshly exported encoder: all give its features.

A client whose runtime is not installed is skipped, by name. `export/clients/onnxruntime_python`,
whose runtime always is, has a file of tests of its own besides.
"""

import json
import os
import shutil
import subprocess
from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image

import keras_center_ssl as kcs
from tests.helpers import runtimes

CLIENTS = Path(__file__).parents[2] / "export" / "clients"
# Client -> the file it runs, and the Python package of its runtime.
PYTHON = {
    "saved_model_python": ("saved_model", "tensorflow"),
    "litert_python": ("encoder.tflite", "ai_edge_litert"),
    "opencv_python": ("encoder.onnx", "cv2"),
    "openvino_python": ("encoder.onnx", "openvino"),
}
# Those in other languages, and those with files of tests of their own.
OTHERS = ("onnxruntime_python", "onnxruntime_node", "onnxruntime_web", "beam_python")
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


@pytest.fixture(scope="module", params=["resnet", pytest.param("vit", marks=pytest.mark.slow)])
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


def run(folder, *command, **variables):
    environment = {**os.environ, **variables, "PYTHONPATH": str(folder / "blocker")}
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
    python = runtimes.python_with(package)
    program = CLIENTS / client / "embed.py"
    done = run(folder, python, program, Path("bundle") / file, "images.npy", "out.npy")
    assert done.returncode == 0, done.stderr
    np.testing.assert_allclose(np.load(folder / "out.npy"), expected, rtol=0, atol=1e-5)


def test_in_node(exported):
    folder, expected = exported
    modules = runtimes.npm_package("onnxruntime-node").parent
    program = CLIENTS / "onnxruntime_node" / "embed.js"
    command = [runtimes.node(), program, "bundle/encoder.onnx", "images.npy", "out.json"]
    done = run(folder, *command, NODE_PATH=str(modules))
    assert done.returncode == 0, done.stderr
    rows = json.loads((folder / "out.json").read_text())
    np.testing.assert_allclose(rows, expected, rtol=0, atol=1e-5)


@pytest.fixture(scope="module", params=["wasm", pytest.param("webgpu", marks=pytest.mark.slow)])
def page(request, tmp_path_factory):
    """Opens the browser's client beside an encoder; afterwards no page may have failed."""
    folder = tmp_path_factory.mktemp("page")
    shutil.copytree(CLIENTS / "onnxruntime_web", folder, dirs_exist_ok=True)
    package = runtimes.npm_package("onnxruntime-web")
    (folder / "node_modules").mkdir()
    (folder / "node_modules" / "onnxruntime-web").symlink_to(package)
    problems = []

    def opened(file):
        shutil.copy(file, folder / "encoder.onnx")
        page = browser.new_page()
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.goto(f"{address}/index.html")
        asked = "Boolean(await navigator.gpu?.requestAdapter())"
        if request.param == "webgpu" and not page.evaluate(f"async () => {asked}"):
            pytest.skip("this Chromium gives no WebGPU adapter in software")
        expect(page, f"runs on {request.param}. Choose some pictures")
        return page

    options = runtimes.SOFTWARE_GPU if request.param == "webgpu" else ()
    with runtimes.browser(*options) as browser, runtimes.served(folder) as address:
        yield opened
    assert not problems


def expect(page, text):
    from playwright.sync_api import expect

    expect(page.locator("#status")).to_contain_text(text, timeout=120_000)


def test_in_a_browser(exported, page):
    folder, expected = exported
    images = np.load(folder / "images.npy")
    pixels = images / np.float32(255) if images.dtype == np.uint8 else images
    program = """async (pixels) => {
        const { loadEncoder } = await import("./embed.js");
        const encoder = await loadEncoder("encoder.onnx");
        return [encoder.shape, await encoder.embed(new Float32Array(pixels))];
    }"""
    opened = page(folder / "bundle" / "encoder.onnx")
    shape, rows = opened.evaluate(program, pixels.ravel().tolist())
    assert shape == [16, 16, 3]
    np.testing.assert_allclose(rows, expected, rtol=0, atol=1e-5)


def test_a_browser_reads_files_as_pillow_does(exported, page, tmp_path):
    folder, _ = exported
    pixels = np.random.default_rng(1).integers(0, 256, (3, 16, 16, 3), dtype="uint8")
    files = [str(tmp_path / f"{n}.png") for n in range(3)]
    for image, file in zip(pixels, files, strict=True):
        Image.fromarray(image).save(file)
    opened = page(folder / "bundle" / "encoder.onnx")
    opened.set_input_files("#files", files)
    expect(opened, "3 pictures")
    cells = opened.locator("#cosines td:not(:first-child)").all_inner_texts()
    features = kcs.OnnxEncoder(folder / "bundle" / "encoder.onnx").embed(pixels)
    features /= np.linalg.norm(features, axis=1, keepdims=True)
    np.testing.assert_allclose(
        np.array(cells, float).reshape(3, 3), features @ features.T, atol=6e-4
    )
    (tmp_path / "no image.png").write_text("not one")
    opened.set_input_files("#files", str(tmp_path / "no image.png"))
    expect(opened, "could not be read")


def test_every_client_is_run_and_described():
    folders = {path.name for path in CLIENTS.iterdir() if path.is_dir()}
    assert folders == {*PYTHON, *OTHERS}
    page = (CLIENTS / "README.md").read_text("utf-8")
    assert all(f"]({name}/" in page for name in folders)
