"""ONNX Runtime for browsers, which a site of encoders carries where it is at hand.

It is the npm package `onnxruntime-web` (MIT), 14 MB, of which two files are taken: a module and the
WebAssembly behind it. The library does not contain it and does not fetch it.
"""

import dataclasses
import gzip
from pathlib import Path

from keras_center_ssl.errors import InputError

MODULE = "ort.wasm.bundle.min.mjs"
WASM = "ort-wasm-simd-threaded.wasm"
# What is said where it is not there.
MISSING = (
    "The encoder does not run on this page, because the page was built without ONNX Runtime for "
    "browsers: run `npm install onnxruntime-web`, and build the site again in the same folder."
)


@dataclasses.dataclass(frozen=True)
class BrowserRuntime:
    """The two files of ONNX Runtime for browsers: `module`, and `wasm` compressed by gzip."""

    module: bytes
    wasm: bytes


def find_runtime(path=None):
    """The `BrowserRuntime` at `path`, or `None` where no path is given and none is near.

    Args:
        path: The npm package's folder, its `dist`, or a folder with `node_modules`; if `None`, the
            `node_modules` of the current folder and of its parents are looked at.

    Raises:
        InputError: Where a path is given and does not lead to the package.
    """
    if path is None:
        here = Path.cwd()
        places = [folder / "node_modules" / "onnxruntime-web" for folder in (here, *here.parents)]
    else:
        path = Path(path).expanduser()
        places = [path, path / "node_modules" / "onnxruntime-web"]
    for place in places:
        for folder in (place / "dist", place):
            if (folder / MODULE).is_file() and (folder / WASM).is_file():
                # Without a time in it: the same files give the same bytes.
                wasm = gzip.compress((folder / WASM).read_bytes(), 9, mtime=0)
                return BrowserRuntime((folder / MODULE).read_bytes(), wasm)
    if path is None:
        return None
    raise InputError(
        f"There is no ONNX Runtime for browsers at {str(path)!r}: expected the folder of the npm "
        f"package onnxruntime-web, with {MODULE} and {WASM}. Get it with `npm install "
        "onnxruntime-web`."
    )
