"""The experiments of a checkout: folders of `training/experiments` with an `experiment.yaml`.

Neither Keras nor TensorFlow is imported. An experiment runs in a process of its own,
`training/experiments/run.py`; what it found stands beside it, in `verdict.json` and `README.md`.
"""

import dataclasses
import pathlib
import sys

import yaml

from keras_center_ssl.errors import InputError, one_of
from keras_center_ssl.records import read_object

NOT_RUN = "not run yet"
_FIELDS = ("id", "title", "question", "minutes")


@dataclasses.dataclass(frozen=True)
class Experiment:
    """One folder.

    Attributes:
        id: Short name, such as `"H7"`.
        title: One line.
        question: What it asks.
        minutes: About how long it takes on one quiet core.
        folder: Where it is.
    """

    id: str
    title: str
    question: str
    minutes: float
    folder: pathlib.Path

    @property
    def finding(self) -> dict:
        """What `verdict.json` holds; empty where the experiment has not run."""
        try:
            return read_object(self.folder / "verdict.json")
        except FileNotFoundError:
            return {}

    @property
    def verdict(self) -> str:
        """`"confirmed"`, `"refuted"`, `"undecided"` or `"not run yet"`."""
        return str(self.finding.get("verdict", NOT_RUN))

    @property
    def account(self) -> str:
        """The README: question, prediction, setting and result."""
        return (self.folder / "README.md").read_text(encoding="utf-8")

    def command(self, *arguments: str) -> list[str]:
        """The program that runs it, for `subprocess`."""
        return [sys.executable, str(self.folder.parent / "run.py"), self.id, *arguments]


def list_experiments(folder: pathlib.Path | None = None) -> list[Experiment]:
    """Every experiment, sorted by its id.

    Args:
        folder: Where the experiments' folders are. If `None`, the checkout that this package runs
            from, else that of the current directory.

    Raises:
        InputError: If there is no checkout, or an `experiment.yaml` is not as it should be.
    """
    folder = _checkout() if folder is None else pathlib.Path(folder)
    files = sorted(folder.glob("*/experiment.yaml"))
    if not files:
        raise InputError(
            f"There is no experiment in {str(folder)!r}: no folder in it holds an experiment.yaml."
        )
    return sorted(map(_read, files), key=lambda experiment: experiment.id)


def find_experiment(name: str, folder: pathlib.Path | None = None) -> Experiment:
    """The experiment of that id, in upper or lower case, or of that folder's name."""
    experiments = list_experiments(folder)
    for experiment in experiments:
        if name.lower() in (experiment.id.lower(), experiment.folder.name):
            return experiment
    raise one_of("experiment", name, [experiment.id for experiment in experiments])


def _checkout():
    for root in (pathlib.Path(__file__).resolve().parents[1], pathlib.Path.cwd()):
        # setup.cfg tells a checkout from site-packages.
        if (root / "setup.cfg").is_file() and (root / "training" / "experiments").is_dir():
            return root / "training" / "experiments"
    raise InputError(
        "The experiments are part of the repository, not of the installed package: clone it, and "
        "call center-ssl from its folder."
    )


def _read(path):
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(f"{str(path)!r} is no valid YAML: {error}") from None
    if not isinstance(content, dict) or set(content) != set(_FIELDS):
        raise InputError(
            f"{str(path)!r} is not the description of an experiment: it holds exactly "
            f"{', '.join(_FIELDS)}."
        )
    words = {name: str(content[name]) for name in _FIELDS[:3]}
    return Experiment(**words, minutes=content["minutes"], folder=path.parent)
