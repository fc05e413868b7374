"""Bad input that a person can mend, the words it is written in, and collapse."""

import difflib


class InputError(ValueError):
    """Raised for bad input: says what was received, what is accepted and what to do.

    The command line prints its message as one paragraph, without a stack trace, and exits with 1
    (or 2 where the command itself was used wrongly).
    """

    # Keras wraps what is raised inside `call` in several lines of its own unless this is set.
    _keras_call_info_injected = True


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
    """

    def __init__(self, message, step, branch=None):
        super().__init__(message)
        self.step = step
        self.branch = branch


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
    match = difflib.get_close_matches(str(name), [str(option) for option in options], n=1)
    return f" Did you mean {match[0]!r}?" if match else ""


def one_of(kind, name, options):
    """The error for a `name` that is none of the `options`: lists them and suggests the nearest."""
    options = sorted(str(option) for option in options)
    return InputError(
        f"Unknown {kind} {name!r}.{nearest(name, options)} Accepted: {', '.join(options)}."
    )
