"""SIGTERM and Ctrl-C end a training after its step, with a checkpoint."""

import contextlib
import signal


@contextlib.contextmanager
def stop_on_signals(checkpoint, say=None):
    """SIGTERM and Ctrl-C end a `fit` in this block after its step, with a checkpoint.

    `fit` then raises `kcs.TrainingStopped`, and a `fit` with the same `Checkpoint` goes on. Of
    several workers or processes it is enough to signal one: all end behind the same step.

    A second signal ends it at once. In a thread other than the main one it does nothing: Python
    takes signals in the main thread only.

    Args:
        checkpoint: The `Checkpoint` of the fit.
        say: Called with a sentence when a signal comes.
    """
    numbers = (signal.SIGINT, signal.SIGTERM)

    def stop(number, frame):
        checkpoint.stop(number)
        for each in numbers:
            signal.signal(each, before[each])
        if say:
            say("Finishing this step, then writing a checkpoint. Once more to stop at once.")

    before = {}
    with contextlib.suppress(ValueError):
        for number in numbers:
            before[number] = signal.signal(number, stop)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
