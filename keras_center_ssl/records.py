"""JSON from elsewhere, read within limits: an object of moderate size and depth, or one sentence.

An index or a `metrics.json` may come from anybody and be anything. Past this door it is a dict
whose numbers are finite and whose nesting no recursion stumbles over.
"""

import json
import math
import pathlib
import stat

from keras_center_ssl.errors import InputError

# Bytes. An index of ten thousand encoders has about as many.
LARGEST = 16 * 2**20
DEEPEST = 64


def read_object(path, what=None, needs=None):
    """The JSON object in a file, as a dict.

    Args:
        path: The file.
        what: What to call it in errors; its path unless given.
        needs: A key that it must have.

    Raises:
        FileNotFoundError: If there is no such file.
        InputError: If it is no regular file, or is not what `parse_object` accepts.
        OSError: If it cannot be read.
    """
    path = pathlib.Path(path)
    what = what or f"The file {str(path)!r}"
    if not stat.S_ISREG(path.stat().st_mode):  # a pipe would wait for ever
        raise InputError(f"{what} is no regular file.")
    with path.open("rb") as file:
        return parse_object(file.read(LARGEST + 1), what, needs)


def parse_object(data, what, needs=None):
    """The JSON object in bytes, as a dict.

    Args:
        data: Bytes; of a larger content, one byte more than `LARGEST` will do.
        what: What to call it in errors, beginning with a capital.
        needs: A key that it must have.

    Raises:
        InputError: If it is larger than `LARGEST`, no UTF-8, no JSON, no object, nested more than
            `DEEPEST` levels deep, or holds a number that is not finite.
    """
    if len(data) > LARGEST:
        raise InputError(f"{what} is larger than {LARGEST // 2**20} MiB, which is not read.")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InputError(f"{what} is no valid JSON: it is not UTF-8 text.") from None
    if text.lstrip()[:1] == "<":
        raise InputError(f"{what} is no valid JSON: it is a web page (HTML). Check the address.")
    try:
        content = json.loads(text, parse_float=_finite, parse_constant=_finite)
    except RecursionError:
        raise InputError(f"{what} is no valid JSON: it is nested too deep.") from None
    except ValueError as error:
        raise InputError(f"{what} is no valid JSON: {error}.") from None
    if not isinstance(content, dict) or (needs and needs not in content):
        expected = f" with {needs!r}" if needs else ""
        raise InputError(f"{what} is no JSON object{expected}, but {_kind(content)}.")
    if _deeper_than(content, DEEPEST):
        raise InputError(f"{what} is nested more than {DEEPEST} levels deep, which is not read.")
    return content


def _finite(text):
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text[:20]} is no finite number")
    return value


def _kind(content):
    kinds = {
        dict: "one without",
        list: "a list",
        str: "a string",
        bool: "true or false",
        type(None): "null",
    }
    return kinds.get(type(content), "a number")


def _deeper_than(content, depth):
    level = [content]
    for _ in range(depth):
        level = [
            item
            for node in level
            for item in (node.values() if isinstance(node, dict) else node)
            if isinstance(item, (dict, list))
        ]
        if not level:
            return False
    return True
