"""The gallery's configurations, by name."""

import importlib.util
import pathlib
import sys


def _load():
    path = pathlib.Path(__file__).resolve().parents[1] / "gallery" / "configurations.py"
    spec = importlib.util.spec_from_file_location("gallery_configurations", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


_MODULE = _load()
CONFIGURATIONS = {configuration.name: configuration for configuration in _MODULE.CONFIGURATIONS}
# Methods as they should be.
HEALTHY = [
    name
    for name, configuration in CONFIGURATIONS.items()
    if configuration.expected == (_MODULE.HEALTHY,)
]


def build(name):
    """Makes the configuration's method of an encoder."""
    configuration = CONFIGURATIONS[name]
    return lambda encoder: configuration.method(encoder, **configuration.arguments)


def learning_rate(name):
    return CONFIGURATIONS[name].learning_rate
