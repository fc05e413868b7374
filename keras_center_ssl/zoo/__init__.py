"""The zoo: pretrained encoders by name, listed, downloaded, verified, loaded and published.

Listing and downloading need neither Keras nor TensorFlow; `load` imports Keras.
"""

from keras_center_ssl.zoo.download import download, load, show, verify
from keras_center_ssl.zoo.index import ZooEntry, ZooFile, list_models
from keras_center_ssl.zoo.publish import publish

__all__ = [
    "ZooEntry",
    "ZooFile",
    "download",
    "list_models",
    "load",
    "publish",
    "show",
    "verify",
]
