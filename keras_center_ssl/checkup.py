"""What this machine has for the library: versions, devices, extras that are missing, a self-test.

Nothing heavy is imported before it is needed: `center-ssl doctor` works on a light install, too.
"""

import importlib.metadata
import os
import platform
import shutil
import time

import numpy as np

from keras_center_ssl._version import __version__
from keras_center_ssl.errors import MissingExtra, installed
from keras_center_ssl.machine import cores, cpu_name

# Distributions whose versions are told, as pip spells them.
PACKAGES = (
    "numpy",
    "onnxruntime",
    "pillow",
    "matplotlib",
    "keras",
    "tensorflow",
    "jax",
    "tf2onnx",
    "onnx",
    "scikit-learn",
    "safetensors",
    "tensorboard",
    "tensorflow-datasets",
)
_TRAINS = ("keras", "tensorflow")
# What a person wants to do, and the import names of the packages that it takes beyond the base.
COMMANDS = {
    "diagnose": (),
    "embed encoder.onnx": (),
    "zoo": (),
    "train": (*_TRAINS, "tensorboard", "safetensors"),
    "evaluate": _TRAINS,
    "embed encoder.keras": _TRAINS,
    "export": (*_TRAINS, "onnx", "tf2onnx"),
    "data tfds:NAME": (*_TRAINS, "tensorflow_datasets"),
    "data digits": ("sklearn",),
    "KERAS_BACKEND=jax": ("jax",),
}
# Steps of the self-test's training; the first one, in which it is traced, is not timed.
_STEPS, _BATCH, _SIZE = 9, 64, 32


def look_around() -> dict:
    """Versions, processor, devices and missing extras, as JSON can hold them.

    Keys: `versions` (None: not installed), `platform`, `python`, `backend`, `cpu` (`name`, `cores`,
    `bfloat16`: the instructions that make bfloat16 fast), `devices`, `disk_free_bytes` and
    `commands`: what to do -> None, or the sentence that says what is missing.
    """
    return {
        "versions": {"keras-center-ssl": __version__, **{p: _version(p) for p in PACKAGES}},
        "python": platform.python_version(),
        "platform": platform.platform(),
        "backend": _backend(),
        "cpu": {"name": cpu_name(), "cores": cores(), "bfloat16": _bfloat16()},
        "devices": _devices(),
        "disk_free_bytes": shutil.disk_usage(os.getcwd()).free,
        "commands": {name: _missing(name, needed) for name, needed in COMMANDS.items()},
    }


def self_test() -> dict:
    """Runs the library for some seconds: a diagnosis, and a short training where Keras is there.

    Returns:
        Name of the test -> `{"passed": bool or None where it could not run, "seconds", "words"}`.
    """
    tests = {"diagnosis": _diagnoses}
    if _all_there(_TRAINS):
        tests["training"] = _trains
    found = {}
    for name, test in tests.items():
        began = time.monotonic()
        try:
            words, passed = test(), True
        except Exception as error:  # whatever is wrong with an installation
            words, passed = f"{type(error).__name__}: {error}", False
        found[name] = {
            "passed": passed,
            "seconds": round(time.monotonic() - began, 1),
            "words": " ".join(words.split()),
        }
    if "training" not in found:
        words = _missing("A training", _TRAINS)
        found["training"] = {"passed": None, "seconds": 0.0, "words": words}
    return found


def _diagnoses():
    from keras_center_ssl.diagnosis import diagnose

    z = np.random.default_rng(0).standard_normal((512, 32))
    for embeddings, expected in ((z, "healthy"), (0.001 * z + 1, "complete_collapse")):
        verdict = diagnose(embeddings).verdict
        if verdict != expected:
            raise RuntimeError(f"the verdict should be {expected}, and is {verdict}")
    return "a healthy and a collapsed set of embeddings were told apart"


def _trains():
    import keras

    from keras_center_ssl import encoders, methods

    images = np.random.default_rng(0).random((2, _BATCH, _SIZE, _SIZE, 3), "float32")
    model = methods.SimCLR(encoders.resnet_small((_SIZE, _SIZE, 3)), hidden_dim=64, output_dim=32)
    model.compile(keras.optimizers.SGD(0.01))
    losses = [float(model.train_on_batch(tuple(images), return_dict=True)["loss"])]
    began = time.monotonic()
    for _ in range(_STEPS - 1):
        losses.append(float(model.train_on_batch(tuple(images), return_dict=True)["loss"]))
    rate = (_STEPS - 1) * _BATCH / (time.monotonic() - began)
    if not np.isfinite(losses).all():
        raise RuntimeError(f"the loss is not finite: {losses}")
    features = model.predict(images[0], verbose=0)
    if features.shape != (_BATCH, model.feature_dim) or not np.isfinite(features).all():
        raise RuntimeError(f"the features are not as they should be: {features.shape}")
    return (
        f"{_STEPS} steps of SimCLR, {rate:,.0f} images/s of {_SIZE} pixels on a small ResNet in "
        "float32, views not counted"
    )


def _version(package):
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _all_there(packages):
    return all(map(installed, packages))


def _missing(name, needed):
    absent = [package for package in needed if not installed(package)]
    return str(MissingExtra(name, absent)) if absent else None


def _backend():
    if not installed("keras"):
        return None
    import keras

    return keras.backend.backend()


def _bfloat16():
    """The instructions, or None where the library cannot train at all."""
    if not _all_there(_TRAINS):
        return None
    from keras_center_ssl.engine.cpu import bfloat16_flags

    return list(bfloat16_flags())


def _devices():
    """Names of the accelerators that the backend sees; none without one."""
    found = []
    if _backend() == "jax" and installed("jax"):
        import jax

        found = [f"{d.platform}:{d.id} {d.device_kind}" for d in jax.devices()]
        return [name for name in found if not name.startswith("cpu")]
    if _all_there(_TRAINS):
        import tensorflow as tf

        for device in tf.config.list_physical_devices():
            if device.device_type != "CPU":
                details = tf.config.experimental.get_device_details(device)
                found.append(f"{device.name} {details.get('device_name', '')}".strip())
    return found
