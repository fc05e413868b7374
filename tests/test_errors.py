"""One sentence, with the command, where a package is not installed."""

import importlib
import sys

import pytest

from keras_center_ssl.errors import InputError, MissingExtra, needs


def hide(monkeypatch, package):
    """As if it were not installed, whatever an earlier test has imported of it."""
    for name in list(sys.modules):
        if name.startswith(f"{package}."):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)


def test_a_missing_package_names_its_extra(monkeypatch):
    hide(monkeypatch, "sklearn")
    with pytest.raises(MissingExtra) as caught, needs("The data set 'digits'", "sklearn"):
        importlib.import_module("sklearn.datasets")
    assert str(caught.value) == (
        "The data set 'digits' needs scikit-learn: pip install 'keras-center-ssl[tensorflow]'"
    )
    assert isinstance(caught.value, InputError) and isinstance(caught.value, ImportError)


def test_of_several_only_the_missing_ones_are_named(monkeypatch):
    # Keras without its default backend fails while it imports TensorFlow.
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    with pytest.raises(MissingExtra, match=r"^kcs.methods needs TensorFlow: ") as caught:
        with needs("kcs.methods", "keras", "tensorflow"):
            importlib.import_module("tensorflow")
    assert "[tensorflow]" in str(caught.value)
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    with pytest.raises(MissingExtra, match=r"\[jax\]"):
        with needs("kcs.methods", "keras", "tensorflow"):
            importlib.import_module("tensorflow")


def test_a_package_that_was_not_expected_to_be_missing_is_named(monkeypatch):
    hide(monkeypatch, "tf2onnx")
    with pytest.raises(MissingExtra, match=r"^kcs.export needs tf2onnx: pip"):
        with needs("kcs.export", "keras", "tensorflow"):
            importlib.import_module("tf2onnx.convert")


def test_a_package_that_is_there_keeps_its_own_error():
    with pytest.raises(ModuleNotFoundError, match="no_such_dependency") as caught:
        with needs("kcs.methods", "numpy"):
            importlib.import_module("no_such_dependency")
    assert not isinstance(caught.value, MissingExtra)
    with pytest.raises(ImportError, match="wrong version"), needs("kcs.methods", "numpy"):
        raise ImportError("wrong version")


def test_what_was_asked_for_is_what_the_sentence_begins_with(monkeypatch):
    monkeypatch.setitem(sys.modules, "keras", None)
    with pytest.raises(MissingExtra, match=r"^kcs.methods needs Keras"):
        with needs("kcs.methods", "keras"):
            with needs("training", "keras"):
                importlib.import_module("keras")
