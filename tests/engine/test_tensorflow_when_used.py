"""TensorFlow is loaded when it is used, and the library can be imported on every backend."""

import os
import subprocess
import sys
import textwrap

import pytest


def run(backend, code):
    """What the program prints, on a Keras backend."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        env={**os.environ, "KERAS_BACKEND": backend},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout.strip()


def test_on_jax_it_is_not_loaded_by_the_import_and_sees_no_accelerator():
    pytest.importorskip("jax")
    code = """
        import sys
        import keras
        import keras_center_ssl as kcs
        import numpy as np

        views = kcs.views.simclr(8)(np.zeros((2, 8, 8, 3), "float32"), seed=(1, 2))
        kcs.methods.SimCLR, kcs.data.multi_view, kcs.encoders.resnet_small
        print("tensorflow" in sys.modules, len(views))
        import tensorflow as tf
        hidden = []
        tf.config.set_visible_devices = lambda *devices: hidden.append(devices)
        print(kcs.data.load("digits").count, "tensorflow" in sys.modules)
        next(iter(kcs.data.batches("digits", 4)))
        print(hidden)
    """
    assert run("jax", code).splitlines() == ["False 2", "1437 True", "[([], 'GPU')]"]


def test_on_another_backend_all_but_training_works():
    code = """
        import sys
        import keras
        import keras_center_ssl as kcs
        import numpy as np

        z = np.random.default_rng(0).normal(size=(256, 8))
        print(kcs.diagnose(z).verdict, "tensorflow" in sys.modules)
        try:
            kcs.methods
        except ImportError as error:
            print(error)
        for (views,) in kcs.data.multi_view("digits", kcs.views.simclr(8), 16, limit=16):
            print(len(views), views[0].shape)
    """
    first, second, third = run("numpy", code).splitlines()
    assert first == "healthy False"
    assert second.startswith("keras_center_ssl trains on Keras' TensorFlow and JAX backends; the")
    assert "'numpy'" in second and third == "2 (16, 8, 8, 1)"
