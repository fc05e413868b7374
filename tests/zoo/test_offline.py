"""Without the network, with a pinned index, and out of the cache."""

import hashlib
import json
import os
import re

import pytest

import keras_center_ssl as kcs
from keras_center_ssl.zoo.offline import is_offline
from tests.helpers.odd_server import odd_server

CONTENT = {"README.md": b"# A card\n", "encoder.onnx": b"onnx" * 1000}


def index(content=CONTENT):
    files = {
        path: {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        for path, data in content.items()
    }
    return json.dumps({"schema_version": 1, "models": {"tiny": {"files": files}}}).encode()


def served(handler, path, headers):
    data = index() if path == "/index.json" else CONTENT.get(path.removeprefix("/tiny/"))
    if data is None:
        handler.send_ok(b"", "Content-Length: 0", status="404 Not Found")
    else:
        handler.send_ok(data, f"Content-Length: {len(data)}")


@pytest.fixture
def server():
    with odd_server(served) as server:
        yield server


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_CENTER_SSL_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def offline(monkeypatch):
    return lambda value="1": monkeypatch.setenv("KERAS_CENTER_SSL_OFFLINE", value)


def test_what_was_downloaded_is_there_without_the_network(server, cache, offline):
    path = kcs.zoo.download("tiny", "onnx", server.address)
    offline()
    server.requests.clear()
    assert kcs.zoo.download("tiny", "onnx", server.address + "/") == path
    (entry,) = kcs.zoo.list_models(server.address)
    assert entry.name == "tiny" and entry.formats == ("onnx",)
    assert server.requests == []


@pytest.mark.parametrize("what", ["never used", "other file", "damaged file"])
def test_what_is_not_there_is_said_in_one_sentence(server, cache, offline, what):
    if what != "never used":
        path = kcs.zoo.download("tiny", "onnx", server.address)
        if what == "damaged file":
            path.write_bytes(b"x")
    offline()
    server.requests.clear()
    with pytest.raises(kcs.InputError) as caught:
        if what == "other file":
            kcs.zoo.show("tiny", server.address)
        else:
            kcs.zoo.download("tiny", "onnx", server.address)
    text = str(caught.value)
    assert re.fullmatch(r"The cache has no '.+' of the zoo '.+', and the network .*\.", text)
    assert "KERAS_CENTER_SSL_OFFLINE, --offline" in text and server.requests == []


def test_folders_need_no_network(cache, offline, tmp_path):
    offline()
    (tmp_path / "zoo" / "tiny").mkdir(parents=True)
    (tmp_path / "zoo" / "index.json").write_bytes(index({"README.md": b"x"}))
    (tmp_path / "zoo" / "tiny" / "README.md").write_bytes(b"x")
    assert kcs.zoo.show("tiny", tmp_path / "zoo") == "x"


@pytest.mark.parametrize(
    "value, expected", [("", False), ("0", False), ("no", False), ("1", True), ("TRUE", True)]
)
def test_the_variable(offline, value, expected):
    offline(value)
    assert is_offline() == expected


def test_a_variable_that_says_something_else(offline):
    offline("perhaps")
    with pytest.raises(kcs.InputError, match="is 1 or 0; it is 'perhaps'"):
        is_offline()


def test_a_memory_that_was_tampered_with_is_checked_like_any_index(server, cache, offline):
    kcs.zoo.download("tiny", "onnx", server.address)
    (memory,) = cache.rglob(".zoo.json")
    content = json.loads(memory.read_text())
    content["index"] = content["index"].replace("README.md", "../../README.md")
    memory.write_text(json.dumps(content))
    offline()
    with pytest.raises(kcs.InputError, match="could leave its folder"):
        kcs.zoo.list_models(server.address)
    memory.write_text("[]")
    with pytest.raises(kcs.InputError, match=r"no 'index\.json'"):
        kcs.zoo.list_models(server.address)


@pytest.mark.parametrize("behind", ["folder", "http", "offline"])
def test_a_pinned_index(server, cache, offline, tmp_path, behind):
    source = server.address
    if behind == "folder":
        source = tmp_path / "zoo"
        source.mkdir()
        (source / "index.json").write_bytes(index())
    elif behind == "offline":
        kcs.zoo.download("tiny", "onnx", source)
        offline()
    right = hashlib.sha256(index()).hexdigest()
    assert kcs.zoo.index_sha256(source) == right
    assert len(kcs.zoo.list_models(source, index_sha256=right.upper())) == 1
    wrong = "0" * 64
    for call in (
        lambda: kcs.zoo.list_models(source, index_sha256=wrong),
        lambda: kcs.zoo.download("tiny", "onnx", source, index_sha256=wrong),
        lambda: kcs.zoo.show("tiny", source, index_sha256=wrong),
        lambda: kcs.zoo.verify("tiny", source, index_sha256=wrong),
    ):
        with pytest.raises(kcs.InputError, match=f"and not {wrong}, which was demanded"):
            call()
    for none in ("abc", 3, "g" * 64):
        with pytest.raises(kcs.InputError, match="64 hex digits"):
            kcs.zoo.list_models(source, index_sha256=none)


def test_a_copy_outside_the_cache(server, cache, tmp_path):
    out = tmp_path / "out"
    path = kcs.zoo.download("tiny", "onnx", server.address, out=out)
    assert path == out / "encoder.onnx" and path.read_bytes() == CONTENT["encoder.onnx"]
    assert [p.name for p in out.iterdir()] == ["encoder.onnx"]
    assert kcs.zoo.download("tiny", None, server.address, out=out) == out
    assert {p.name for p in out.iterdir()} == set(CONTENT)
    path.write_bytes(b"mine")
    with pytest.raises(kcs.InputError, match=r"another 'encoder\.onnx'.*overwrite=True"):
        kcs.zoo.download("tiny", "onnx", server.address, out=out)
    assert path.read_bytes() == b"mine"
    kcs.zoo.download("tiny", "onnx", server.address, out=out, overwrite=True)
    assert path.read_bytes() == CONTENT["encoder.onnx"]


def test_a_cache_that_may_only_be_read_still_gives(server, cache):
    path = kcs.zoo.download("tiny", "onnx", server.address)
    (memory,) = cache.rglob(".zoo.json")
    memory.unlink()
    folder = memory.parent
    folder.chmod(0o500)
    try:
        assert kcs.zoo.download("tiny", "onnx", server.address) == path
    finally:
        folder.chmod(0o700)
    assert os.access(path, os.R_OK)
