"""The folder of a bundle while it is made: hidden beside its place, and given its name at the end.

One process at a time makes a bundle in one place. What a killed one has left is tidied by the next.
"""

import contextlib
import glob
import os
import secrets
import shutil
from pathlib import Path

from keras_center_ssl.errors import InputError
from keras_center_ssl.locks import locked


def free_place(directory, overwrite):
    """The absolute path of `directory`, where nothing is that may not be replaced.

    Raises:
        InputError: If there is a file, a link, or a folder that is not empty and, with
            `overwrite`, no bundle.
    """
    target = Path(os.path.abspath(Path(directory).expanduser()))
    if target.is_symlink() or (target.exists() and not target.is_dir()):
        raise InputError(f"Cannot export to {str(target)!r}: it is a file or a link, not a folder.")
    if not target.exists() or not any(target.iterdir()):
        return target
    if not overwrite:
        raise InputError(
            f"The folder {str(target)!r} is not empty. Name a new one, or pass overwrite=True to "
            "replace the bundle in it."
        )
    if not (target / "metrics.json").is_file():
        raise InputError(
            f"The folder {str(target)!r} holds no bundle (it has no metrics.json), so overwrite="
            "True does not replace it. Name a new folder, or empty this one."
        )
    return target


@contextlib.contextmanager
def folder_in_the_making(target, overwrite):
    """A sibling folder that takes the name `target` at the end, or vanishes on an error.

    Raises:
        InputError: If another process makes a bundle there, and whatever `free_place` refuses.
    """
    lock = target.with_name(f".{target.name}.lock")
    with locked(lock, what=f"the bundle {str(target)!r}"):
        _tidy(target)
        free_place(target, overwrite)  # another process may have come first
        folder = _sibling(target, "unfinished")
        folder.mkdir()
        try:
            yield folder
            _swap(folder, target)
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _swap(folder, target):
    """Renames `folder` to `target`; an earlier bundle there is kept until that has worked."""
    replaced = None
    if target.exists() and any(target.iterdir()):
        replaced = _sibling(target, "replaced")
        os.replace(target, replaced)
    elif target.exists():
        target.rmdir()
    try:
        os.replace(folder, target)
    except OSError:
        if replaced is not None:
            os.replace(replaced, target)
        raise
    if replaced is not None:
        shutil.rmtree(replaced, ignore_errors=True)


def _sibling(target, state):
    return target.with_name(f".{target.name}.{state}-{secrets.token_hex(4)}")


def _tidy(target):
    """Removes what killed processes have left; brings back a bundle they had moved aside."""
    beside = glob.escape(f".{target.name}.")
    for folder in target.parent.glob(f"{beside}replaced-*"):
        if target.exists():
            shutil.rmtree(folder, ignore_errors=True)
        else:
            os.replace(folder, target)
    for folder in target.parent.glob(f"{beside}unfinished-*"):
        shutil.rmtree(folder, ignore_errors=True)
