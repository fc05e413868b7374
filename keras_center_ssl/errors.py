"""What a person can mend (bad input, a package that is not installed), its words, and collapse."""

import contextlib
import difflib
import importlib.util
import os


class InputError(ValueError):
    """Raised for bad input: says what was received, what is accepted and what to do.

    The command line prints its message as one paragraph, without a stack trace, and exits with 1
    (or 2 where the command itself was used wrongly).
    """

    # Keras wraps what is raised inside `call` in several lines of its own unless this is set.
    _keras_call_info_injected = True


# The extra of setup.cfg that brings a package, and the package's name in a sentence.
_EXTRAS = {
    "keras": ("tensorflow", "Keras"),
    "tensorflow": ("tensorflow", "TensorFlow"),
    "tensorflow_datasets": ("tensorflow", "tensorflow-datasets"),
    "onnx": ("tensorflow", "onnx"),
    "tf2onnx": ("tensorflow", "tf2onnx"),
    "sklearn": ("tensorflow", "scikit-learn"),
    "safetensors": ("tensorflow", "safetensors"),
    "tensorboard": ("tensorflow", "TensorBoard"),
    "jax": ("jax", "JAX"),
    "keras_cv": ("keras-cv", "KerasCV"),
    "keras_hub": ("keras-hub", "KerasHub"),
    "mlflow": ("mlflow", "MLflow"),
    "trackio": ("trackio", "Trackio"),
    "wandb": ("wandb", "Weights & Biases"),
    "pyarrow": ("parquet", "pyarrow"),
    "usearch": ("index", "usearch"),
    "fastapi": ("service", "FastAPI"),
    "uvicorn": ("service", "uvicorn"),
}


class MissingExtra(InputError, ImportError):
    """Raised where a name is used whose packages are not installed.

    `pip install keras-center-ssl` brings what diagnosis, ONNX files and the zoo need; training and
    conversion are in extras. The message names the extra and the command.

    Args:
        what: What was asked for, such as `"kcs.methods"`: the sentence begins with it.
        packages: Import names of all the packages that it needs.
    """

    def __init__(self, what, packages):
        self.what, self.packages = what, tuple(packages)
        missing = [package for package in packages if not installed(package)] or self.packages
        extra = _EXTRAS[missing[0]][0]
        if extra == "tensorflow" and os.environ.get("KERAS_BACKEND") == "jax":
            extra = "jax"
        names = " and ".join(_EXTRAS[package][1] for package in missing)
        super().__init__(f"{what} needs {names}: pip install 'keras-center-ssl[{extra}]'")


@contextlib.contextmanager
def needs(what, *packages):
    """Turns the failed import of one of `packages`, or another extra's, into a `MissingExtra`.

    ```python
    with needs("The data set 'digits'", "sklearn"):
        from sklearn.datasets import load_digits
    ```

    A package that is there and fails for another reason keeps its own error.
    """
    try:
        yield
    except MissingExtra as error:  # said anew, for what was asked for
        raise MissingExtra(what, error.packages) from None
    except ImportError as error:
        missing = _kept_out(error, packages)
        if not missing:
            raise
        raise MissingExtra(what, missing) from None


def _kept_out(error, packages):
    """Of `packages`, or of all that extras bring, those that a failed import asks for."""
    if error.name is None:  # from what keeps a package out, and not from Python
        return [package for package in packages if not installed(package)]
    package = error.name.partition(".")[0]
    if package in packages:
        return packages
    return [package] if package in _EXTRAS and not installed(package) else []


def installed(package):
    """Whether a package can be imported, by its import name; it is not imported."""
    try:
        return importlib.util.find_spec(package) is not None
    except (ImportError, ValueError):  # what stands in for a package that is kept out
        return False


class CollapseError(RuntimeError):
    """Raised by `CollapseMonitor(on_collapse="raise")`.

    Attributes:
        finding: The monitor's finding: verdict, since which step it holds, reasons and causes.
    """

    def __init__(self, finding):
        super().__init__(str(finding))
        self.finding = finding


class CollapseWarning(UserWarning):
    """What `CollapseMonitor` warns with."""


class CheckpointWarning(UserWarning):
    """Says that a damaged checkpoint is passed over."""


class DivergenceError(RuntimeError):
    """Raised by `StopOnDivergence` where the loss, or a weight, is NaN or infinite.

    Attributes:
        step: Step of the training, counted from 1 over all epochs.
        branch: Name of the first tracked branch whose embeddings were not finite; `None` where
            all were.
        weight: Path of the first weight that is not finite; `None` where all are.
    """

    def __init__(self, message, step, branch=None, weight=None):
        super().__init__(message)
        self.step = step
        self.branch = branch
        self.weight = weight


class TrainingStopped(RuntimeError):
    """Raised where a training ends before its time and can go on from a checkpoint.

    Attributes:
        signal: Number of the signal that asked for it; `None` where the disk is full.
    """

    def __init__(self, message, signal=None):
        super().__init__(message)
        self.signal = signal


def nearest(name, options):
    """Returns `" Did you mean 'x'?"` for the option nearest to `name`, or an empty string."""
    # Capitals do not make a name another one.
    known = {str(option).casefold(): str(option) for option in options}
    match = difflib.get_close_matches(str(name).casefold(), known, n=1)
    return f" Did you mean {known[match[0]]!r}?" if match else ""


def one_of(kind, name, options):
    """The error for a `name` that is none of the `options`: lists them and suggests the nearest."""
    options = sorted(str(option) for option in options)
    return InputError(
        f"Unknown {kind} {name!r}.{nearest(name, options)} Accepted: {', '.join(options)}."
    )
