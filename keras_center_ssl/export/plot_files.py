"""The pictures of a bundle: PNG files of a run, copied and named after what they show."""

import os
import re
import shutil
from pathlib import Path

from keras_center_ssl.errors import InputError


def copy_plots(plots, folder):
    """Copies PNG files into `plots/`; returns title -> file, relative to the bundle."""
    if isinstance(plots, (str, os.PathLike)):
        plots = [plots]
    if not isinstance(plots, dict):
        plots = {Path(path).stem.replace("_", " "): path for path in plots}
    copied = {}
    for title, path in plots.items():
        path = Path(path)
        try:
            with open(path, "rb") as file:
                is_png = file.read(8) == b"\x89PNG\r\n\x1a\n"
        except OSError as error:
            raise InputError(
                f"The plot {str(path)!r} cannot be read: {error.strerror}. metrics['plots'] holds "
                "paths of PNG files."
            ) from error
        if not is_png:
            raise InputError(
                f"The plot {str(path)!r} is no PNG file. metrics['plots'] holds paths of PNG files."
            )
        file = f"plots/{re.sub(r'[^A-Za-z0-9._-]', '_', path.stem)}.png"
        if file in copied.values():
            raise InputError(f"Two plots are called {Path(file).name!r}; rename one of them.")
        (folder / "plots").mkdir(exist_ok=True)
        shutil.copyfile(path, folder / file)
        copied[str(title)] = file
    return copied
