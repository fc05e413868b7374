"""The command `center-ssl`."""

from keras_center_ssl.cli.main import app, main

__all__ = ["app", "main"]
