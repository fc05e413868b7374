"""A bundle into a zoo in a folder: copied and indexed, each in one step.

One publisher at a time writes a zoo. What it makes lies in a hidden folder of the zoo until it is
renamed, and the index is replaced last; where a publisher was killed in between, the next one takes
back what it had begun (see `_take_back`).
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import secrets
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from keras_center_ssl.errors import InputError
from keras_center_ssl.locks import locked
from keras_center_ssl.records import read_object
from keras_center_ssl.zoo.bundles import (
    ACCEPTED,
    card_with_reason,
    check_fit,
    files_of,
    read_record,
    summary_of,
)
from keras_center_ssl.zoo.folder_zoo import FolderZoo
from keras_center_ssl.zoo.index import INDEX, SCHEMA_VERSION, ZooEntry, is_name, parse_index

if TYPE_CHECKING:
    # It names NumPy, without which a zoo lists and downloads.
    from keras_center_ssl.types import FilePath

# Seconds to wait for another publisher.
WAIT = 60.0

_LOGGER = logging.getLogger(__name__)
_WORK = ".publishing-"


def publish(
    bundle_dir: FilePath,
    zoo_dir: FilePath,
    name: str | None = None,
    overwrite: bool = False,
    accept_unhealthy: str | None = None,
) -> ZooEntry:
    """Copies an export bundle into a zoo and enters it in the index.

    Readers of the zoo see the entry whole or not at all: the folder is copied beside its place and
    renamed, the index replaced after that. Publishers take turns.

    Args:
        bundle_dir: A folder that `kcs.export.export_bundle` wrote.
        zoo_dir: The zoo's folder; made if it does not exist.
        name: Name in the zoo; the bundle's own unless given.
        overwrite: Whether to replace an entry of that name.
        accept_unhealthy: Why an encoder is published whose collapse verdict is not `"healthy"`: a
            sentence, which the card then shows.

    Returns:
        The `ZooEntry`.

    Raises:
        InputError: If the folder is no bundle (it needs a card, `metrics.json` and an encoder), or
            holds links or files with unsafe names; if no licence is stated; if the collapse verdict
            is not healthy and no reason is given; if the name is unfit or taken; if the zoo's
            index is invalid; if another process publishes for longer than is waited.
    """
    bundle = Path(os.path.abspath(Path(bundle_dir).expanduser()))
    record = read_record(bundle)
    check_fit(record, accept_unhealthy)
    changed = {}
    verdict = summary_of(record)["verdict"]
    if accept_unhealthy is not None and verdict != "healthy":
        record[ACCEPTED] = accept_unhealthy
        card = (bundle / "README.md").read_text("utf-8", errors="replace")
        changed["README.md"] = card_with_reason(card, verdict, accept_unhealthy)
        changed["metrics.json"] = json.dumps(record, indent=2) + "\n"
    return enter(bundle, zoo_dir, name, overwrite, record, changed)


def enter(bundle, zoo_dir, name, overwrite, record, changed=None):
    """Copies a bundle that is fit to be published, see `publish`.

    Args:
        bundle: Its folder, an absolute `Path`.
        zoo_dir, name, overwrite: See `publish`.
        record: The content of its `metrics.json`.
        changed: Path -> text that the entry has in place of the bundle's file.
    """
    if "://" in str(zoo_dir):
        raise InputError(
            f"A zoo is published to in a folder; received {str(zoo_dir)!r}. Publish to a folder "
            "and upload that."
        )
    zoo = FolderZoo(zoo_dir)
    name = record.get("name") if name is None else name
    if not is_name(name):
        raise InputError(
            f"The name {name!r} is unfit for a zoo: letters, digits, '.', '_' and '-', beginning "
            "with a letter or digit, at most 100. Pass name=."
        )
    if zoo.root == bundle or bundle in zoo.root.parents:
        raise InputError(f"The zoo {zoo.address!r} lies inside the bundle that is to be published.")
    summary, paths = summary_of(record), files_of(bundle)
    zoo.root.mkdir(parents=True, exist_ok=True)

    def waiting():
        _LOGGER.warning("Waiting for another process that publishes to %r.", zoo.address)

    what = f"the zoo {zoo.address!r}"
    with locked(zoo.root / f"{_WORK}lock", what, wait=WAIT, waiting=waiting):
        _take_back(zoo.root)
        models = _models(zoo)
        target = zoo.root / name
        if (name in models or target.exists()) and not overwrite:
            raise InputError(
                f"The zoo {zoo.address!r} has an encoder {name!r} already. Pass another name=, or "
                "overwrite=True to replace it."
            )
        work = zoo.root / f"{_WORK}{name}-{secrets.token_hex(4)}"
        work.mkdir()
        try:
            models[name] = {**summary, "files": _copy(bundle, paths, work / "new", changed or {})}
            text = json.dumps(
                {"schema_version": SCHEMA_VERSION, "models": dict(sorted(models.items()))}, indent=2
            )
            # What cannot be read is not published.
            entry = parse_index(text.encode(), zoo.address)[name]
            _write_index(work / INDEX, text + "\n")
            if target.exists():
                os.replace(target, work / "old")
            os.replace(work / "new", target)
            os.replace(work / INDEX, zoo.root / INDEX)
        finally:
            _take_back(zoo.root)
    return entry


def _take_back(root):
    """Undoes what publishers have begun and not finished, and removes what they have left.

    Publishing is done when the new index has left the working folder for its place. Before that,
    an entry without its `new` folder is in place already, and `old` is what was there.
    """
    for work in root.glob(f"{_WORK}*"):
        if not work.is_dir():
            continue
        target = root / work.name.removeprefix(_WORK).rpartition("-")[0]
        begun = (work / INDEX).exists()
        if begun and not (work / "new").exists():
            os.replace(target, work / "new")
        if begun and (work / "old").exists():
            os.replace(work / "old", target)
        shutil.rmtree(work, ignore_errors=True)


def _write_index(path, text):
    with path.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    path.chmod(0o644)


def _copy(bundle, paths, folder, changed):
    """Copies the files, readable by all, and returns path -> size and SHA-256 of the copies."""
    files = {}
    folder.mkdir()
    folder.chmod(0o755)
    for path in paths:
        copy = folder / path
        for parent in reversed(copy.relative_to(folder).parents[:-1]):
            (folder / parent).mkdir(exist_ok=True)
            (folder / parent).chmod(0o755)
        if path in changed:
            copy.write_text(changed[path], "utf-8")
        else:
            shutil.copyfile(bundle / path, copy)
        copy.chmod(0o644)
        with copy.open("rb") as stream:
            digest = hashlib.sha256()
            while chunk := stream.read(2**20):
                digest.update(chunk)
        files[path] = {"size": copy.stat().st_size, "sha256": digest.hexdigest()}
    return files


def _models(zoo):
    """What the index holds so far, as JSON values; checked before it is built upon."""
    if not (zoo.root / INDEX).exists():
        return {}
    zoo.entries()
    return read_object(zoo.root / INDEX)["models"]
