"""What every test shares: a quiet TensorFlow, caches of its own and a fixed seed."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
import pytest

from tests.helpers.caches import own_caches

CACHES = own_caches()


def pytest_unconfigure():
    CACHES.cleanup()


def pytest_collection_modifyitems(items):
    """Tests marked `tensorflow` or `jax` run on that backend of Keras only."""
    if "PLAIN_GRAPHS" in os.environ and _backend() == "tensorflow":
        _run_graphs_as_they_are()
    for item in items:
        for backend in ("tensorflow", "jax"):
            if item.get_closest_marker(backend) and backend != _backend():
                item.add_marker(pytest.mark.skip(reason=f"is for KERAS_BACKEND={backend}"))


def _run_graphs_as_they_are():
    """Without TensorFlow's rewriting of graphs, which takes a fifth of the time of tests that trace
    much and compute little. `make test` asks for it; slow tests, and other processes, rewrite."""
    import tensorflow as tf

    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})


def _backend():
    import keras

    return keras.backend.backend()


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture(autouse=True)
def _seeded():
    np.random.seed(0)
