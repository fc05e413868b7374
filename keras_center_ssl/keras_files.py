"""A `.keras` file from anybody: looked at before it is read, and loaded in Keras' safe mode.

Such a file is a zip archive of a config and weights. A small one may unfold to any size, in the
archive or in the HDF5 file of weights inside it, and may hold code. The limits here are far above
what Keras writes, which is not compressed.
"""

import io
import pathlib
import zipfile
import zlib

from keras_center_ssl.errors import InputError

# An archive may unfold to this many times its size, and to this many bytes more.
LARGEST_EXPANSION = 10
SPARE = 16 * 2**20
MOST_MEMBERS = 1000
# Bytes of `config.json` and `metadata.json`, which Keras parses as a whole.
LARGEST_CONFIG = 64 * 2**20

_CHUNK = 2**20


def load_keras_file(path, what=None, compile=False):
    """The Keras model in a `.keras` file.

    Args:
        path: The file.
        what: What to call it in errors; its path unless given.
        compile: Whether to restore the optimizer, too.

    Raises:
        InputError: If there is no such file; if it is damaged, no `.keras` file, or unfolds to
            more than `LARGEST_EXPANSION` times its size; if it holds code; and if Keras cannot
            load it.
    """
    path = pathlib.Path(path)
    what = what or repr(str(path))
    if not path.is_file():
        raise InputError(f"There is no file {str(path)!r}; expected a model saved as .keras.")
    if path.suffix != ".keras":
        raise InputError(
            f"{what} does not end in .keras, the format that is read here. Load it in a program of "
            'your own, and save it anew: model.save("model.keras").'
        )
    check_keras_file(path, what)
    import keras

    try:
        return keras.saving.load_model(path, compile=compile, safe_mode=True)
    except Exception as error:  # of Keras, h5py and the backend: any kind
        if _is_code(error):
            raise InputError(
                f"{what} holds Python code (a Lambda layer), which is not run. If you trust it, "
                "load it with keras.saving.load_model(path, safe_mode=False) in a program of your "
                "own."
            ) from error
        reason = (str(error).strip() or type(error).__name__).splitlines()[0][:200]
        raise InputError(
            f"{what} cannot be read as a Keras model ({type(error).__name__}: {reason}). It is "
            f"damaged, needs a package that is not imported, or was saved by another version than "
            f"Keras {keras.__version__}."
        ) from error


def check_keras_file(path, what):
    """Raises `InputError` for a file that is no whole `.keras` archive or unfolds too far.

    Everything in it is read once, within the limits, whatever sizes it declares.
    """
    size = pathlib.Path(path).stat().st_size
    try:
        with zipfile.ZipFile(path) as archive:
            budget = LARGEST_EXPANSION * size + SPARE
            _check_sizes(archive, budget, what)
            _check_names(archive, what)
            for member in archive.infolist():
                _check_content(archive, member, budget, what)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        # Of zipfile: RuntimeError for encryption, NotImplementedError for kinds of compression.
        raise _damaged(what, error) from error


def _check_sizes(archive, budget, what):
    members = archive.infolist()
    declared = sum(member.file_size for member in members)
    if declared > budget or len(members) > MOST_MEMBERS:
        raise InputError(
            f"{what} would unfold to {declared / 1e6:,.0f} MB in {len(members)} parts, far more "
            f"than a model of its size holds (at most {budget / 1e6:,.0f} MB, {MOST_MEMBERS} "
            "parts). It was not read; take it from a source that you trust."
        )


def _check_names(archive, what):
    names = archive.namelist()
    if "config.json" not in names or not any(name.startswith("model.weights.") for name in names):
        raise InputError(
            f"{what} is no model saved by Keras 3: a .keras file holds config.json and "
            "model.weights.h5. Save it anew with model.save."
        )
    if len(set(names)) < len(names):
        raise InputError(f"{what} is damaged: it holds a part twice. Copy or save it anew.")
    for name in names:
        if name.startswith("/") or "\\" in name or ".." in name.split("/") or ":" in name:
            raise InputError(f"{what} holds {name[:100]!r}, which would lead out of its folder.")


def _check_content(archive, member, budget, what):
    """Reads one part to its end, which checks its length and its checksum."""
    if member.filename.endswith(".json") and member.file_size > LARGEST_CONFIG:
        raise InputError(
            f"{what} holds a {member.filename!r} of {member.file_size / 1e6:,.0f} MB; at most "
            f"{LARGEST_CONFIG / 1e6:,.0f} MB are read."
        )
    kept = io.BytesIO() if member.filename.endswith((".h5", ".npz")) else None
    with archive.open(member) as stream:
        while chunk := stream.read(_CHUNK):
            if kept is not None:
                kept.write(chunk)
    if member.filename.endswith(".h5"):
        _check_weights(kept, budget, what)
    elif member.filename.endswith(".npz"):
        with zipfile.ZipFile(kept) as weights:
            _check_sizes(weights, budget, what)


def _check_weights(file, budget, what):
    """Refuses HDF5 weights that are stored in little room and read into much."""
    import h5py

    declared = 0

    def add(name, item):
        nonlocal declared
        if isinstance(item, h5py.Dataset):
            declared += item.size * item.dtype.itemsize if item.shape is not None else 0

    try:
        with h5py.File(file, "r") as weights:
            weights.visititems(add)
    except (OSError, RuntimeError, KeyError, ValueError, TypeError) as error:
        raise _damaged(what, error) from error
    if declared > budget:
        raise InputError(
            f"{what} declares weights of {declared / 1e6:,.0f} MB, far more than it holds. It was "
            "not read; take it from a source that you trust."
        )


def _damaged(what, error):
    reason = (str(error).strip() or type(error).__name__).splitlines()[0][:200]
    return InputError(
        f"{what} cannot be read as a Keras model: it is damaged, or no .keras file ({reason}). "
        "Copy or download it anew, or save the model again."
    )


def _is_code(error):
    text = str(error)
    return "Lambda" in text and ("safe_mode" in text or "unsafe" in text.lower())
