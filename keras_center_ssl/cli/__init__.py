"""The command `center-ssl`."""

from keras_center_ssl.cli.evaluating import print_metrics
from keras_center_ssl.cli.main import app, main
from keras_center_ssl.cli.terminal import console, quiet_start

__all__ = ["app", "console", "main", "print_metrics", "quiet_start"]
