"""Features and their images, through files and back."""

import json

import numpy as np
import pytest

import keras_center_ssl as kcs
from keras_center_ssl.embedded import Embedded

WHOLE = Embedded(
    np.arange(12, dtype="float32").reshape(4, 3),
    ("a/1.png", "a/2.png", "b/写真.png", "b/\udcff.png"),
    np.array([0, 0, 1, 1], "int32"),
    ("a", "b"),
    {"a/broken.png": "damaged"},
    "photos",
    "train",
)
BARE = Embedded(np.ones((3, 2), "float32"))
SUFFIXES = ["npz", "parquet"]


def path(tmp_path, suffix):
    if suffix == "parquet":
        pytest.importorskip("pyarrow", reason="pyarrow (extra `parquet`) is not installed")
    return tmp_path / f"z.{suffix}"


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_what_is_saved_is_loaded(tmp_path, suffix):
    file = path(tmp_path, suffix)
    whole = Embedded(WHOLE.features, (*WHOLE.paths[:3], "c"), *list(vars(WHOLE).values())[2:])
    for saved in (whole, BARE):
        saved.save(file)
        found = Embedded.load(file)
        np.testing.assert_array_equal(found.features, saved.features)
        assert found.features.dtype == np.float32
        assert (found.paths, found.class_names) == (saved.paths, saved.class_names)
        assert (found.source, found.split) == (saved.source, saved.split)
        assert found.skipped == saved.skipped
        if saved.labels is None:
            assert found.labels is None
        else:
            assert found.labels.tolist() == saved.labels.tolist()


def test_parquet_is_a_table_of_columns(tmp_path):
    file = path(tmp_path, "parquet")
    WHOLE.save(file)
    import pyarrow.parquet

    table = pyarrow.parquet.read_table(file)
    assert table.column_names == ["path", "label", "class_name", "features"]
    assert table["class_name"].to_pylist() == ["a", "a", "b", "b"]
    assert table["features"].to_pylist()[1] == [3.0, 4.0, 5.0]
    assert table["path"].to_pylist()[3] == "b/\\udcff.png", "bytes that are no UTF-8 are shown"
    about = json.loads(table.schema.metadata[b"keras_center_ssl"])
    assert about["skipped"] == {"a/broken.png": "damaged"} and about["source"] == "photos"


def test_rows_have_names_and_labels():
    assert (WHOLE.name(2), WHOLE.label(2)) == ("b/写真.png", "b")
    assert (BARE.name(2), BARE.label(2)) == ("image 2", None)
    numbered = Embedded(BARE.features, labels=np.array([7, 8, 9]))
    assert numbered.label(1) == 8
    assert Embedded(BARE.features, labels=np.eye(3)).label(1) is None


def test_files_of_others_give_their_features(tmp_path, rng):
    z = rng.normal(size=(5, 2))
    np.save(tmp_path / "z.npy", z)
    np.savez(tmp_path / "one.npz", anything=z)
    np.savez(tmp_path / "named.npz", embeddings=z, other=z)
    for name in ("z.npy", "one.npz", "named.npz"):
        np.testing.assert_array_equal(Embedded.load(tmp_path / name).features, z)


@pytest.mark.parametrize("name", ["z.npz", "z.npy", "z.parquet"])
def test_damaged_files_are_named(tmp_path, name):
    path(tmp_path, name.partition(".")[2])
    (tmp_path / name).write_bytes(b"\x80\x04nothing")
    with pytest.raises(kcs.InputError, match=f"{name}' cannot be read as a file of features"):
        Embedded.load(tmp_path / name)


def test_what_holds_no_features_is_named(tmp_path):
    with pytest.raises(kcs.InputError, match=r"There is no file.*center-ssl embed"):
        Embedded.load(tmp_path / "z.npz")
    np.savez(tmp_path / "z.npz", a=np.ones(3), b=np.ones(3))
    with pytest.raises(kcs.InputError, match="holds a, b, and no `features`"):
        Embedded.load(tmp_path / "z.npz")
    np.savez(tmp_path / "z.npz", features=np.ones(3))
    with pytest.raises(kcs.InputError, match=r"have the shape \(3,\)"):
        Embedded.load(tmp_path / "z.npz")


def test_parquet_says_what_it_needs(tmp_path, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(kcs.MissingExtra, match=r"keras-center-ssl\[parquet\]"):
        BARE.save(tmp_path / "z.parquet")
    assert not list(tmp_path.iterdir())
