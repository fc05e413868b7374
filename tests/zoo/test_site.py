"""The pages of a zoo, without a browser."""

import functools
import html.parser
import http.server
import json
import re
import shutil
import threading

import numpy as np
import pytest
import typer.testing

import keras_center_ssl as kcs
from keras_center_ssl.cli.zoo import zoo_app
from keras_center_ssl.zoo import browser_runtime
from tests.helpers.light_python import run_without
from tests.helpers.zoos import PNG, bundle, write_index


class Page(html.parser.HTMLParser):
    """What a page loads, links to and holds."""

    LOADING = (("img", "src"), ("script", "src"), ("link", "href"), ("iframe", "src"))

    def __init__(self, text):
        super().__init__()
        self.text, self.loads, self.links, self.cells, self.tags = text, [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.tags.append((tag, attributes))
        self.loads += [
            attributes[key] for name, key in self.LOADING if name == tag and key in attributes
        ]
        if tag == "a":
            self.links.append(attributes["href"])
        if "data-value" in attributes:
            self.cells.append(attributes["data-value"])

    @property
    def demo(self):
        """What the program of the page is given."""
        found = re.search(r'id="content">(.*?)</script>', self.text, re.DOTALL)
        return found and json.loads(found[1])


@pytest.fixture(scope="module")
def zoo(tmp_path_factory):
    folder = tmp_path_factory.mktemp("zoos")
    kcs.zoo.publish(bundle(folder / "a"), folder / "zoo", name="tiny")
    other = bundle(
        folder / "b",
        method="BYOL",
        evaluation={"knn_accuracy": {"trained": 0.9}},
        collapse={"verdict": "healthy", "figures": {}},
    )
    kcs.zoo.publish(other, folder / "zoo", name="better")
    images = np.random.default_rng(0).random((12, 8, 8, 1))
    kcs.zoo.add_gallery("tiny", folder / "zoo", images, data="noise & more", license="mit")
    return folder / "zoo"


@pytest.fixture(scope="module")
def runtime(tmp_path_factory):
    """Two files that stand in for the npm package."""
    folder = tmp_path_factory.mktemp("npm") / "onnxruntime-web"
    (folder / "dist").mkdir(parents=True)
    (folder / "dist" / browser_runtime.MODULE).write_text("export const env = {};")
    (folder / "dist" / browser_runtime.WASM).write_bytes(b"\0asm" * 1000)
    return folder


@pytest.fixture(scope="module")
def site(zoo, runtime, tmp_path_factory):
    out = tmp_path_factory.mktemp("site") / "site"
    assert kcs.zoo.build_site(out, zoo, runtime=runtime) == out / "index.html"
    return out


def page(path):
    return Page(path.read_text("utf-8"))


def test_the_table_has_every_encoder_the_best_first(site):
    table = page(site / "index.html")
    assert table.links == ["better/index.html", "tiny/index.html"]
    size = str((site / "tiny" / "encoder.onnx").stat().st_size)
    assert table.cells == [
        *("better", "BYOL", "noise", "0.9", "", "4", size, "healthy"),
        *("tiny", "SimSiam", "noise", "0.75", "3.5", "4", size, "healthy"),
    ]
    heads = [a["data-key"] for tag, a in table.tags if tag == "th" and "data-key" in a]
    assert {"method", "data", "accuracy", "rank", "size"} < set(heads)
    for words in ("0.7500", "3.5", "SimSiam", "noise"):
        assert f">{words}</td>" in table.text


def test_every_local_link_leads_somewhere(site):
    pages = [*site.glob("*.html"), *site.glob("*/*.html")]
    assert len(pages) == 1 + 2 * 2
    for path in pages:
        content = page(path)
        for link in [*content.loads, *content.links]:
            if not link.startswith(("https://example.org/paper", "data:", "#")):
                assert (path.parent / link).is_file(), (path, link)


def test_nothing_is_loaded_from_elsewhere(site):
    for path in [*site.glob("*.html"), *site.glob("*/*.html")]:
        content = page(path)
        assert not any(re.match(r"(?i)\w+:(?!image)|//", x) for x in content.loads if x != "data:,")
        # The one outside link is the card's own, and is not loaded.
        assert set(re.findall(r"https?://[^\s\"'<)]+", content.text)) <= {
            "https://example.org/paper"
        }
        policies = [a["content"] for t, a in content.tags if t == "meta" and "http-equiv" in a]
        assert len(policies) == 1 and policies[0].startswith("default-src 'none'")
        assert "http" not in policies[0] and "*" not in policies[0]


def test_the_page_of_an_encoder_has_card_pictures_and_figures(site):
    content = page(site / "tiny" / "index.html")
    assert "plots/one.png" in content.loads
    assert "<strong>words</strong>" in content.text and "<td>0.75</td>" in content.text
    assert content.text.count("<h1") == 1
    assert "A &lt;small&gt; one." in content.text
    assert "3.5" in content.text and "effective rank" in content.text
    assert "width: 75.0%" in content.text and "raw pixels" in content.text


def test_what_a_card_holds_is_not_run(site):
    for name in ("index.html", "tiny.html"):
        content = page(site / "tiny" / name)
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in content.text
        assert not any(link.startswith("javascript:") for link in content.links)
        assert "tracker" not in content.text and "[picture: elsewhere]" in content.text


def test_the_page_has_the_encoder_beside_it(site):
    demo = page(site / "tiny" / "index.html").demo
    assert demo["shape"] == [8, 8, 1] and demo["encoder"] == "encoder.onnx"
    for file in demo["runtime"].values():
        assert (site / "tiny" / file).is_file()
    gallery = demo["gallery"]
    assert gallery["count"] == 12 and gallery["data"] == "noise & more"
    assert gallery["images"].startswith("data:image/png;base64,")
    assert page(site / "better" / "index.html").demo["gallery"] is None


def test_the_one_file_has_all_of_it_inside(site):
    content = page(site / "tiny" / "tiny.html")
    demo = content.demo
    assert set(demo["encoder"]) == set(demo["runtime"]["wasm"]) == {"base64"}
    assert all(load.startswith("data:") for load in content.loads)
    assert not any(".." in link for link in content.links)


def test_the_site_is_itself_a_zoo(site, zoo):
    handler = functools.partial(Quiet, directory=str(site))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            address = f"http://127.0.0.1:{server.server_port}"
            assert kcs.zoo.list_models(address) == kcs.zoo.list_models(zoo)
            assert kcs.zoo.verify(source=address) == {"better": [], "tiny": []}
        finally:
            server.shutdown()
            thread.join()


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


def test_without_the_runtime_the_page_says_how_to_get_it(zoo, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    kcs.zoo.build_site("site", zoo)
    for name in ("index.html", "tiny.html"):
        content = page(tmp_path / "site" / "tiny" / name)
        assert content.demo["runtime"] is None and content.demo["gallery"]["count"] == 12
        assert "npm install onnxruntime-web" in content.text
    assert not (tmp_path / "site" / "runtime").exists()


def test_the_runtime_is_found_in_node_modules(runtime, tmp_path, monkeypatch):
    (tmp_path / "node_modules").mkdir()
    (tmp_path / "node_modules" / "onnxruntime-web").symlink_to(runtime)
    (tmp_path / "below").mkdir()
    monkeypatch.chdir(tmp_path / "below")
    found = browser_runtime.find_runtime()
    assert found == browser_runtime.find_runtime(runtime) == browser_runtime.find_runtime(tmp_path)
    with pytest.raises(kcs.InputError, match="npm install onnxruntime-web"):
        browser_runtime.find_runtime(tmp_path / "below")


def test_an_earlier_site_is_replaced_and_nothing_else(zoo, tmp_path):
    out = tmp_path / "site"
    kcs.zoo.build_site(out, zoo)
    (out / "old.html").touch()
    kcs.zoo.build_site(out, zoo)
    assert not (out / "old.html").exists() and list(tmp_path.iterdir()) == [out]
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").touch()
    for place, message in (
        (tmp_path / "mine", "something other"),
        (tmp_path / "mine" / "letter.txt", "is a file"),
        (zoo / "site", "lie in each other"),
        (zoo.parent, "something other|lie in each other"),
    ):
        with pytest.raises(kcs.InputError, match=message):
            kcs.zoo.build_site(place, zoo)
    assert (tmp_path / "mine" / "letter.txt").exists()


def test_a_damaged_zoo_makes_no_site(zoo, tmp_path):
    copy = shutil.copytree(zoo, tmp_path / "zoo")
    kcs.zoo.build_site(tmp_path / "site", copy)
    before = (tmp_path / "site" / "index.html").read_bytes()
    (copy / "tiny" / "plots" / "one.png").write_bytes(bytes(len(PNG)))
    with pytest.raises(kcs.InputError, match="SHA-256"):
        kcs.zoo.build_site(tmp_path / "site", copy)
    assert (tmp_path / "site" / "index.html").read_bytes() == before
    assert {path.name for path in tmp_path.iterdir()} == {"zoo", "site"}


def test_a_gallery_of_another_encoder_is_left_out(zoo, tmp_path):
    copy = shutil.copytree(zoo, tmp_path / "zoo")
    record = copy / "tiny" / "gallery" / "gallery.json"
    record.write_text(record.read_text().replace('"encoder_sha256": "', '"encoder_sha256": "0'))
    write_index(copy, {"tiny": {"input_shape": [8, 8, 1]}})
    kcs.zoo.build_site(tmp_path / "site", copy)
    assert page(tmp_path / "site" / "tiny" / "index.html").demo["gallery"] is None


def test_the_command_says_where_the_page_is(zoo, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = typer.testing.CliRunner().invoke(zoo_app, ["site", "--out", "site", "--zoo", str(zoo)])
    assert result.exit_code == 0, result.output
    assert str(tmp_path / "site" / "index.html") in result.output.replace("\n", "")
    assert "npm install onnxruntime-web" in result.output


def test_neither_keras_nor_numpy_is_needed(zoo, tmp_path):
    program = (
        "import sys\n"
        "import keras_center_ssl as kcs\n"
        "print(kcs.zoo.build_site(sys.argv[1], sys.argv[2]))\n"
    )
    result = run_without(
        program, str(tmp_path / "site"), str(zoo), names=("keras", "tensorflow", "jax", "numpy")
    )
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "site" / "tiny" / "index.html").is_file()
