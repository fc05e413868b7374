"""Files of features: `.npz`, which NumPy reads, and `.parquet`, for tables. See `Embedded.save`."""

import json

import numpy as np

from keras_center_ssl.errors import InputError, needs
from keras_center_ssl.files import atomic_file, numpy_reason

SUFFIXES = (".npz", ".parquet")

# What arrays of features are called in files of others.
_NAMES = ("features", "embeddings", "z")


def write_npz(path, content):
    """Writes the fields of an `Embedded`, a dict."""
    skipped = sorted(content["skipped"].items())
    arrays = {
        "features": content["features"],
        "skipped": np.array([file for file, _ in skipped], dtype=str),
        "skipped_reasons": np.array([reason for _, reason in skipped], dtype=str),
    }
    if content["paths"] is None:
        arrays["indices"] = np.arange(len(content["features"]))
    else:
        arrays["paths"] = np.array(content["paths"], dtype=str)
    if content["labels"] is not None:
        arrays["labels"] = content["labels"]
    if content["class_names"]:
        arrays["class_names"] = np.array(content["class_names"], dtype=str)
    for name in ("source", "split"):
        if content[name] is not None:
            arrays[name] = np.array(content[name])
    with atomic_file(path) as file:
        np.savez(file, **arrays)


def check_parquet():
    """Raises `MissingExtra` where Parquet files cannot be written."""
    with needs("A .parquet file", "pyarrow"):
        import pyarrow.parquet  # noqa: F401


def write_parquet(path, content):
    """Writes the fields of an `Embedded`, a dict, and perhaps `names`, each row's class."""
    check_parquet()
    import pyarrow
    import pyarrow.parquet

    features = np.ascontiguousarray(content["features"], dtype=np.float32)
    columns = {}
    if content["paths"] is None:
        columns["index"] = pyarrow.array(np.arange(len(features)))
    else:
        columns["path"] = pyarrow.array(list(map(_utf8, content["paths"])))
    if content["labels"] is not None:
        labels = np.asarray(content["labels"])
        columns["label"] = pyarrow.array(labels if labels.ndim == 1 else labels.tolist())
    if "names" in content:
        columns["class_name"] = pyarrow.array(list(map(_utf8, content["names"])))
    columns["features"] = pyarrow.FixedSizeListArray.from_arrays(
        pyarrow.array(features.ravel()), features.shape[1]
    )
    about = {name: content[name] for name in ("source", "split", "class_names", "skipped")}
    table = pyarrow.table(columns)
    table = table.replace_schema_metadata({"keras_center_ssl": json.dumps(about)})
    with atomic_file(path) as file:
        pyarrow.parquet.write_table(table, file)


def read(path):
    """The fields of an `Embedded` in a file that is there.

    Raises:
        InputError: For a file that is damaged or holds no features.
    """
    if path.suffix.lower() == ".parquet":
        return _read_parquet(path)
    try:
        opened = np.load(path, allow_pickle=False)
        if isinstance(opened, np.ndarray):
            return {"features": opened}
        with opened as file:
            return _from_npz(path, {name: file[name] for name in file.files})
    except InputError:
        raise
    except Exception as error:  # whatever NumPy and zipfile meet in a damaged file
        raise _unreadable(path, numpy_reason(error)) from None


def _from_npz(path, arrays):
    names = [name for name in _NAMES if name in arrays]
    if not names and len(arrays) == 1:
        names = list(arrays)
    if not names:
        raise InputError(
            f"{str(path)!r} holds {', '.join(sorted(arrays)) or 'no arrays'}, and no `features`. "
            "Accepted: what center-ssl embed writes, or one array of features."
        )
    content = {"features": arrays[names[0]], "labels": arrays.get("labels")}
    for name in ("paths", "class_names"):
        if name in arrays:
            content[name] = tuple(arrays[name].tolist())
    for name in ("source", "split"):
        if name in arrays:
            content[name] = str(arrays[name])
    if "skipped" in arrays and "skipped_reasons" in arrays:
        pairs = zip(arrays["skipped"].tolist(), arrays["skipped_reasons"].tolist(), strict=False)
        content["skipped"] = dict(pairs)
    return content


def _read_parquet(path):
    check_parquet()
    import pyarrow
    import pyarrow.parquet

    try:
        table = pyarrow.parquet.read_table(path)
    except (pyarrow.ArrowException, OSError) as error:
        raise _unreadable(path, str(error).splitlines()[0]) from None
    if "features" not in table.column_names:
        raise InputError(
            f"{str(path)!r} has the columns {', '.join(table.column_names)}, and no `features`. "
            "Accepted: what center-ssl embed writes."
        )
    flat = table["features"].combine_chunks().flatten().to_numpy(zero_copy_only=False)
    content = {"features": flat.astype(np.float32).reshape(table.num_rows, -1)}
    if "path" in table.column_names:
        content["paths"] = tuple(table["path"].to_pylist())
    if "label" in table.column_names:
        content["labels"] = np.array(table["label"].to_pylist())
    about = json.loads((table.schema.metadata or {}).get(b"keras_center_ssl", b"{}"))
    content["class_names"] = tuple(about.pop("class_names", ()))
    return {**content, **about}


def _utf8(text):
    """Paths may hold bytes that are no UTF-8; Parquet may not."""
    return str(text).encode("utf-8", "backslashreplace").decode("utf-8")


def _unreadable(path, reason):
    return InputError(
        f"{str(path)!r} cannot be read as a file of features: {reason.rstrip('.')}. center-ssl "
        "embed writes .npz and .parquet files."
    )
