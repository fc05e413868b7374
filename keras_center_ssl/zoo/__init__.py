"""The zoo: pretrained encoders by name, listed, downloaded, verified, loaded and published.

A zoo is a folder, an `http(s)://` base or a Hugging Face repository that holds `index.json` and one
folder per entry, each an export bundle. Listing and downloading need neither Keras nor TensorFlow;
`load` imports Keras.
"""

from keras_center_ssl.zoo.cached import CachedEntry, list_cached, prune_cache
from keras_center_ssl.zoo.download import download, load, show
from keras_center_ssl.zoo.gallery import add_gallery
from keras_center_ssl.zoo.index import ZooEntry, ZooFile
from keras_center_ssl.zoo.publish import publish
from keras_center_ssl.zoo.site import build_site
from keras_center_ssl.zoo.sources import index_sha256, list_models
from keras_center_ssl.zoo.verify import verify

__all__ = [
    "CachedEntry",
    "ZooEntry",
    "ZooFile",
    "add_gallery",
    "build_site",
    "download",
    "index_sha256",
    "list_cached",
    "list_models",
    "load",
    "prune_cache",
    "publish",
    "show",
    "verify",
]
