"""Imported first by the rooms that cannot do without Keras: one sentence where it is missing."""

from keras_center_ssl.errors import needs

with needs("keras_center_ssl, where it trains and converts,", "keras", "tensorflow"):
    import keras  # noqa: F401
