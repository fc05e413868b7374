"""A zoo to look at: static pages, a table of all encoders and a page for each, which runs it.

    index.html                  the table
    NAME/index.html             the encoder's page; its files beside it
    NAME/NAME.html              the same in one file, which opens from disk
    runtime/                    ONNX Runtime for browsers, where it was at hand
    index.json                  with which the site is itself a zoo: --source https://its/address

The pages load nothing from other addresses, and say so to the browser (Content-Security-Policy).
"""

from __future__ import annotations

import base64
import contextlib
import functools
import os
import secrets
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from keras_center_ssl._version import __version__
from keras_center_ssl.errors import InputError
from keras_center_ssl.zoo import browser_runtime
from keras_center_ssl.zoo.fetch import fetch
from keras_center_ssl.zoo.gallery_record import FOLDER
from keras_center_ssl.zoo.index import INDEX
from keras_center_ssl.zoo.site_entry import SiteEntry, printable
from keras_center_ssl.zoo.sources import open_zoo

if TYPE_CHECKING:
    # It names NumPy, without which a zoo lists and downloads.
    from keras_center_ssl.types import FilePath

# By this file a folder is known as a site, which may be replaced.
MARK = ".center-ssl-site"
_RUNTIME = "runtime"
_WASM = f"{browser_runtime.WASM}.gz"


def build_site(
    out: FilePath,
    source: FilePath | None = None,
    *,
    runtime: FilePath | None = None,
    title: str = "Encoders trained without labels",
    timeout: float | None = None,
) -> Path:
    """Builds the pages of a zoo into a folder, with every file of the zoo beside them.

    Readers of an earlier site see the old one or the new one, whole. Neither Keras nor TensorFlow
    is needed.

    Args:
        out: The folder to make. It must not exist, be empty, or hold an earlier site, which is
            replaced.
        source: The zoo, see `list_models`.
        runtime: The folder of the npm package `onnxruntime-web`, with which the pages run the
            encoders; if `None`, `node_modules` of the current folder and its parents is looked at.
            Without it all but that works, and the pages say how to get it.
        title: Title of the first page.
        timeout: Seconds without progress after which a transfer ends, see `list_models`.

    Returns:
        The `pathlib.Path` of the first page, `index.html`.

    Raises:
        InputError: For a folder that holds something else, a zoo that cannot be read, files that
            do not match its index, and a `runtime` that is not there.
    """
    found = browser_runtime.find_runtime(runtime)
    zoo = open_zoo(source, timeout)
    models = zoo.entries()
    target = _free_place(out, zoo)
    with _in_the_making(target) as folder:
        (folder / MARK).write_text(f"keras-center-ssl {__version__}\n", "utf-8")
        entries = []
        for entry in models.values():
            for path in entry.files:
                fetch(zoo, entry, path, folder / entry.name)
            entries.append(SiteEntry.read(entry, folder / entry.name))
        with zoo.open(INDEX)[0] as stream, (folder / INDEX).open("wb") as copy:
            while chunk := stream.read(2**20):
                copy.write(chunk)
        if found is not None:
            (folder / _RUNTIME).mkdir()
            (folder / _RUNTIME / browser_runtime.MODULE).write_bytes(found.module)
            (folder / _RUNTIME / _WASM).write_bytes(found.wasm)
        _write(folder / "index.html", "index.html", title=title, entries=_sorted(entries))
        for each in entries:
            page = functools.partial(
                _write, template="entry.html", title=each.entry.name, each=each
            )
            page(each.folder / "index.html", page=_beside(each, found))
            if each.fits_in_one_file:
                page(each.folder / f"{each.entry.name}.html", page=_inside(each, found))
    return target / "index.html"


def _beside(each, found):
    """What the page of an encoder finds beside it."""
    runtime = f"../{_RUNTIME}"
    return {
        "alone": False,
        "card": each.card(each.address),
        "address": each.address,
        "demo": _demo(
            each,
            encoder=each.address("encoder.onnx"),
            runtime=found
            and {
                "module": f"{runtime}/{browser_runtime.MODULE}",
                "wasm": f"{runtime}/{_WASM}",
            },
        ),
    }


def _inside(each, found):
    """What a page has inside, that is to be one file."""
    onnx = "encoder.onnx"
    return {
        "alone": True,
        "card": each.card(each.data_address),
        "address": each.data_address,
        "demo": _demo(
            each,
            encoder={"base64": each.base64(onnx)} if onnx in each.entry.files else None,
            runtime=found
            and {
                "module": {"base64": _text(found.module)},
                "wasm": {"base64": _text(found.wasm)},
            },
        ),
    }


def _demo(each, encoder, runtime):
    """What `demo.js` is given, or `None` where the encoder does not come as ONNX."""
    if encoder is None or each.entry.input_shape is None:
        return None
    gallery = each.gallery()
    if gallery is not None:
        # Small, and inside in every case: a page from disk may not read the pixels of files.
        features = {"base64": each.base64(gallery["features"])}
        images = each.data_address(gallery["images"])
        gallery = {**gallery, "images": images, "features": features}
    return {
        "shape": list(each.entry.input_shape),
        "encoder": encoder,
        "runtime": runtime,
        "gallery": gallery,
        "missing": browser_runtime.MISSING,
    }


def _text(data):
    return base64.b64encode(data).decode()


def _sorted(entries):
    """Best first; those without a figure last."""
    return sorted(entries, key=lambda each: (-(each.entry.knn_accuracy or -1), each.entry.name))


def _write(path, template, **content):
    page = _environment().get_template(template).render({**content, "version": __version__})
    path.write_text(page, "utf-8")


@functools.cache
def _environment():
    """Where the templates are; everything that is put into them is escaped."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("keras_center_ssl.zoo"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "words": lambda text: str(text).replace("_", " "),
        "size": _size,
        "shape": lambda shape: " x ".join(str(s or "any") for s in shape),
        "printable": printable,
    }
    environment.globals |= {"GALLERY": FOLDER}
    return environment


def _size(count):
    return f"{count / 1e6:.1f} MB" if count >= 1e5 else f"{count / 1e3:.1f} kB"


def _free_place(out, zoo):
    target = Path(os.path.abspath(Path(out).expanduser()))
    if target.is_symlink() or (target.exists() and not target.is_dir()):
        raise InputError(f"The site cannot be {str(target)!r}: that is a file or a link.")
    if target.exists() and any(target.iterdir()) and not (target / MARK).is_file():
        raise InputError(
            f"The folder {str(target)!r} holds something other than a site of this library. Name "
            "a new folder, or empty it."
        )
    root = getattr(zoo, "root", None)
    if root is not None and (root == target or root in target.parents or target in root.parents):
        raise InputError(
            f"The site {str(target)!r} and the zoo {str(root)!r} lie in each other. Name another "
            "folder for the site."
        )
    return target


@contextlib.contextmanager
def _in_the_making(target):
    """A folder beside `target` that takes its place at the end, or vanishes on an error."""
    target.parent.mkdir(parents=True, exist_ok=True)
    folder = target.with_name(f".{target.name}.{secrets.token_hex(4)}.unfinished")
    replaced = folder.with_suffix(".replaced")
    folder.mkdir()
    try:
        yield folder
        if target.exists():
            os.replace(target, replaced)
        os.replace(folder, target)
    except BaseException:
        if replaced.exists() and not target.exists():
            os.replace(replaced, target)
        raise
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        shutil.rmtree(replaced, ignore_errors=True)
