"""Caches of the tests' own: nothing is left in the user's, and nothing there changes a result."""

import os
import pathlib
import tempfile


def own_caches():
    """Points every cache that the library and its dependencies use into a new temporary folder.

    In the environment, for the sake of the programs that tests start, and before anything is
    imported that reads it once.

    Returns:
        A `tempfile.TemporaryDirectory`.
    """
    home = pathlib.Path.home()
    users = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or home / ".cache")
    keras_home = pathlib.Path(os.environ.get("KERAS_HOME") or home / ".keras")
    folder = tempfile.TemporaryDirectory(prefix="keras-center-ssl-tests-")
    root = pathlib.Path(folder.name)
    # Packages that were fetched already need no network.
    os.environ.setdefault("PIP_CACHE_DIR", str(users / "pip"))
    # One for all runs, in the checkout: making the list of fonts takes seconds.
    fonts = pathlib.Path(__file__).parents[2] / "build" / "matplotlib"
    os.environ.setdefault("MPLCONFIGDIR", str(fonts))
    os.environ["KERAS_CENTER_SSL_CACHE"] = str(root / "zoo")
    os.environ["XDG_CACHE_HOME"] = str(root / "xdg")
    os.environ["HF_HOME"] = str(root / "huggingface")
    os.environ["KERAS_HOME"] = str(root / "keras")
    # What Keras has downloaded is there to be read.
    for dataset in (keras_home / "datasets").glob("*/*"):
        link = root / "keras" / "datasets" / dataset.relative_to(keras_home / "datasets")
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(dataset)
    return folder
