"""Models saved by earlier versions load as they were: names and places of classes may move."""

import pathlib
import subprocess
import sys
import zipfile

import keras
import numpy as np
import pytest

import keras_center_ssl as kcs

FOLDER = pathlib.Path(__file__).parent
METHODS = ("BYOL BarlowTwins CenterSSL DINO MoCo SimCLR SimSiam SwAV Triplet VICReg").split()


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """The files that 0.1.0 wrote, one method each, trained for four steps."""
    folder = tmp_path_factory.mktemp("saved")
    with zipfile.ZipFile(FOLDER / "saved_0_1_0.zip") as archive:
        archive.extractall(folder)
    return folder


@pytest.mark.parametrize("method", METHODS)
def test_a_method_saved_by_0_1_0(saved, method):
    model = keras.saving.load_model(saved / f"{method}.keras")
    with np.load(saved / "expected.npz") as expected:
        images, features, center = (expected[k] for k in ("images", method, f"{method}_ema"))
    assert type(model) is getattr(kcs.methods, method)
    np.testing.assert_allclose(model.predict(images, verbose=0), features, rtol=1e-4, atol=1e-5)
    tracker = next(iter(model.trackers.values()))
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(tracker.ema_sum), center)
    # Four steps of training were in it.
    for steps in (model.clock.step, model.optimizer.iterations):
        assert int(keras.ops.convert_to_numpy(steps)) == 4


# Of our rooms the lowest: all that is registered is built on it, and it brings Keras.
@pytest.mark.parametrize(
    "first",
    [
        pytest.param("keras", marks=pytest.mark.slow),
        "keras_center_ssl",
        pytest.param("keras_center_ssl.numerics", marks=pytest.mark.slow),
    ],
)
def test_in_any_order_of_imports(saved, first):
    second = "keras_center_ssl" if first == "keras" else "keras"
    program = (
        f"import {first}, {second}; import sys, keras; "
        "print(type(keras.saving.load_model(sys.argv[1])).__name__)"
    )
    command = [sys.executable, "-c", program, str(saved / "SimCLR.keras")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.stdout.split()[-1:] == ["SimCLR"], done.stderr[-2000:]
