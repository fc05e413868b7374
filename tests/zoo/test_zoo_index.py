import hashlib
import json
import subprocess
import sys

import pytest

import keras_center_ssl as kcs
from keras_center_ssl.zoo import sources

FILE = {"size": 3, "sha256": "0" * 64}
ENTRY = {
    "method": "SimSiam",
    "dataset": "noise",
    "encoder": "tiny",
    "feature_dim": 4,
    "input_shape": [8, 8, 3],
    "knn_accuracy": 0.5,
    "verdict": "healthy",
    "license": "mit",
    "files": {"README.md": FILE, "encoder.onnx": FILE, "saved_model/saved_model.pb": FILE},
}


def write_zoo(folder, models, version=1):
    folder.mkdir(exist_ok=True)
    text = (
        models
        if isinstance(models, str)
        else json.dumps({"schema_version": version, "models": models})
    )
    (folder / "index.json").write_text(text)
    return folder


def test_entries_say_what_they_are(tmp_path):
    (later, first) = kcs.zoo.list_models(
        write_zoo(tmp_path, {"b-bare": {"files": {"encoder.keras": FILE}}, "a-full": ENTRY})
    )[::-1]
    assert first.name == "a-full" and first.input_shape == (8, 8, 3) and first.knn_accuracy == 0.5
    assert first.formats == ("onnx", "saved_model") and first.size == 9
    assert repr(first) == (
        "<a-full: SimSiam, tiny, noise, (8, 8, 3) -> 4, k-NN 0.500, healthy, onnx+saved_model, "
        "0.0 MB>"
    )
    assert later.method is None and repr(later) == "<b-bare: keras, 0.0 MB>"


def with_file(path, record=FILE):
    return {"m": {"files": {path: record}}}


@pytest.mark.parametrize(
    "path",
    [
        "/etc/passwd",
        "../other/file",
        "a/../../file",
        "a/./b",
        "a//b",
        "",
        "a/",
        "C:/windows",
        "c:file",
        "a\\..\\b",
        "\\\\host\\share",
        "nul\0byte",
        "line\nbreak",
        "dots./x",
        "x ",
        "encoder.onnx.part",
    ],
)
def test_paths_that_could_leave_the_cache_are_refused(tmp_path, path):
    with pytest.raises(kcs.InputError, match="could leave its folder"):
        kcs.zoo.list_models(write_zoo(tmp_path, with_file(path)))


@pytest.mark.parametrize("name", ["..", ".", "../up", "a/b", "", ".hidden", "a b", "C:", "a..b"])
def test_names_that_are_no_folder_names_are_refused(tmp_path, name):
    with pytest.raises(kcs.InputError, match="the name"):
        kcs.zoo.list_models(write_zoo(tmp_path, {name: ENTRY}))


@pytest.mark.parametrize(
    ("models", "message"),
    [
        ("{not json", "no valid JSON"),
        ("[1, 2]", "schema_version"),
        ("[" * 100_000, "no valid JSON"),
        ('{"schema_version": 1}', "no object 'models'"),
        ({"m": {"files": []}}, "no object 'files'"),
        ({"m": 3}, "no object 'files'"),
        ({"m": {**ENTRY, "feature_dim": "4"}}, "feature_dim = '4'"),
        ({"m": {**ENTRY, "input_shape": ["a"]}}, "input_shape"),
        ({"m": {**ENTRY, "verdict": "\x1b[2J"}}, "control characters"),
        (with_file("f", {"size": -1, "sha256": "0" * 64}), "size -1"),
        (with_file("f", {"size": True, "sha256": "0" * 64}), "size True"),
        (with_file("f", {"size": 1, "sha256": "0" * 63}), "not 64 hex digits"),
        (with_file("f", None), "size None"),
        ({"m": {"files": {"a": FILE, "a/b": FILE}}}, "as a file and as a folder"),
    ],
)
def test_invalid_indexes_are_refused(tmp_path, models, message):
    with pytest.raises(kcs.InputError, match=message.replace("[", r"\[")):
        kcs.zoo.list_models(write_zoo(tmp_path, models))


def test_other_schema_versions_are_refused(tmp_path):
    with pytest.raises(kcs.InputError, match=r"schema_version 2; this version .* reads 1"):
        kcs.zoo.list_models(write_zoo(tmp_path, {}, version=2))


def test_source_resolution(tmp_path, monkeypatch):
    named = write_zoo(tmp_path / "named", {"named": ENTRY})
    variable = write_zoo(tmp_path / "variable", {"variable": ENTRY})
    checkout = write_zoo(tmp_path / "checkout", {"checkout": ENTRY})
    monkeypatch.setattr(sources, "_checkout_zoo", lambda: checkout)
    monkeypatch.setenv("KERAS_CENTER_SSL_ZOO", str(variable))
    assert [entry.name for entry in kcs.zoo.list_models(named)] == ["named"]
    assert [entry.name for entry in kcs.zoo.list_models()] == ["variable"]
    monkeypatch.delenv("KERAS_CENTER_SSL_ZOO")
    assert [entry.name for entry in kcs.zoo.list_models()] == ["checkout"]
    monkeypatch.setattr(sources, "_checkout_zoo", lambda: None)
    with pytest.raises(kcs.InputError, match=r"source= .*KERAS_CENTER_SSL_ZOO"):
        kcs.zoo.list_models()


def test_the_checkout_zoo_is_only_that_of_a_checkout(tmp_path, monkeypatch):
    package = tmp_path / "keras_center_ssl" / "zoo" / "sources.py"
    monkeypatch.setattr(sources, "__file__", str(package))
    (tmp_path / "zoo").mkdir()
    assert sources._checkout_zoo() is None  # site-packages: somebody else's zoo/
    (tmp_path / "setup.cfg").touch()
    assert sources._checkout_zoo() == (tmp_path / "zoo").resolve()


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("no/such/folder", "no such folder"),
        ("s3://bucket/zoo", "unknown scheme 's3'"),
        ("file:///tmp", "unknown scheme 'file'"),
        ("http://", "not usable"),
        ("https://host/zoo?x=1", "not usable"),
        ("hf://only-owner", "hf://owner/repo"),
        ("hf://a/b/c", "hf://owner/repo"),
    ],
)
def test_sources_that_are_no_zoo(source, message):
    with pytest.raises(kcs.InputError, match=message):
        kcs.zoo.list_models(source)


def test_a_folder_without_an_index_is_no_zoo(tmp_path):
    with pytest.raises(kcs.InputError, match=r"no index\.json"):
        kcs.zoo.list_models(tmp_path)


def test_listing_and_downloading_import_no_numpy_and_no_keras(tmp_path):
    empty = {"size": 0, "sha256": hashlib.sha256(b"").hexdigest()}
    zoo = write_zoo(tmp_path / "zoo", with_file("README.md", empty))
    (zoo / "m").mkdir()
    (zoo / "m" / "README.md").touch()
    program = (
        "import sys\nfor name in ('numpy', 'keras', 'tensorflow'): sys.modules[name] = None\n"
        "import keras_center_ssl as kcs\n"
        "assert [e.name for e in kcs.zoo.list_models(sys.argv[1])] == ['m']\n"
        "print(kcs.zoo.download('m', source=sys.argv[1], cache_dir=sys.argv[2]))\n"
        "assert kcs.zoo.verify(source=sys.argv[1]) == {'m': []}\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", program, str(zoo), str(tmp_path / "cache")],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "cache") in type(tmp_path)(result.stdout.strip()).parents
