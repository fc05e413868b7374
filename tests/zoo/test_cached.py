"""What the cache holds, and what is removed from it."""

import hashlib
import json
import os
import time

import pytest

import keras_center_ssl as kcs
from keras_center_ssl.locks import locked

DAY = 24 * 3600


def write_zoo(folder, *names):
    data = b"card" * 100
    file = {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    for name in names:
        (folder / name).mkdir(parents=True)
        (folder / name / "README.md").write_bytes(data)
    models = {name: {"files": {"README.md": file}} for name in names}
    (folder / "index.json").write_text(json.dumps({"schema_version": 1, "models": models}))
    return folder


@pytest.fixture
def cache(tmp_path):
    """A cache with three encoders of two zoos; `old` was last used 40 days ago."""
    cache = tmp_path / "cache"
    one, two = write_zoo(tmp_path / "one", "new", "old"), write_zoo(tmp_path / "two", "new")
    for source, name in ((one, "old"), (one, "new"), (two, "new")):
        kcs.zoo.download(name, source=source, cache_dir=cache)
    (old,) = cache.glob("*/old")
    os.utime(old, (time.time() - 40 * DAY,) * 2)
    return cache


def names(entries):
    return [entry.name for entry in entries]


def test_the_list(cache):
    entries = kcs.zoo.list_cached(cache)
    assert names(entries) == ["new", "new", "old"]
    assert all(entry.size == 400 and entry.unfinished == 0 for entry in entries)
    assert time.time() - entries[2].used > 39 * DAY
    (entries[0].path / "encoder.onnx.part").write_bytes(b"half")
    unfinished = [entry for entry in kcs.zoo.list_cached(cache) if entry.unfinished]
    assert [(entry.size, entry.unfinished) for entry in unfinished] == [(404, 4)]
    assert kcs.zoo.list_cached(cache / "absent") == []


def test_use_is_noted(cache, tmp_path):
    kcs.zoo.download("old", source=tmp_path / "one", cache_dir=cache)
    assert time.time() - max(e.used for e in kcs.zoo.list_cached(cache) if e.name == "old") < DAY


@pytest.mark.parametrize(
    "options, left",
    [
        ({"name": "old"}, ["new", "new"]),
        ({"name": "new"}, ["old"]),
        ({"older_than": 30}, ["new", "new"]),
        ({"older_than": 50}, ["new", "new", "old"]),
        ({"name": "new", "older_than": 30}, ["new", "new", "old"]),
        ({"everything": True}, []),
    ],
)
def test_what_is_removed(cache, options, left):
    named = kcs.zoo.prune_cache(**options, dry_run=True, cache_dir=cache)
    assert len(kcs.zoo.list_cached(cache)) == 3
    removed = kcs.zoo.prune_cache(**options, cache_dir=cache)
    assert removed == named and len(removed) == 3 - len(left)
    assert names(kcs.zoo.list_cached(cache)) == left
    if not left:
        assert list(cache.iterdir()) == []


def test_nothing_else_is_removed(cache, tmp_path):
    mine = [cache / "letters" / "old" / "a.txt", cache / "letter.txt"]
    for path in mine:
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_text("mine")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "a.txt").touch()
    (next(cache.glob("*one*")) / "link").symlink_to(tmp_path / "elsewhere")
    kcs.zoo.prune_cache(everything=True, cache_dir=cache)
    assert all(path.exists() for path in [*mine, tmp_path / "elsewhere" / "a.txt"])


def test_an_encoder_that_is_being_downloaded_stays(cache):
    (old,) = cache.glob("*/old")
    with locked(old.with_name(".old.lock"), "it"):
        assert kcs.zoo.prune_cache("old", cache_dir=cache) == []
    assert names(kcs.zoo.prune_cache("old", cache_dir=cache)) == ["old"]


@pytest.mark.parametrize(
    "options, message",
    [
        ({}, "not said what to remove"),
        ({"name": "odl"}, "Did you mean 'old'"),
        ({"older_than": -1}, "from 0 on"),
    ],
)
def test_bad_use(cache, options, message):
    with pytest.raises(kcs.InputError, match=message):
        kcs.zoo.prune_cache(**options, cache_dir=cache)


def test_an_empty_cache(tmp_path):
    with pytest.raises(kcs.InputError, match="cache is empty"):
        kcs.zoo.prune_cache("old", cache_dir=tmp_path)
    assert kcs.zoo.prune_cache(everything=True, cache_dir=tmp_path) == []
