"""Lets a `.keras` file of today's Keras load in the oldest one that this package runs on."""

import json
import os
import zipfile

# What Keras has added to configs since 3.12, with the defaults that change nothing.
_INITIALIZER = {"input_axes": None, "output_axes": None}
_BATCH_NORMALIZATION = {"renorm": False, "renorm_clipping": None, "renorm_momentum": 0.99}


def leave_out_new_defaults(path):
    """Rewrites `path` without options that Keras 3.12 refuses and that are at their defaults."""
    temporary = f"{path}.tmp"
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(temporary, "w") as new:
        for entry in old.infolist():
            content = old.read(entry)
            if entry.filename == "config.json":
                content = json.dumps(_without(json.loads(content))).encode()
            new.writestr(entry, content)
    os.replace(temporary, path)


def _without(node):
    if isinstance(node, list):
        return [_without(item) for item in node]
    if not isinstance(node, dict):
        return node
    node = {key: _without(value) for key, value in node.items()}
    config = node.get("config")
    if isinstance(config, dict):
        if node.get("module") == "keras.initializers":
            _drop(config, _INITIALIZER)
        elif node.get("class_name") == "BatchNormalization" and config.get("renorm") is False:
            _drop(config, _BATCH_NORMALIZATION)
    return node


def _drop(config, defaults):
    for key, default in defaults.items():
        if key in config and config[key] == default:
            del config[key]
