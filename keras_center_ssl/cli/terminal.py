"""What every command shares: the console, how errors are printed, and a quiet start of Keras."""

import _thread
import contextlib
import errno
import logging
import os
import signal
import sys
import tempfile
import threading
import warnings

from rich.console import Console

from keras_center_ssl.errors import CheckpointWarning, CollapseWarning, needs

# Signs that would steer the terminal instead of being shown; rich leaves out some others itself.
_CONTROLS = {number: f"\\x{number:02x}" for number in (*range(7), *range(14, 32), *range(127, 160))}
# What a shell reports for a process that SIGPIPE has ended.
_CLOSED_PIPE = 141


class Terminal(Console):
    """A console that prints text as it is: paths and names of others are no markup.

    Lines are never cut or wrapped, so that what they hold can be copied.

    Attributes:
        outlives_reader: Whether a command goes on when its output cannot be written any more, as
            a training does.
    """

    def __init__(self, **options):
        super().__init__(markup=False, highlight=False, emoji=False, soft_wrap=True, **options)
        self.outlives_reader = False

    def print(self, *objects, **options):
        objects = [x.translate(_CONTROLS) if isinstance(x, str) else x for x in objects]
        try:
            super().print(*objects, **options)
        except OSError as error:
            if not self.outlives_reader:
                _give_up(self.file, error)
            self.quiet = True
            mute(self.file)
            errors.print(f"The output cannot be written ({error.strerror}): going on without it.")

    def result(self, *objects, **options):
        """Prints what the command was asked for, where it is quiet, too."""
        before, self.quiet = self.quiet, False
        try:
            self.print(*objects, **options)
        finally:
            self.quiet = before or self.quiet

    @property
    def moves(self):
        """Whether bars can be drawn and redrawn: on a terminal that is not dumb."""
        return self.is_terminal and not self.is_dumb_terminal

    def on_broken_pipe(self):
        raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))


console = Terminal()
errors = Terminal(stderr=True)


def flush():
    """Writes what the standard output holds back, while its errors can still be told."""
    if sys.stdout is not None:
        try:
            sys.stdout.flush()
        except OSError as error:
            _give_up(sys.stdout, error)


def _give_up(stream, error):
    """Ends the command: without a word where nobody reads any more, as other programs do."""
    mute(stream)
    if isinstance(error, BrokenPipeError):
        raise SystemExit(_CLOSED_PIPE)
    error.filename = "standard error" if stream is sys.stderr else "standard output"
    raise error


def mute(stream):
    """Lets what is still to be written to a stream go nowhere, also what it holds back."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        number = os.open(os.devnull, os.O_WRONLY)
        os.dup2(number, stream.fileno())
        os.close(number)


def accept_all_signs():
    """Signs that the terminal's encoding lacks are written as `\\xe9`, instead of an error."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def keep_interrupts():
    """Lets Ctrl-C come again where Python swallows it: in `__del__`, or while it frees memory."""
    others = sys.unraisablehook

    def hook(unraisable):
        if unraisable.exc_type is KeyboardInterrupt:
            threading.Timer(0.1, _thread.interrupt_main).start()
        else:
            others(unraisable)

    sys.unraisablehook = hook


def quiet_start():
    """Imports TensorFlow without the banner that its C++ side writes past all log levels.

    Ctrl-C ends the process at once meanwhile: nothing has begun, and half-imported libraries turn
    it into errors of their own.
    """
    with _until_done(signal.SIGINT, lambda number, frame: os._exit(128 + number)), _no_banner():
        with needs("This command", "keras", "tensorflow"):
            from keras_center_ssl import engine

        engine.has_accelerator()
    # Its advice on retracing is for who writes such functions; what is wrong is raised.
    logging.getLogger("tensorflow").setLevel(logging.ERROR)


@contextlib.contextmanager
def _until_done(number, handler):
    """Another handler of a signal; none where it is ignored, as by nohup, and none in threads."""
    try:
        before = signal.getsignal(number)
        if before == signal.SIG_IGN:
            handler = before
        signal.signal(number, handler)
    except ValueError:  # Python takes signals in the main thread only
        yield
        return
    try:
        yield
    finally:
        signal.signal(number, before)


@contextlib.contextmanager
def _no_banner():
    """Keeps the standard error, and writes it only where the block raises."""
    try:
        saved = os.dup(2)
    except OSError:  # closed
        yield
        return
    with tempfile.TemporaryFile() as sink:
        os.dup2(sink.fileno(), 2)
        try:
            yield
        except BaseException:
            sink.seek(0)
            os.write(saved, sink.read())
            raise
        finally:
            os.dup2(saved, 2)
            os.close(saved)


def show_own_warnings():
    """A collapse or a damaged checkpoint is said in its own words, not as a line of code."""
    show = warnings.showwarning

    def shown(message, category, *args, **kwargs):
        if issubclass(category, (CollapseWarning, CheckpointWarning)):
            console.print(str(message), style="yellow")
        else:
            show(message, category, *args, **kwargs)

    warnings.showwarning = shown
