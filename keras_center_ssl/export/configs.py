"""What an encoder's Keras config says: its precision, and whose classes it needs."""

import re

import keras

from keras_center_ssl.encoders.walk import all_layers


def in_float32(encoder):
    """`encoder`, or a float32 copy of one that computes in half precision."""
    if all(layer.compute_dtype in (None, "float32") for layer in all_layers(encoder)):
        return encoder

    def full(config):
        if isinstance(config, dict):
            if config.get("class_name") == "DTypePolicy":
                return {**config, "config": {**config["config"], "name": "float32"}}
            return {key: full(value) for key, value in config.items()}
        if isinstance(config, (list, tuple)):
            return type(config)(full(item) for item in config)
        return "float32" if config in ("mixed_float16", "mixed_bfloat16") else config

    copy = keras.saving.deserialize_keras_object(full(keras.saving.serialize_keras_object(encoder)))
    copy.set_weights(encoder.get_weights())
    return copy


def foreign_packages(encoder):
    """Packages other than Keras whose classes `encoder.keras` names, such as `keras_hub`."""
    found = set()

    def walk(config):
        if isinstance(config, dict):
            for origin in (config.get("module"), config.get("registered_name")):
                if isinstance(origin, str) and ("." in origin or ">" in origin):
                    found.add(re.split(r"[.>]", origin)[0])
            for value in config.values():
                walk(value)
        elif isinstance(config, (list, tuple)):
            for item in config:
                walk(item)

    walk(keras.saving.serialize_keras_object(encoder))
    return sorted(found - {"keras", "builtins"})
