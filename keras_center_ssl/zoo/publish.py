"""A bundle into a zoo in a folder: copied and indexed, each in one step."""

import contextlib
import hashlib
import json
import os
import shutil
import stat
import tempfile
from pathlib import Path

from keras_center_ssl.errors import InputError
from keras_center_ssl.types import FilePath
from keras_center_ssl.zoo.index import (
    INDEX,
    SCHEMA_VERSION,
    FolderZoo,
    ZooEntry,
    is_name,
    is_safe_path,
    parse_index,
)

_NEEDED = ("README.md", "metrics.json")
_ARTEFACTS = ("encoder.keras", "encoder.onnx", "saved_model/saved_model.pb")


def publish(
    bundle_dir: FilePath, zoo_dir: FilePath, name: str | None = None, overwrite: bool = False
) -> ZooEntry:
    """Copies an export bundle into a zoo and enters it in the index.

    Readers of the zoo see the entry whole or not at all: the folder is copied beside its place and
    renamed, the index replaced after that.

    Args:
        bundle_dir: A folder that `kcs.export.export_bundle` wrote.
        zoo_dir: The zoo's folder; made if it does not exist.
        name: Name in the zoo; the bundle's own unless given.
        overwrite: Whether to replace an entry of that name.

    Returns:
        The `ZooEntry`.

    Raises:
        InputError: If the folder is no bundle, or holds links or files with unsafe names; if the
            name is unfit or taken; if the zoo's index is invalid.
    """
    bundle = Path(os.path.abspath(Path(bundle_dir).expanduser()))
    zoo = FolderZoo(zoo_dir)
    metrics = _metrics(bundle)
    name = metrics.get("name") if name is None else name
    if not is_name(name):
        raise InputError(
            f"The name {name!r} is unfit for a zoo: letters, digits, '.', '_' and '-', beginning "
            "with a letter or digit, at most 100. Pass name=."
        )
    if zoo.root == bundle or bundle in zoo.root.parents:
        raise InputError(f"The zoo {zoo.address!r} lies inside the bundle that is to be published.")
    paths = _paths(bundle)
    zoo.root.mkdir(parents=True, exist_ok=True)
    with _alone(zoo.root):
        models = _models(zoo)
        target = zoo.root / name
        if (name in models or target.exists()) and not overwrite:
            raise InputError(
                f"The zoo {zoo.address!r} has an encoder {name!r} already. Pass another name=, or "
                "overwrite=True to replace it."
            )
        folder = Path(tempfile.mkdtemp(prefix=f".{name}.", dir=zoo.root))
        try:
            files = _copy(bundle, paths, folder / "new")
            models[name] = {**_summary(metrics), "files": files}
            text = json.dumps(
                {"schema_version": SCHEMA_VERSION, "models": dict(sorted(models.items()))}, indent=2
            )
            entry = parse_index(text, zoo.address)[name]  # what cannot be read is not published
            _place(folder / "new", target, folder / "old")
            try:
                (folder / INDEX).write_text(text + "\n", "utf-8")
                (folder / INDEX).chmod(0o644)
                os.replace(folder / INDEX, zoo.root / INDEX)
            except BaseException:
                _place(folder / "old", target, folder / "refused")
                raise
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    return entry


def _place(folder, target, aside):
    """Gives `folder` the name `target`, and what is there the name `aside`."""
    if target.exists():
        os.replace(target, aside)
    if folder.exists():
        os.replace(folder, target)


def _metrics(bundle):
    if not bundle.is_dir():
        raise InputError(f"There is no bundle at {str(bundle)!r}: no such folder.")
    lacking = [file for file in _NEEDED if not (bundle / file).is_file()]
    if not lacking and not any((bundle / file).is_file() for file in _ARTEFACTS):
        lacking = ["encoder in any format"]
    if lacking:
        raise InputError(
            f"The folder {str(bundle)!r} is no bundle: it has no {' and no '.join(lacking)}. "
            "Bundles are made by kcs.export.export_bundle or `center-ssl export`."
        )
    try:
        metrics = json.loads((bundle / "metrics.json").read_text("utf-8"))
    except ValueError as error:
        raise InputError(f"{str(bundle / 'metrics.json')!r} is no valid JSON: {error}.") from None
    if not isinstance(metrics, dict):
        raise InputError(f"{str(bundle / 'metrics.json')!r} holds no object. Export anew.")
    return metrics


def _paths(bundle):
    """The files of a bundle, relative, with `/`."""
    paths = []
    for place in sorted(bundle.rglob("*")):
        path = place.relative_to(bundle).as_posix()
        if place.is_symlink() or not (place.is_dir() or stat.S_ISREG(place.stat().st_mode)):
            raise InputError(f"The bundle holds {path!r}, which is a link or no plain file.")
        if place.is_dir():
            continue
        if not is_safe_path(path):
            raise InputError(f"The bundle holds {path!r}, a name that a zoo does not accept.")
        paths.append(path)
    return paths


def _copy(bundle, paths, folder):
    """Copies the files, readable by all, and returns path -> size and SHA-256 of the copies."""
    files = {}
    folder.mkdir()
    folder.chmod(0o755)
    for path in paths:
        copy = folder / path
        for parent in reversed(copy.relative_to(folder).parents[:-1]):
            (folder / parent).mkdir(exist_ok=True)
            (folder / parent).chmod(0o755)
        shutil.copyfile(bundle / path, copy)
        copy.chmod(0o644)
        with copy.open("rb") as stream:
            digest = hashlib.sha256()
            while chunk := stream.read(2**20):
                digest.update(chunk)
        files[path] = {"size": copy.stat().st_size, "sha256": digest.hexdigest()}
    return files


def _summary(metrics):
    """The fields that a listing shows, as far as the bundle's record has them."""
    dataset = metrics.get("dataset")
    if isinstance(dataset, list):
        dataset = ", ".join(map(str, dataset))
    accuracy = (metrics.get("evaluation") or {}).get("knn_accuracy")
    if isinstance(accuracy, dict):
        accuracy = accuracy.get("trained")
    return {
        "method": metrics.get("method"),
        "dataset": dataset,
        "encoder": metrics.get("encoder"),
        "feature_dim": metrics.get("feature_dim"),
        "input_shape": (metrics.get("input") or {}).get("shape"),
        "knn_accuracy": accuracy,
        "verdict": (metrics.get("collapse") or {}).get("verdict"),
        "license": metrics.get("license"),
    }


def _models(zoo):
    """What the index holds so far, as JSON values; checked before it is built upon."""
    index = zoo.root / INDEX
    if not index.exists():
        return {}
    text = index.read_bytes()
    parse_index(text, zoo.address)
    return json.loads(text)["models"]


@contextlib.contextmanager
def _alone(root):
    """Keeps two publishers from writing one index: a lock on the zoo's folder itself."""
    try:
        import fcntl
    except ImportError:  # Windows: publishers take turns by themselves
        yield
        return
    number = os.open(root, os.O_RDONLY)
    try:
        fcntl.flock(number, fcntl.LOCK_EX)
        yield
    finally:
        os.close(number)
