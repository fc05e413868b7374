"""The documentation builds as a site without a warning, where its environment is (`make docs`)."""

import os
import pathlib
import subprocess

import pytest

ROOT = pathlib.Path(__file__).parents[2]
MKDOCS = ROOT / ".venv-docs" / "bin" / "mkdocs"


def build(folder, site):
    return subprocess.run(
        [str(MKDOCS), "build", "--strict", "--site-dir", str(site)],
        cwd=folder,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
    )


@pytest.mark.skipif(not MKDOCS.is_file(), reason="make docs has not made .venv-docs")
def test_it_builds_without_a_warning_and_has_every_name(tmp_path):
    done = build(ROOT, tmp_path / "site")
    assert done.returncode == 0, done.stderr[-3000:]
    methods = (tmp_path / "site" / "docs" / "api" / "methods" / "index.html").read_text("utf-8")
    assert (
        'id="keras_center_ssl.methods.simclr.SimCLR"' in methods and "redundancy_weight" in methods
    )
    start = (tmp_path / "site" / "index.html").read_text("utf-8")
    # The theme's own files, and nothing from elsewhere.
    style = next(part for part in start.split('"') if part.endswith(".css"))
    assert (tmp_path / "site" / style).is_file()
    assert "fonts.googleapis" not in start
