import functools
import hashlib
import http.server
import json
import os
import subprocess
import sys
import threading

import pytest

import keras_center_ssl as kcs
from keras_center_ssl.zoo import fetch as zoo_fetch
from keras_center_ssl.zoo.cache import cache_folder
from keras_center_ssl.zoo.sources import open_zoo

CONTENT = {
    "README.md": b"# A card\n",
    "metrics.json": b"{}\n",
    "encoder.onnx": bytes(range(256)) * 400,
    "saved_model/saved_model.pb": b"graph",
    "saved_model/variables/variables.index": b"index",
}


def write_zoo(folder, content=CONTENT, name="tiny"):
    files = {}
    for path, data in content.items():
        (folder / name / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / name / path).write_bytes(data)
        files[path] = {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    index = {"schema_version": 1, "models": {name: {"files": files}}}
    (folder / "index.json").write_text(json.dumps(index))
    return folder


class Handler(http.server.SimpleHTTPRequestHandler):
    """Serves a folder, with ranges where `server.ranges`, and breaks as `server.faults` tells.

    `faults` maps the end of a path to a list of actions, one taken per request: a number closes the
    connection after that many bytes, "503" answers so, "other range" begins at another byte.
    """

    def do_GET(self):
        self.server.requests.append((self.path, self.headers.get("Range")))
        action = next(
            (f.pop(0) for end, f in self.server.faults.items() if self.path.endswith(end) and f),
            None,
        )
        if action == "503":
            return self.send_error(503)
        if action == "403":
            return self.send_error(403)
        try:
            with open(self.translate_path(self.path), "rb") as file:
                data = file.read()
        except OSError:
            return self.send_error(404)
        begin = 0
        if self.server.ranges and self.headers.get("Range"):
            begin = int(self.headers["Range"].removeprefix("bytes=").removesuffix("-"))
            if begin >= len(data):
                return self.send_error(416)
            begin += 1 if action == "other range" else 0
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {begin}-{len(data) - 1}/{len(data)}")
        else:
            self.send_response(200)
        data = data[begin:]
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data[:action] if isinstance(action, int) else data)
        return None

    def log_message(self, *_):
        pass


@pytest.fixture(params=[True, False], ids=["ranges", "no ranges"])
def server(request, tmp_path):
    folder = write_zoo(tmp_path / "zoo")
    with http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(Handler, directory=str(folder))
    ) as server:
        server.ranges, server.faults, server.requests = request.param, {}, []
        server.folder, server.address = folder, f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch):
    monkeypatch.setattr(zoo_fetch, "PAUSE", 0)


@pytest.fixture
def cache(tmp_path):
    return tmp_path / "cache"


def files_in(folder):
    """All files, except what the cache remembers of zoos on the network."""
    return sorted(p for p in folder.rglob("*") if not p.is_dir() and p.name != ".zoo.json")


@pytest.mark.parametrize("behind", ["folder", "http"])
def test_a_bundle_a_file_a_folder_a_card(server, cache, behind):
    source = server.folder if behind == "folder" else server.address + "/"
    seen = []
    path = kcs.zoo.download(
        "tiny", "onnx", source, cache, progress=lambda *state: seen.append(state)
    )
    assert path.name == "encoder.onnx" and path.read_bytes() == CONTENT["encoder.onnx"]
    assert files_in(cache) == [path]  # that file alone, and no .part
    assert seen[-1] == ("tiny/encoder.onnx", 102400, 102400)
    model = kcs.zoo.download("tiny", "saved_model", source, cache)
    assert model.name == "saved_model" and len(files_in(model)) == 2
    for everything in (None, "all"):
        folder = kcs.zoo.download("tiny", everything, source, cache)
        assert {
            file.relative_to(folder).as_posix(): file.read_bytes() for file in files_in(folder)
        } == CONTENT
    assert kcs.zoo.show("tiny", source, cache) == "# A card\n"
    assert kcs.zoo.verify(source=source) == {"tiny": []}


def test_a_cached_file_is_not_fetched_again_and_a_damaged_one_is(server, cache):
    path = kcs.zoo.download("tiny", "onnx", server.address, cache)
    server.requests.clear()
    assert kcs.zoo.download("tiny", "onnx", server.address, cache) == path
    assert [request[0] for request in server.requests] == ["/index.json"]
    path.write_bytes(b"x" * len(CONTENT["encoder.onnx"]))
    kcs.zoo.download("tiny", "onnx", server.address, cache)
    assert path.read_bytes() == CONTENT["encoder.onnx"]


def test_a_broken_transfer_is_resumed(server, cache):
    server.faults["encoder.onnx"] = [1000, "503", 70_000]
    path = kcs.zoo.download("tiny", "onnx", server.address, cache)
    assert path.read_bytes() == CONTENT["encoder.onnx"]
    ranges = [r for name, r in server.requests if name.endswith("onnx")]
    assert ranges[:3] == [None, "bytes=1000-", "bytes=1000-"]
    if server.ranges:
        assert ranges[3] == "bytes=71000-"
    assert files_in(cache) == [path]


def test_a_later_call_goes_on_where_the_first_gave_up(server, cache):
    server.faults["encoder.onnx"] = [1000] + ["503"] * zoo_fetch.TRIES
    with pytest.raises(kcs.InputError, match=r"broke off.*1000 of 102400 bytes are kept"):
        kcs.zoo.download("tiny", "onnx", server.address, cache)
    assert [path.name for path in files_in(cache)] == ["encoder.onnx.part"]
    server.requests.clear()
    path = kcs.zoo.download("tiny", "onnx", server.address, cache)
    assert server.requests[1] == ("/tiny/encoder.onnx", "bytes=1000-")
    assert path.read_bytes() == CONTENT["encoder.onnx"] and files_in(cache) == [path]


@pytest.mark.parametrize("stale", [b"of another version", b"y" * 102_400, b"z" * 200_000])
def test_a_stale_part_is_started_anew(server, cache, stale):
    path = kcs.zoo.download("tiny", "onnx", server.address, cache)
    path.unlink()
    path.with_name("encoder.onnx.part").write_bytes(stale)
    assert kcs.zoo.download("tiny", "onnx", server.address, cache) == path
    assert path.read_bytes() == CONTENT["encoder.onnx"] and files_in(cache) == [path]


def test_another_range_than_asked_for_is_not_taken(server, cache):
    server.ranges = True
    server.faults["encoder.onnx"] = [1000, "other range"]
    path = kcs.zoo.download("tiny", "onnx", server.address, cache)
    assert path.read_bytes() == CONTENT["encoder.onnx"]


@pytest.mark.parametrize("behind", ["folder", "http"])
@pytest.mark.parametrize("damage", ["changed", "longer"])
def test_a_wrong_file_is_refused_and_leaves_nothing(server, cache, behind, damage):
    file = server.folder / "tiny" / "encoder.onnx"
    data = CONTENT["encoder.onnx"]
    file.write_bytes(data + b"!" if damage == "longer" else b"!" + data[1:])
    source = server.folder if behind == "folder" else server.address
    with pytest.raises(kcs.InputError, match=r"size and SHA-256 .* not kept"):
        kcs.zoo.download("tiny", "onnx", source, cache)
    assert not cache.exists() or list(cache.iterdir()) == []
    (problem,) = kcs.zoo.verify("tiny", source)["tiny"]
    assert problem.startswith("encoder.onnx: ")
    assert ("102401 bytes" if damage == "longer" else "SHA-256") in problem


def test_a_file_that_stays_short_is_refused(server, cache):
    (server.folder / "tiny" / "encoder.onnx").write_bytes(CONTENT["encoder.onnx"][:-1])
    with pytest.raises(kcs.InputError, match="broke off"):
        kcs.zoo.download("tiny", "onnx", server.address, cache)
    assert not any(path.name == "encoder.onnx" for path in files_in(cache))


def test_missing_and_forbidden_files(server, cache):
    (server.folder / "tiny" / "README.md").unlink()
    with pytest.raises(kcs.InputError, match=r"lacks 'tiny/README\.md'"):
        kcs.zoo.show("tiny", server.address, cache)
    server.faults["encoder.onnx"] = ["403"]
    with pytest.raises(kcs.InputError, match="403"):
        kcs.zoo.download("tiny", "onnx", server.address, cache)
    assert files_in(cache) == []
    assert kcs.zoo.verify(source=server.address)["tiny"][0].startswith("README.md: ")


def test_an_http_index_that_is_absent_broken_or_unreachable(server):
    with pytest.raises(kcs.InputError, match=r"no index\.json"):
        kcs.zoo.list_models(server.address + "/elsewhere")
    (server.folder / "index.json").write_text("<html>")
    with pytest.raises(kcs.InputError, match="no valid JSON"):
        kcs.zoo.list_models(server.address)
    server.faults["index.json"] = ["503"]
    with pytest.raises(kcs.InputError, match=r"cannot be reached: HTTP 503"):
        kcs.zoo.list_models(server.address)
    with pytest.raises(kcs.InputError, match="cannot be reached"):
        kcs.zoo.list_models("http://127.0.0.1:1")


def test_a_traversal_in_an_http_index_writes_nothing(server, cache):
    index = json.loads((server.folder / "index.json").read_text())
    files = index["models"]["tiny"]["files"]
    files["../../../stolen"] = files["README.md"]
    (server.folder / "index.json").write_text(json.dumps(index))
    with pytest.raises(kcs.InputError, match="could leave its folder"):
        kcs.zoo.download("tiny", source=server.address, cache_dir=cache)
    assert not cache.exists()


def test_a_link_in_the_zoo_is_not_followed(tmp_path, cache):
    zoo = write_zoo(tmp_path / "zoo")
    secret = tmp_path / "secret"
    secret.write_bytes(CONTENT["encoder.onnx"])  # even with the right content
    (zoo / "tiny" / "encoder.onnx").unlink()
    (zoo / "tiny" / "encoder.onnx").symlink_to(secret)
    with pytest.raises(kcs.InputError, match="symbolic link"):
        kcs.zoo.download("tiny", "onnx", zoo, cache)
    assert files_in(cache) == []
    assert "symbolic link" in kcs.zoo.verify("tiny", zoo)["tiny"][0]


@pytest.mark.parametrize("link", ["entry", "folder", "part"])
def test_a_link_in_the_cache_is_not_followed(tmp_path, cache, link):
    zoo = write_zoo(tmp_path / "zoo")
    entry = cache_folder(open_zoo(zoo), cache) / "tiny"
    place = {
        "entry": entry,
        "folder": entry / "saved_model",
        "part": entry / "saved_model" / "saved_model.pb.part",
    }[link]
    place.parent.mkdir(parents=True)
    outside = tmp_path / "outside"
    if link == "part":
        outside.write_text("mine")
    else:
        outside.mkdir()
    place.symlink_to(outside)
    with pytest.raises(kcs.InputError, match="symbolic link"):
        kcs.zoo.download("tiny", "saved_model", zoo, cache)
    assert outside.read_text() == "mine" if link == "part" else list(outside.iterdir()) == []


def test_unknown_names_and_formats(tmp_path, cache):
    zoo = write_zoo(tmp_path / "zoo")
    with pytest.raises(kcs.InputError, match="Did you mean 'tiny'"):
        kcs.zoo.download("tinny", source=zoo, cache_dir=cache)
    with pytest.raises(kcs.InputError, match="Did you mean 'onnx'"):
        kcs.zoo.download("tiny", "onx", zoo, cache)
    with pytest.raises(kcs.InputError, match=r"not come as 'keras'.*onnx, saved_model"):
        kcs.zoo.download("tiny", "keras", zoo, cache)


def test_where_the_cache_is(tmp_path, monkeypatch):
    zoo = open_zoo(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.delenv("KERAS_CENTER_SSL_CACHE", raising=False)
    parent = functools.partial(lambda *a: cache_folder(*a).parent, zoo)
    assert parent() == tmp_path / "home" / ".cache" / "keras-center-ssl"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert parent() == tmp_path / "xdg" / "keras-center-ssl"
    monkeypatch.setenv("KERAS_CENTER_SSL_CACHE", str(tmp_path / "variable"))
    assert parent() == tmp_path / "variable"
    assert parent(tmp_path / "argument") == tmp_path / "argument"


def test_two_zoos_do_not_share_a_name(tmp_path, cache):
    one = write_zoo(tmp_path / "one", {"README.md": b"one"})
    two = write_zoo(tmp_path / "two", {"README.md": b"two"})
    first = kcs.zoo.download("tiny", source=one, cache_dir=cache)
    second = kcs.zoo.download("tiny", source=two, cache_dir=cache)
    assert (first / "README.md").read_text() == "one"
    assert (second / "README.md").read_text() == "two"


DOWNLOADER = """
import hashlib, sys
import keras_center_ssl as kcs
kcs.zoo.download
print("ready", flush=True)
sys.stdin.readline()
try:
    path = kcs.zoo.download("tiny", "onnx", sys.argv[1], sys.argv[2])
    print(hashlib.sha256(path.read_bytes()).hexdigest())
except Exception as error:
    print(repr(error))
"""


@pytest.mark.parametrize("good", [True, False], ids=["good file", "refused file"])
def test_processes_that_download_the_same_file(tmp_path, cache, good):
    zoo = write_zoo(tmp_path / "zoo", {"encoder.onnx": os.urandom(16_000_000)})
    file = zoo / "tiny" / "encoder.onnx"
    if not good:
        file.write_bytes(b"!" * 16_000_000)
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", DOWNLOADER, str(zoo), str(cache)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    for process in processes:  # all stand ready: now, at once
        process.stdin.write("go\n")
        process.stdin.flush()
    found = [process.communicate(timeout=60)[0].strip() for process in processes]
    if good:
        assert set(found) == {hashlib.sha256(file.read_bytes()).hexdigest()}
        assert [path.name for path in files_in(cache)] == ["encoder.onnx"]
    else:
        assert all("not kept" in answer for answer in found), found
        assert files_in(cache) == []


def test_hugging_face_repositories(server, cache, monkeypatch):
    # A repository's files lie under owner/repo/resolve/revision; the token goes to that host only.
    base = server.folder / "owner" / "repo" / "resolve" / "v1"
    write_zoo(base)
    monkeypatch.setattr("huggingface_hub.file_download.constants.ENDPOINT", server.address)
    monkeypatch.setattr(
        "huggingface_hub.constants.HUGGINGFACE_CO_URL_TEMPLATE",
        server.address + "/{repo_id}/resolve/{revision}/{filename}",
    )
    (entry,) = kcs.zoo.list_models("hf://owner/repo@v1")
    assert entry.name == "tiny"
    path = kcs.zoo.download("tiny", "onnx", "hf://owner/repo@v1", cache)
    assert path.read_bytes() == CONTENT["encoder.onnx"]
    assert server.requests[-1][0] == "/owner/repo/resolve/v1/tiny/encoder.onnx"
