"""A report in headless Chromium: wide, on a phone and in dark mode, by its pixels and its DOM."""

import subprocess

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from keras_center_ssl import cli
from tests.helpers import runtimes

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    rng = np.random.default_rng(0)
    signal = rng.standard_normal((300, 32))
    views = [signal + 0.3 * rng.standard_normal(signal.shape) for _ in range(2)]
    np.savez(folder / "embeddings.npz", z1=views[0], z2=views[1])
    command = ["diagnose", folder / "embeddings.npz", "--report", folder / "report.html"]
    result = CliRunner().invoke(cli.app, [str(word) for word in command])
    assert result.exit_code == 0, result.output
    return folder / "report.html"


def chromium(page, *options):
    command = [
        runtimes.chromium(),
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--hide-scrollbars",
    ]
    done = subprocess.run(
        [*command, *options, page.as_uri()], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def photograph(page, file, size, *options):
    chromium(page, f"--window-size={size[0]},{size[1]}", f"--screenshot={file}", *options)
    return np.asarray(Image.open(file).convert("RGB"), "float32")


def test_the_verdict_and_the_pictures_are_there(page):
    dom = chromium(page, "--dump-dom")
    assert "healthy" in dom and "centre norm" in dom
    assert dom.count("<img") + dom.count("<svg") >= 2


def test_it_is_light_dark_and_fits_a_phone(page, tmp_path):
    wide = photograph(page, tmp_path / "wide.png", (1100, 1400))
    dark = photograph(
        page, tmp_path / "dark.png", (1100, 1400), "--blink-settings=preferredColorScheme=0"
    )
    phone = photograph(page, tmp_path / "phone.png", (500, 1400))
    # The margin shows the page's colour; the middle has text and pictures on it.
    assert wide[:, 2].mean() > 240 and dark[:, 2].mean() < 60
    for shot in (wide, dark, phone):
        assert shot[50:1000, 60:440].std() > 10
    # Nothing is wider than the phone: its right margin is as empty as its left one.
    assert phone[:, -2].std() < 1 and phone[:, 2].std() < 1
