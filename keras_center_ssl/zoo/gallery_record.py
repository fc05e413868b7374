"""What `gallery/gallery.json` of an entry says, checked before a page is made of it.

`gallery_files.py` writes it. Neither NumPy nor Pillow is loaded for it.
"""

from keras_center_ssl.errors import InputError
from keras_center_ssl.records import read_object

SCHEMA_VERSION = 1
FOLDER = "gallery"
RECORD = "gallery.json"

_MOST = 10_000
_LONGEST = 100


def read_gallery(folder, entry):
    """The record of an entry's gallery, and nothing in it but what is known.

    Args:
        folder: Where the entry's files lie.
        entry: The `ZooEntry`.

    Raises:
        InputError: For a record that is not one, and for a gallery of another `encoder.onnx`.
    """
    what = f"The gallery of {entry.name!r}"
    record = read_object(folder / FOLDER / RECORD, what, needs="schema_version")
    encoder = entry.files.get("encoder.onnx")
    if record["schema_version"] != SCHEMA_VERSION:
        raise InputError(f"{what} has schema_version {record['schema_version']!r}, not 1.")
    if encoder is None or record.get("encoder_sha256") != encoder.sha256:
        raise InputError(f"{what} was made with another encoder.onnx: make it anew.")
    count, columns, tile = (record.get(key) for key in ("count", "columns", "tile"))
    names = [record.get(key) for key in ("images", "features")]
    labels = record.get("labels")
    good = (
        all(_is_count(number) for number in (count, columns))
        and isinstance(tile, list)
        and len(tile) == 2
        and all(_is_count(size) for size in tile)
        and all(isinstance(n, str) and f"{FOLDER}/{n}" in entry.files for n in names)
        and (labels is None or (_are_numbers(labels) and len(labels) == count))
    )
    if not good:
        raise InputError(f"{what} has a record that cannot be. Make it anew.")
    classes = record.get("class_names")
    classes = classes if isinstance(classes, list) else []
    texts = {key: record.get(key) for key in ("data", "license")}
    return {
        "count": count,
        "columns": columns,
        "tile": tile,
        "images": f"{FOLDER}/{names[0]}",
        "features": f"{FOLDER}/{names[1]}",
        "labels": labels,
        "class_names": [str(name)[:_LONGEST] for name in classes[:_MOST]],
        **{key: text[:_LONGEST] if isinstance(text, str) else None for key, text in texts.items()},
    }


def _is_count(value):
    return type(value) is int and 0 < value <= _MOST


def _are_numbers(values):
    return isinstance(values, list) and all(type(value) is int and value >= 0 for value in values)
