"""`center-ssl zoo ...` in one process: options, JSON, errors in the words of the command line."""

import hashlib
import json

import pytest
import typer.testing

import keras_center_ssl as kcs
from keras_center_ssl.cli.option_words import in_options
from keras_center_ssl.cli.zoo import zoo_app
from tests.helpers.zoos import bundle

LONG = "an-encoder-with-a-long-name-that-no-narrow-terminal-can-show-in-a-column-of-a-table-of-it"


@pytest.fixture(scope="module")
def zoo(tmp_path_factory):
    folder = tmp_path_factory.mktemp("zoos")
    kcs.zoo.publish(bundle(folder / "bundle"), folder / "zoo", name=LONG)
    return folder / "zoo"


@pytest.fixture
def run(monkeypatch, tmp_path):
    """Runs a command; returns what it printed, or the text of its error."""
    monkeypatch.setenv("KERAS_CENTER_SSL_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("KERAS_CENTER_SSL_OFFLINE", "0")
    monkeypatch.setenv("COLUMNS", "40")

    def run(*words):
        result = typer.testing.CliRunner().invoke(zoo_app, [*map(str, words)])
        if isinstance(result.exception, kcs.InputError):
            return str(result.exception)
        assert result.exit_code == 0, result.output
        return result.stdout

    return run


def test_names_are_never_cut_in_a_pipe(run, zoo):
    (line,) = [line for line in run("list", "--source", zoo).splitlines() if "SimSiam" in line]
    assert line.startswith(f"{LONG}  SimSiam") and line.endswith("healthy")


def test_json(run, zoo, tmp_path):
    (entry,) = json.loads(run("list", "--source", zoo, "--json"))
    assert entry["name"] == LONG and entry["formats"] == ["onnx"]
    assert json.loads(run("show", LONG, "--source", zoo, "--json")) == entry
    told = json.loads(run("download", LONG, "--source", zoo, "--format", "onnx", "--json"))
    assert told["path"].endswith("encoder.onnx") and told["knn_accuracy"] == 0.75
    digest = hashlib.sha256((zoo / "index.json").read_bytes()).hexdigest()
    verified = json.loads(run("verify", "--source", zoo, "--json"))
    assert verified == {"index_sha256": digest, "problems": {LONG: []}}
    (cached,) = json.loads(run("cache", "list", "--json"))
    assert cached["name"] == LONG and cached["size"] > 1000
    (removed,) = json.loads(run("cache", "prune", "--all", "--json"))
    assert removed == cached
    assert json.loads(run("cache", "list", "--json")) == []


def test_a_download_to_a_folder(run, zoo, tmp_path):
    out = tmp_path / "out"
    options = ("download", LONG, "--source", zoo, "--format", "onnx", "--out", out)
    assert run(*options).strip() == str(out / "encoder.onnx")
    (out / "encoder.onnx").write_bytes(b"mine")
    assert run(*options).endswith("pass --overwrite to replace it.")
    assert run(*options, "--overwrite").strip() == str(out / "encoder.onnx")


def test_the_cache_in_words(run, zoo):
    run("download", LONG, "--source", zoo)
    assert LONG in run("cache", "list")
    assert "Would remove 1 encoder(s)" in run("cache", "prune", LONG, "--dry-run")
    assert "Removed 0 encoder(s)" in run("cache", "prune", "--older-than", "3")
    assert "pass --older-than (days) or --all." in run("cache", "prune")
    assert "Removed 1 encoder(s)" in run("cache", "prune", "--all")


def test_pinned_and_offline(run, zoo):
    digest = hashlib.sha256((zoo / "index.json").read_bytes()).hexdigest()
    assert LONG in run("list", "--source", zoo, "--index-sha256", digest)
    assert "demanded (--index-sha256)" in run("list", "--source", zoo, "--index-sha256", "0" * 64)
    assert "--index-sha256 is a SHA-256" in run("list", "--source", zoo, "--index-sha256", "x")
    answer = run("list", "--source", "http://127.0.0.1:9/zoo", "--offline")
    assert answer.startswith("The cache has no 'index.json'") and "--offline" in answer


def test_publishing(run, zoo, tmp_path):
    sick = bundle(tmp_path / "sick", collapse={"verdict": "complete_collapse"})
    target = tmp_path / "zoo"
    assert "say why with --accept-unhealthy, and" in run("publish", sick, "--zoo", target)
    run("publish", sick, "--zoo", target, "--accept-unhealthy", "For a lecture.")
    assert "For a lecture." in run("show", "tiny", "--source", target)
    again = ("publish", sick, "--zoo", target, "--accept-unhealthy", "For a lecture.")
    assert "another --name, or --overwrite to replace it." in run(*again)
    assert "Published as tiny" in run(*again, "--overwrite")


@pytest.mark.parametrize(
    "words, part",
    [
        (("list", "--source", "/no/such/zoo"), "no such folder"),
        (("list", "--source", "."), "another zoo with --source."),
        (("download", "absent", "--source", "ZOO"), "Unknown encoder"),
        (("list", "--source", "http://127.0.0.1:9/", "--timeout", "0"), "--timeout is a number"),
        (("publish", "/no/such/bundle", "--zoo", "ZOO"), "no such folder"),
        (("site", "--out", "ZOO/site", "--zoo", "ZOO"), "lie in each other"),
    ],
)
def test_errors_speak_of_options(run, zoo, words, part, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = run(*(word.replace("ZOO", str(zoo)) for word in words))
    assert part in text
    assert not any(f"{name}=" in text for name in ("source", "timeout", "name", "cache_dir"))


def test_arguments_become_options_and_other_text_stays():
    options = {"name": "--name", "cache_dir": "--cache-dir", "overwrite": "--overwrite"}
    for text, expected in (
        ("Pass name=, or overwrite=True to replace", "Pass --name, or --overwrite to replace"),
        ("another cache with cache_dir= or X.", "another cache with --cache-dir or X."),
        ("pass `name=`.", "pass --name."),
        ("the file 'name=' and rename= it", "the file 'name=' and rename= it"),
        ("kcs.load(name='a', other=)", "kcs.load(name='a', other=)"),
    ):
        assert in_options(text, options) == expected
    assert in_options("name=", {}) == "name="
