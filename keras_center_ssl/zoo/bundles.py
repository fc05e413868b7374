"""A bundle as a zoo takes it: which files, what the index says of it, and what it must not lack."""

import stat

from keras_center_ssl.errors import InputError
from keras_center_ssl.export.formats import FORMATS
from keras_center_ssl.records import read_object
from keras_center_ssl.zoo.index import is_safe_path

# Where `metrics.json` says why a verdict that is not healthy was accepted.
ACCEPTED = "accepted_unhealthy"

_NEEDED = ("README.md", "metrics.json")


def read_record(bundle):
    """The content of a bundle's `metrics.json`; looks that the folder is a bundle.

    Raises:
        InputError: If it is none.
    """
    if not bundle.is_dir():
        raise InputError(f"There is no bundle at {str(bundle)!r}: no such folder.")
    lacking = [file for file in _NEEDED if not (bundle / file).is_file()]
    if not lacking and not any((bundle / each.main_file).is_file() for each in FORMATS.values()):
        lacking = ["encoder in any format"]
    if lacking:
        raise InputError(
            f"The folder {str(bundle)!r} is no bundle: it has no {' and no '.join(lacking)}. "
            "Bundles are made by kcs.export.export_bundle or `center-ssl export`."
        )
    return read_object(bundle / "metrics.json")


def check_fit(record, accept_unhealthy=None):
    """Refuses a bundle that does not say what people have to know of an encoder.

    Args:
        record: The content of its `metrics.json`.
        accept_unhealthy: Why a verdict that is not healthy is accepted.

    Raises:
        InputError: For one without a licence, and for one with a verdict that is not healthy and
            without a reason.
    """
    license = record.get("license")
    if not isinstance(license, str) or not license.strip():
        raise InputError(
            "The bundle does not say under which licence its weights may be used. Export it anew "
            'with one, an SPDX id: metadata={"license": "apache-2.0"}.'
        )
    if accept_unhealthy is not None:
        text = accept_unhealthy if isinstance(accept_unhealthy, str) else ""
        if not text.strip() or not text.isprintable() or len(text) > 1000:
            raise InputError(
                "accept_unhealthy= is the reason, a sentence in one line that the card then shows; "
                f"received {accept_unhealthy!r}."
            )
        return
    verdict = _part(record, "collapse").get("verdict")
    if verdict not in (None, "healthy") and not record.get(ACCEPTED):
        raise InputError(
            f"The verdict on these features is {str(verdict).replace('_', ' ')!r}, and not "
            "'healthy'. If the encoder is worth publishing all the same, say why with "
            "accept_unhealthy=, and its card will show the reason."
        )


def card_with_reason(text, verdict, reason):
    """A card that shows, below its title, why its verdict was accepted."""
    said = (verdict or "missing").replace("_", " ")
    note = f"> Published although its collapse verdict is **{said}**: {reason}\n"
    lines = text.split("\n")
    title = next((n for n, line in enumerate(lines) if line.startswith("# ")), None)
    if title is None:
        return f"{text.rstrip()}\n\n{note}"
    return "\n".join([*lines[: title + 1], "", note.rstrip(), *lines[title + 1 :]])


def files_of(bundle):
    """The files of a bundle, relative, with `/`.

    Raises:
        InputError: For links, pipes and names that a zoo does not accept.
    """
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


def summary_of(metrics):
    """The fields that a listing shows, as far as the bundle's record has them."""
    dataset = metrics.get("dataset")
    if isinstance(dataset, list):
        dataset = ", ".join(map(str, dataset))
    accuracy = _part(metrics, "evaluation").get("knn_accuracy")
    if isinstance(accuracy, dict):
        accuracy = accuracy.get("trained")
    return {
        "method": metrics.get("method"),
        "dataset": dataset,
        "encoder": metrics.get("encoder"),
        "feature_dim": metrics.get("feature_dim"),
        "input_shape": _part(metrics, "input").get("shape"),
        "knn_accuracy": accuracy,
        "verdict": _part(metrics, "collapse").get("verdict"),
        "license": metrics.get("license"),
    }


def _part(metrics, key):
    part = metrics.get(key)
    if part is None:
        return {}
    if not isinstance(part, dict):
        raise InputError(
            f"The bundle's metrics.json has no object {key!r}, but {type(part).__name__}. Export "
            "the bundle anew."
        )
    return part
