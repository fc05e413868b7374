"""Setuptools, and the starter zoo: a wheel carries the first encoders of `zoo/`.

They are copied when a wheel is built, so that the repository holds them once. A checkout, editable
installs included, reads `zoo/` itself.
"""

import json
import pathlib
import shutil

from setuptools.build_meta import *  # noqa: F403 (the hooks that pip calls)
from setuptools.command import build_py

# Bytes of all the entries that a wheel carries: the first ones, by name, that fit into it.
LARGEST_STARTER = 6 * 2**20
ZOO = pathlib.Path("zoo")
INDEX = ZOO / "index.json"


def starter_index():
    """The index of `zoo/` with the entries that a wheel carries."""
    index = json.loads(INDEX.read_text("utf-8"))
    left, carried = LARGEST_STARTER, {}
    for name, entry in sorted(index["models"].items()):
        size = sum(file["size"] for file in entry["files"].values())
        if size <= left:
            carried[name] = entry
            left -= size
    return {**index, "models": carried}


def starter_files():
    """The files of those entries, as paths below `zoo/`."""
    models = starter_index()["models"]
    return [pathlib.Path(name, file) for name, entry in models.items() for file in entry["files"]]


class BuildPy(build_py.build_py):
    """`build_py` that adds `keras_center_ssl/zoo/starter/` to what is built."""

    def run(self):
        if not self.editable_mode:
            # What an earlier build left: modules that were moved since, entries that were replaced.
            shutil.rmtree(self.build_lib, ignore_errors=True)
        super().run()
        if self.editable_mode:
            return
        for path in starter_files():
            target = self._starter / path
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ZOO / path, target)
        (self._starter / INDEX.name).write_text(json.dumps(starter_index(), indent=2), "utf-8")

    def get_outputs(self, include_bytecode=1):
        added = [] if self.editable_mode else [*starter_files(), INDEX.name]
        return [
            *super().get_outputs(include_bytecode),
            *(str(self._starter / path) for path in added),
        ]

    def get_source_files(self):
        """What an sdist needs beyond the packages, to build the same wheel."""
        files = [INDEX, *(ZOO / path for path in starter_files()), pathlib.Path(__file__)]
        root = pathlib.Path.cwd()
        return [
            *super().get_source_files(),
            *(
                path.relative_to(root).as_posix() if path.is_absolute() else path.as_posix()
                for path in files
            ),
        ]

    @property
    def _starter(self):
        return pathlib.Path(self.build_lib, "keras_center_ssl", "zoo", "starter")


# Where setuptools looks its commands up; setup.cfg has no key for a command of one's own.
build_py.build_py = BuildPy
