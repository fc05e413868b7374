"""The report page: verdict first, complete, self-contained; and `center-ssl diagnose` with it."""

import base64
import html.parser
import json
import re
import shutil
import subprocess
import sys
import types

import numpy as np
import pytest
from typer.testing import CliRunner

import keras_center_ssl as kcs
from keras_center_ssl import cli, diagnosis
from keras_center_ssl.diagnosis import sources
from keras_center_ssl.reports import page as report
from keras_center_ssl.reports import plots


class Page(html.parser.HTMLParser):
    """Text, tags that stay open, and addresses of a page."""

    def __init__(self, path):
        super().__init__()
        self.source = path.read_text(encoding="utf-8")
        self.open, self.text, self.addresses, self.images = [], [], [], []
        self.feed(self.source)
        self.text = " ".join(" ".join(self.text).split())

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if tag not in ("meta", "img", "br"):
            self.open.append(tag)
        if tag == "img":
            self.images.append(attributes)
        self.addresses += [v for k, v in attributes.items() if k in ("src", "href")]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def check_self_contained(page):
    assert page.open == []
    for address in page.addresses:
        kind, data = address.split(",", 1)
        assert kind == "data:image/png;base64"
        assert base64.b64decode(data).startswith(b"\x89PNG")
    assert all(image["alt"] for image in page.images)
    assert not re.search(r"https?://|<script|<link|@import", page.source)


def groups(rng, n=300, d=16):
    return rng.normal(size=(5, d))[np.arange(n) % 5] + 0.01 * rng.normal(size=(n, d))


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory):
    """A folder with pictures, and the metrics beside them."""
    folder, rng = tmp_path_factory.mktemp("evaluated"), np.random.default_rng(0)
    z = rng.normal(size=(200, 16))
    pairs = {"projection": (groups(rng), None), "features": (z, z + 0.1 * rng.normal(size=z.shape))}
    collapse = {
        name: diagnosis.diagnose(*pair, name=name).to_dict() for name, pair in pairs.items()
    }
    plots.embedding_pictures({name: pair[0] for name, pair in pairs.items()}, folder)
    plots.training_curves({"loss": [2.0, 1.0]}, folder / "training.png")
    return folder, {"collapse": collapse, "knn_accuracy": {"trained": 0.5, "raw_pixels": 0.875}}


@pytest.fixture
def run(tmp_path, evaluated):
    """What `write_report` reads of a run."""
    pictures, metrics = evaluated
    shutil.copytree(pictures, tmp_path / "plots")
    recipe = types.SimpleNamespace(
        name="tiny <run>", description="A & B", to_yaml=lambda: "name: tiny\nseed: 0\n"
    )
    return types.SimpleNamespace(
        folder=tmp_path, recipe=recipe, metrics=json.loads(json.dumps(metrics))
    )


class TestRun:
    def test_has_all_parts_verdict_first(self, run):
        report.write_report(run)
        page = Page(run.folder / "report.html")
        check_self_contained(page)
        parts = (
            "tiny <run>",
            "A & B",
            "projection: cluster collapse",
            "5 tight groups hold all samples",
            "features: healthy",
            "k-NN accuracy",
            "0.8750",
            "Pictures",
            "Figures: projection",
            "participation ratio",
            "Figures: features",
            "Recipe",
            "seed: 0",
        )
        positions = [page.text.index(part, page.text.index("A & B")) for part in parts[2:]]
        assert positions == sorted(positions)
        assert len(page.images) == 5

    def test_marks_figures_beyond_their_limit(self, run):
        report.write_report(run)
        source = (run.folder / "report.html").read_text()
        first = source[source.index("Figures: projection") : source.index("Figures: features")]
        rows = re.findall(r'<th scope="row">(.*?)</th><td class="(.*?)">', first)
        missed = {name for name, style in rows if "missed" in style}
        assert {"within group share", "group gap"} <= missed
        assert "center norm squared" not in missed
        assert "&lt; 0.98" in first
        second = source[source.index("Figures: features") :]
        assert "missed" not in second[: second.index("<h2>Recipe")]

    def test_before_evaluation(self, run):
        run.metrics = {"training": {"seconds": 1.0}}
        report.write_report(run)
        page = Page(run.folder / "report.html")
        check_self_contained(page)
        assert "Not evaluated yet" in page.text and "Figures:" not in page.text


class TestFiles:
    """Every file of a report is whole, or is what it was."""

    def test_a_page_that_cannot_be_made_leaves_the_earlier_one(self, run):
        report.write_report(run)
        before = (run.folder / "report.html").read_bytes()
        run.recipe.to_yaml = lambda: 1 / 0
        with pytest.raises(ZeroDivisionError):
            report.write_report(run)
        assert (run.folder / "report.html").read_bytes() == before

    def test_writing_that_breaks_off_leaves_the_earlier_files(self, run, rng, monkeypatch):
        report.write_report(run)
        kept = {path: path.read_bytes() for path in run.folder.rglob("*") if path.is_file()}
        monkeypatch.setattr("os.replace", lambda *names: (_ for _ in ()).throw(OSError("full")))
        for write in (
            lambda: report.write_report(run),
            lambda: plots.training_curves({"loss": [1.0]}, run.folder / "plots" / "training.png"),
            lambda: plots.spectrum(rng.normal(size=(9, 4)), run.folder / "plots" / "spectrum.png"),
        ):
            with pytest.raises(OSError, match="full"):
                write()
        assert {p: p.read_bytes() for p in run.folder.rglob("*") if p.is_file()} == kept

    def test_names_and_warnings_are_no_markup(self, run):
        run.metrics["collapse"]["features"]["warnings"] = ["<script>alert(1)</script>"]
        report.write_report(run)
        page = Page(run.folder / "report.html")
        check_self_contained(page)
        assert "<script>alert(1)</script>" in page.text


class TestDiagnose:
    """What a user of another framework does: save z.npy, ask."""

    def ask(self, *arguments):
        return CliRunner().invoke(cli.app, ["diagnose", *map(str, arguments)])

    def test_report_and_pictures_of_a_file(self, rng, tmp_path):
        np.save(tmp_path / "z.npy", groups(rng).astype("f4"))
        result = self.ask(
            tmp_path / "z.npy", "--report", tmp_path / "out.html", "--plots", tmp_path / "plots"
        )
        assert result.exit_code == 0, result.output
        assert "cluster collapse" in result.output and "out.html" in result.output
        page = Page(tmp_path / "out.html")
        check_self_contained(page)
        assert "Collapse report of z.npy" in page.text
        assert "300 samples, 16 dimensions, one view" in page.text
        assert page.text.index("Cluster collapse") < page.text.index("Pictures")
        assert len(page.images) == 3
        assert len(list((tmp_path / "plots").glob("*.png"))) == 3

    def test_report_alone_leaves_no_pictures_behind(self, rng, tmp_path):
        z = rng.normal(size=(100, 8))
        np.savez(tmp_path / "z.npz", z1=z, z2=z + 0.1, labels=np.arange(100) % 3)
        result = self.ask(tmp_path / "z.npz", "--report", tmp_path / "new" / "out.html")
        assert result.exit_code == 0, result.output
        assert [p.name for p in (tmp_path / "new").iterdir()] == ["out.html"]
        assert "two views" in Page(tmp_path / "new" / "out.html").text

    def test_json_stays_json(self, rng, tmp_path):
        np.save(tmp_path / "z.npy", rng.normal(size=(100, 8)))
        result = self.ask(tmp_path / "z.npy", "--json", "--plots", tmp_path / "plots")
        assert json.loads(result.output)["verdict"] == "healthy"

    def test_exit_code_for_ci(self, rng, tmp_path):
        np.save(tmp_path / "bad.npy", groups(rng))
        np.save(tmp_path / "good.npy", rng.normal(size=(100, 8)))
        codes = {
            (): 0,
            ("collapse",): 1,
            ("cluster_collapse",): 1,
            ("complete_collapse",): 0,
            ("complete_collapse", "cluster_collapse"): 1,
        }
        for names, code in codes.items():
            options = [part for name in names for part in ("--fail-on", name)]
            assert self.ask(tmp_path / "good.npy", *options).exit_code == 0
            result = self.ask(tmp_path / "bad.npy", *options)
            assert result.exit_code == code and "cluster collapse" in result.output
            result = self.ask(tmp_path / "bad.npy", "--json", *options)
            assert result.exit_code == code
            assert json.loads(result.output)["verdict"] == "cluster_collapse"
        result = self.ask(tmp_path / "good.npy", "--fail-on", "colapse")
        assert result.exit_code == 2 and "collapse" in result.output

    def test_data_format(self, rng, tmp_path):
        np.save(tmp_path / "z.npy", rng.normal(size=(80, 16, 3, 3)))
        assert isinstance(self.ask(tmp_path / "z.npy").exception, kcs.InputError)
        for extra in ((), ("--report", tmp_path / "out.html")):
            result = self.ask(tmp_path / "z.npy", "--data-format", "channels_first", *extra)
            assert result.exit_code == 0 and "80 samples, 16 dim" in result.output

    def test_labels_come_from_the_file(self, rng, tmp_path):
        z, labels = rng.normal(size=(500, 8)), rng.integers(0, 4, 500)
        np.savez(tmp_path / "z.npz", features=z, labels=labels)
        rows, found = sources.sample_of_file(tmp_path / "z.npz", 50)
        assert rows.shape == (50, 8)
        where = [int(np.flatnonzero((z == row).all(axis=1))[0]) for row in rows]
        assert where == sorted(where)
        np.testing.assert_array_equal(found, labels[where])
        np.savez(tmp_path / "z.npz", features=z, labels=labels[:9])
        assert sources.sample_of_file(tmp_path / "z.npz", 50)[1] is None

    def test_runs_have_their_own(self, tmp_path):
        result = self.ask(tmp_path, "--report", tmp_path / "out.html")
        assert isinstance(result.exception, kcs.InputError)
        assert "center-ssl evaluate" in str(result.exception)

    def test_needs_neither_keras_nor_tensorflow(self, rng, tmp_path):
        np.save(tmp_path / "z.npy", rng.normal(size=(100, 8)))
        code = (
            "import sys\n"
            "from keras_center_ssl import cli\n"
            "sys.argv = ['center-ssl', 'diagnose', *sys.argv[1:]]\n"
            "try:\n    cli.main()\n"
            "except SystemExit as stop:\n    assert not stop.code\n"
            "names = ('keras', 'tensorflow', 'sklearn', 'matplotlib')\n"
            "print([name for name in names if name in sys.modules])"
        )
        for options, loaded in (([], "[]"), (["--report", "out.html"], "['matplotlib']")):
            result = subprocess.run(
                [sys.executable, "-c", code, "z.npy", *options],
                capture_output=True,
                text=True,
                check=True,
                cwd=tmp_path,
            )
            assert result.stdout.strip().endswith(loaded), result.stdout
