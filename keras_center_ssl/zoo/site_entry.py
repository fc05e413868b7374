"""What the page of one encoder says, read from its files, none of which is believed."""

import base64
import dataclasses
import unicodedata
import urllib.parse
from pathlib import Path

from keras_center_ssl import figures
from keras_center_ssl.errors import InputError
from keras_center_ssl.records import read_object
from keras_center_ssl.zoo.bundles import ACCEPTED
from keras_center_ssl.zoo.card_html import card_html
from keras_center_ssl.zoo.gallery_record import FOLDER, read_gallery
from keras_center_ssl.zoo.index import ZooEntry

# Bytes of an encoder up to which it is put into one file with its page.
LARGEST_IN_ONE_FILE = 20 * 2**20
_SHOWN = ("center_norm", "effective_rank", "participation_ratio", "between_variance", "uniformity")
_ROLES = {"trained": "this encoder", "untrained": "untrained encoder"}


@dataclasses.dataclass(frozen=True)
class SiteEntry:
    """An entry, its folder on the site, and what its `metrics.json` says.

    Attributes:
        entry: The `ZooEntry`.
        folder: Where its files lie.
        record: The content of `metrics.json`, a dict; empty where there is none.
    """

    entry: ZooEntry
    folder: Path
    record: dict

    @classmethod
    def read(cls, entry, folder):
        """The entry whose files lie in `folder`."""
        path = folder / "metrics.json"
        what = f"The metrics.json of {entry.name!r}"
        return cls(entry, folder, read_object(path, what) if "metrics.json" in entry.files else {})

    @property
    def rank(self):
        """Effective rank of the features, or `None`."""
        return _number(_at(self.record, "collapse", "figures", "effective_rank"))

    @property
    def parameters(self):
        """Number of weights, or `None`."""
        return _number(self.record.get("parameters"))

    @property
    def bytes_to_run(self):
        """Bytes of the ONNX file, or of all files where there is none."""
        file = self.entry.files.get("encoder.onnx")
        return file.size if file else self.entry.size

    @property
    def fits_in_one_file(self):
        """Whether its page may be one file."""
        file = self.entry.files.get("encoder.onnx")
        return file is None or file.size <= LARGEST_IN_ONE_FILE

    @property
    def description(self):
        """A sentence or two, or an empty string."""
        text = self.record.get("description")
        return printable(text)[:600] if isinstance(text, str) else ""

    @property
    def accuracies(self):
        """Bars: title of the figure, then `(what, value in [0, 1])` for encoder and baselines."""
        evaluation = self.record.get("evaluation")
        found = []
        for key, values in (evaluation if isinstance(evaluation, dict) else {}).items():
            if not isinstance(values, dict):
                continue
            bars = [
                (_ROLES.get(name, figures.label(name)), value)
                for name, value in values.items()
                if _number(value) is not None and 0 <= value <= 1
            ]
            if bars:
                found.append((figures.label(key), bars))
        return found

    @property
    def figures(self):
        """Collapse figures: label, value and meaning."""
        values = _at(self.record, "collapse", "figures")
        values = values if isinstance(values, dict) else {}
        return [
            (figures.label(key), f"{values[key]:.4g}", figures.FIGURES[key].meaning)
            for key in _SHOWN
            if key in figures.FIGURES and _number(values.get(key)) is not None
        ]

    @property
    def accepted(self):
        """Why a verdict that is not healthy was accepted, or `None`."""
        reason = self.record.get(ACCEPTED)
        return printable(reason) if isinstance(reason, str) else None

    def card(self, address_of):
        """The model card as HTML, or an empty string."""
        if "README.md" not in self.entry.files:
            return ""
        text = (self.folder / "README.md").read_text("utf-8", errors="replace")
        return card_html(printable(text), address_of)

    def gallery(self):
        """The content of `gallery.json`; `None` where there is none that fits the encoder."""
        if f"{FOLDER}/gallery.json" not in self.entry.files:
            return None
        try:
            return read_gallery(self.folder, self.entry)
        except InputError:
            return None

    def address(self, path):
        """Of a file of the entry on its page in the same folder; `None` where there is none."""
        return urllib.parse.quote(path) if path in self.entry.files else None

    def data_address(self, path):
        """The same with the file inside; other files than pictures have no address then."""
        kind = {".png": "png", ".jpg": "jpeg", ".jpeg": "jpeg"}.get(Path(path).suffix.lower())
        if path not in self.entry.files or kind is None:
            return None
        return f"data:image/{kind};base64,{self.base64(path)}"

    def base64(self, path):
        """A file of the entry as text."""
        return base64.b64encode((self.folder / path).read_bytes()).decode()


def printable(text):
    """`text` without signs that steer a terminal or turn the direction of writing."""
    return "".join(
        sign for sign in text if sign in "\n\t" or unicodedata.category(sign) not in ("Cc", "Cf")
    )


def _at(record, *keys):
    for key in keys:
        record = record.get(key) if isinstance(record, dict) else None
    return record


def _number(value):
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) else None
