import hashlib
import json
import os
import re

import keras
import numpy as np
import pytest
from keras import layers

import keras_center_ssl as kcs


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    encoder = keras.Sequential([keras.Input((8, 8, 1)), layers.Flatten(), layers.Dense(5)])
    encoder.name = "dense"
    return kcs.export.export_bundle(
        encoder,
        tmp_path_factory.mktemp("publish") / "dense-noise",
        metrics={"knn_accuracy": {"trained": 0.75, "raw_pixels": 0.5}},
        metadata={"method": "SimCLR", "dataset": "noise", "license": "mit"},
    )


@pytest.fixture
def small(tmp_path):
    """The least that is a bundle, made by hand."""
    folder = tmp_path / "small"
    folder.mkdir()
    (folder / "README.md").write_text("# small")
    (folder / "metrics.json").write_text('{"name": "small", "license": "mit"}')
    (folder / "encoder.onnx").write_bytes(b"onnx")
    return folder


def tree(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_published_listed_verified_loaded(bundle, tmp_path):
    zoo, cache = tmp_path / "zoo", tmp_path / "cache"
    entry = kcs.zoo.publish(bundle, zoo)
    assert kcs.zoo.list_models(zoo) == [entry]
    assert (entry.name, entry.method, entry.dataset, entry.license) == (
        "dense-noise",
        "SimCLR",
        "noise",
        "mit",
    )
    assert (entry.feature_dim, entry.input_shape, entry.knn_accuracy) == (5, (8, 8, 1), 0.75)
    assert entry.formats == ("keras", "onnx", "saved_model")
    assert tree(zoo / "dense-noise") == tree(bundle)
    assert {p: (f.size, f.sha256) for p, f in entry.files.items()} == {
        path: (len(data), hashlib.sha256(data).hexdigest()) for path, data in tree(bundle).items()
    }
    assert kcs.zoo.verify(source=zoo) == {"dense-noise": []}
    for path in (zoo / "dense-noise").rglob("*"):
        assert path.stat().st_mode & 0o777 == (0o755 if path.is_dir() else 0o644)
    assert {path.name for path in zoo.iterdir()} == {"index.json", "dense-noise"}

    images = np.random.default_rng(0).random((3, 8, 8, 1), dtype="float32")
    model = kcs.zoo.load("dense-noise", zoo, cache)
    original = keras.saving.load_model(bundle / "encoder.keras")
    np.testing.assert_array_equal(
        model.predict(images, verbose=0), original.predict(images, verbose=0)
    )
    assert kcs.zoo.show("dense-noise", zoo, cache) == (bundle / "README.md").read_text()


def test_entries_are_added_and_replaced(small, tmp_path):
    zoo = tmp_path / "zoo"
    kcs.zoo.publish(small, zoo)
    kcs.zoo.publish(small, zoo, name="again")
    assert [entry.name for entry in kcs.zoo.list_models(zoo)] == ["again", "small"]
    (small / "encoder.onnx").write_bytes(b"better")
    before = tree(zoo)
    with pytest.raises(kcs.InputError, match="has an encoder 'small' already"):
        kcs.zoo.publish(small, zoo)
    assert tree(zoo) == before
    kcs.zoo.publish(small, zoo, overwrite=True)
    assert (zoo / "small" / "encoder.onnx").read_bytes() == b"better"
    assert (zoo / "again" / "encoder.onnx").read_bytes() == b"onnx"
    assert kcs.zoo.verify(source=zoo) == {"again": [], "small": []}


def test_a_failure_leaves_the_zoo_as_it_was(small, tmp_path, monkeypatch):
    zoo = tmp_path / "zoo"
    kcs.zoo.publish(small, zoo)
    before = tree(zoo)
    (small / "encoder.onnx").write_bytes(b"better")
    replace = os.replace

    def broken(source, target):
        if str(target).endswith("index.json"):
            raise OSError("disk full")
        replace(source, target)

    monkeypatch.setattr(os, "replace", broken)
    for options in ({"overwrite": True}, {"name": "other"}):
        with pytest.raises(OSError, match="disk full"):
            kcs.zoo.publish(small, zoo, **options)
        assert tree(zoo) == before
        assert {path.name for path in zoo.iterdir()} == {"index.json", "small"}


def test_what_is_no_bundle_is_refused(small, tmp_path):
    zoo = tmp_path / "zoo"

    def refused(message, bundle=small, **options):
        with pytest.raises(kcs.InputError, match=re.escape(message)):
            kcs.zoo.publish(bundle, zoo, **options)
        assert not zoo.exists()

    refused("no such folder", tmp_path / "absent")
    for name in ("../up", "a/b", "", ".hidden", 3):
        refused("unfit for a zoo", name=name)
    (small / "link").symlink_to(tmp_path)
    refused("'link'")
    (small / "link").unlink()
    (small / "back\\slash").touch()
    refused("a name that a zoo does not accept")
    (small / "back\\slash").unlink()
    (small / "encoder.onnx").unlink()
    refused("no encoder in any format")
    (small / "encoder.onnx").touch()
    (small / "README.md").unlink()
    refused("no README.md")
    (small / "README.md").touch()
    (small / "metrics.json").write_text("{")
    refused("no valid JSON")


def test_a_zoo_with_a_broken_index_is_not_built_upon(small, tmp_path):
    zoo = tmp_path / "zoo"
    zoo.mkdir()
    (zoo / "index.json").write_text("{broken")
    with pytest.raises(kcs.InputError, match="no valid JSON"):
        kcs.zoo.publish(small, zoo)
    assert tree(zoo) == {"index.json": b"{broken"}


def test_a_record_with_impossible_fields_is_not_published(small, tmp_path):
    (small / "metrics.json").write_text(
        json.dumps({"name": "small", "license": "mit", "feature_dim": "many"})
    )
    with pytest.raises(kcs.InputError, match="feature_dim = 'many'"):
        kcs.zoo.publish(small, tmp_path / "zoo")
    assert list((tmp_path / "zoo").iterdir()) == []


def test_a_file_that_keras_cannot_load(small, tmp_path):
    (small / "encoder.keras").write_bytes(b"not a Keras file")
    kcs.zoo.publish(small, tmp_path / "zoo")
    with pytest.raises(kcs.InputError, match="cannot load the encoder 'small'"):
        kcs.zoo.load("small", tmp_path / "zoo", tmp_path / "cache")


def test_what_people_have_to_know_must_not_be_missing(small, tmp_path):
    def with_record(**record):
        (small / "metrics.json").write_text(json.dumps({"name": "small", **record}))

    for license in (None, "", " ", 3):
        with_record(license=license)
        with pytest.raises(kcs.InputError, match="under which licence"):
            kcs.zoo.publish(small, tmp_path / "zoo")
        with pytest.raises(kcs.InputError, match="under which licence"):
            kcs.zoo.publish(small, tmp_path / "zoo", accept_unhealthy="it is for a lecture")
    with_record(license="mit", collapse={"verdict": "dimensional_collapse"})
    with pytest.raises(kcs.InputError, match=r"'dimensional collapse', and not 'healthy'.*accept_"):
        kcs.zoo.publish(small, tmp_path / "zoo")
    for reason in ("", "  ", "two\nlines", "\x1b[2J", 3):
        with pytest.raises(kcs.InputError, match="accept_unhealthy= is the reason"):
            kcs.zoo.publish(small, tmp_path / "zoo", accept_unhealthy=reason)
    assert not (tmp_path / "zoo").exists()


def test_the_card_shows_why_a_verdict_was_accepted(small, tmp_path):
    content = {"name": "small", "license": "mit", "collapse": {"verdict": "cluster_collapse"}}
    (small / "metrics.json").write_text(json.dumps(content))
    (small / "README.md").write_text("---\nlicense: mit\n---\n\n# small\n\nText.\n")
    zoo = tmp_path / "zoo"
    entry = kcs.zoo.publish(small, zoo, accept_unhealthy="It shows what a collapse is.")
    assert entry.verdict == "cluster_collapse"
    card = kcs.zoo.show("small", zoo, tmp_path / "cache")
    note = "> Published although its collapse verdict is **cluster collapse**: It shows what"
    assert f"# small\n\n{note}" in card and card.endswith("Text.\n")
    record = json.loads((zoo / "small" / "metrics.json").read_text())
    assert record == {**content, "accepted_unhealthy": "It shows what a collapse is."}
    assert kcs.zoo.verify(source=zoo) == {"small": []}
    (small / "metrics.json").write_text(json.dumps({**content, "collapse": {"verdict": "healthy"}}))
    kcs.zoo.publish(small, zoo, name="well", accept_unhealthy="There is nothing to accept.")
    assert "nothing to accept" not in kcs.zoo.show("well", zoo, tmp_path / "cache")
    (small / "metrics.json").write_text(json.dumps(content))
    # The bundle is as it was, and a copy of the entry can be published without saying it again.
    assert json.loads((small / "metrics.json").read_text()) == content
    kcs.zoo.publish(zoo / "small", tmp_path / "other")
    kcs.zoo.build_site(tmp_path / "site", zoo)
    assert (
        "It shows what a collapse is." in (tmp_path / "site" / "small" / "index.html").read_text()
    )
