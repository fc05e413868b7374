"""The runtimes that exported encoders are tried in, where `.ci/runtimes` put them; else a skip that
names what is missing."""

import contextlib
import functools
import http.server
import os
import pathlib
import shutil
import subprocess
import sys
import threading

import pytest

ROOT = pathlib.Path(__file__).parents[2]
NPM = ROOT / "build" / "npm" / "node_modules"
ENVIRONMENTS = (".venv-runtimes", ".venv-beam")


@functools.cache
def python_with(package):
    """An interpreter that has a package: this one, or one of an environment of its own."""
    places = [sys.executable, *(str(ROOT / name / "bin" / "python") for name in ENVIRONMENTS)]
    look = f"import importlib.util, sys; sys.exit(importlib.util.find_spec({package!r}) is None)"
    for python in places:
        if os.path.exists(python) and subprocess.run([python, "-c", look]).returncode == 0:
            return python
    pytest.skip(f"{package} is not installed (.ci/runtimes gets it)")


def npm_package(name):
    """The folder of an npm package: in `build/npm`, or in the checkout."""
    for modules in (NPM, ROOT / "node_modules"):
        if (modules / name).is_dir():
            return modules / name
    pytest.skip(f"{name} is not installed (.ci/runtimes gets it)")


def node():
    return shutil.which("node") or pytest.skip("Node is not installed (.ci/runtimes gets it)")


def chromium():
    """Chromium's program: `$CHROMIUM`, or Debian's, or Google's."""
    names = (os.environ.get("CHROMIUM"), "chromium", "chromium-browser", "google-chrome")
    found = next((path for name in names if name and (path := shutil.which(name))), None)
    return found or pytest.skip("Chromium is not installed (.ci/runtimes gets it)")


# Chromium's graphics card in software, for pages that ask for WebGPU.
SOFTWARE_GPU = (
    "--enable-unsafe-webgpu",
    "--use-webgpu-adapter=swiftshader",
    "--enable-features=Vulkan",
    "--use-vulkan=swiftshader",
)


@contextlib.contextmanager
def browser(*options):
    """Playwright's browser, which is the installed Chromium."""
    program = chromium()
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with api.sync_playwright() as playwright:
        try:
            arguments = ["--no-sandbox", *options]
            opened = playwright.chromium.launch(executable_path=program, args=arguments)
        except api.Error as error:
            pytest.skip(f"Chromium does not start on this machine: {error.message.splitlines()[0]}")
        yield opened
        opened.close()


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@contextlib.contextmanager
def served(folder):
    """The address at which a folder is served on this machine."""
    handler = functools.partial(_Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()
