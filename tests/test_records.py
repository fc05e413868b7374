"""JSON of any shape is a dict of finite numbers, or a sentence."""

import json
import os

import pytest

from keras_center_ssl.errors import InputError
from keras_center_ssl.records import DEEPEST, LARGEST, parse_object, read_object

WRONG = {
    "a list": (b"[1, 2]", "no JSON object, but a list"),
    "a string": (b'"x"', "but a string"),
    "a number": (b"3", "but a number"),
    "null": (b"null", "but null"),
    "true": (b"true", "but true or false"),
    "nothing": (b"", "no valid JSON"),
    "half": (b'{"a": 1', "no valid JSON"),
    "NaN": (b'{"a": NaN}', "NaN is no finite number"),
    "infinity": (b'{"a": -Infinity}', "no finite number"),
    "a number out of range": (b'{"a": 1e999}', "1e999 is no finite number"),
    "more digits than Python reads": (b'{"a": ' + b"9" * 5000 + b"}", "no valid JSON"),
    "no UTF-8": (b'{"a": "\xff"}', "not UTF-8"),
    "UTF-16": (json.dumps({"a": 1}).encode("utf-16"), "not UTF-8"),
    "a web page": (b"\n<!doctype html>", "a web page"),
    "as deep as the parser gives up": (b'{"a":' * 100_000, "no valid JSON"),
    "too deep": (b'{"a":' * 100 + b"1" + b"}" * 100, "more than 64 levels deep"),
    "too large": (b" " * (LARGEST + 1), "larger than 16 MiB"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_shapes_are_a_sentence(tmp_path, case):
    data, message = WRONG[case]
    with pytest.raises(InputError, match=message):
        parse_object(data, "It")
    (tmp_path / "x.json").write_bytes(data)
    with pytest.raises(InputError, match=f"x.json.*{message}"):
        read_object(tmp_path / "x.json")


def test_what_is_right_is_read():
    deepest = b'{"a":' * DEEPEST + b"1" + b"}" * DEEPEST
    assert parse_object(deepest, "It")["a"]
    assert parse_object(b"\xef\xbb\xbf" + b'{"a": [1e3, "[red]"]}', "It") == {"a": [1000, "[red]"]}
    with pytest.raises(InputError, match="with 'b', but one without"):
        parse_object(b"{}", "It", needs="b")


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "metrics.json")
    with pytest.raises(InputError, match="no regular file"):
        read_object(tmp_path / "metrics.json")
