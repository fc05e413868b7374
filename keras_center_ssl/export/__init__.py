"""Export: an encoder as a bundle of files that run with and without Keras, and its model card.

The table of formats needs neither Keras nor TensorFlow: the zoo and the command line read it.
"""

from typing import TYPE_CHECKING

from keras_center_ssl.errors import needs
from keras_center_ssl.export.formats import FORMATS, export_format
from keras_center_ssl.export.repositories import model_repository

if TYPE_CHECKING:
    from keras_center_ssl.export.bundle import export_bundle

__all__ = ["FORMATS", "export_bundle", "export_format", "model_repository"]


def __getattr__(name):
    if name == "export_bundle":
        with needs("kcs.export.export_bundle", "keras", "tensorflow"):
            from keras_center_ssl.export.bundle import export_bundle

        return export_bundle
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
