"""Export: an encoder as a bundle of files that run with and without Keras, and its model card."""

from keras_center_ssl import keras_needed  # noqa: F401
from keras_center_ssl.export.bundle import export_bundle
from keras_center_ssl.export.formats import FORMATS, export_format

__all__ = ["FORMATS", "export_bundle", "export_format"]
