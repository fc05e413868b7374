"""One case of an attack: where it takes place, its random draws, and how commands are judged."""

import dataclasses
import functools
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import threading
import time
import zlib

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[2]
# Seconds. A command that trains or converts first imports TensorFlow; one that does not is quick.
# They are many times what a quiet machine needs: what is still running then hangs.
HEAVY, LIGHT = 300, 90
TINY = (
    "name=tiny data.source=digits data.limit=256 epochs=2 batch_size=64 encoder.width=4 "
    "encoder.grid=2 features.dimensions=16 method.hidden_dim=16 method.output_dim=8 views.blur=0"
).split()


@dataclasses.dataclass
class Ended:
    """How a command ended: `code` is `None` where it was ended at its limit."""

    command: str
    code: int | None
    output: str
    seconds: float

    def fault(self, expected=(0, 1, 2)):
        """What is wrong with how it ended, or `None`.

        A refusal is fine, in words; a traceback, a signal, a hang and a failure without a word
        are not.
        """
        end = " ".join(self.output[-400:].split())
        if self.code is None:
            return f"{self.command}: silent past {self.seconds:.0f} s; {end}"
        if "Traceback (most recent call last)" in self.output:
            return f"{self.command}: a traceback; {end}"
        if self.code < 0 or self.code not in expected:
            return f"{self.command}: ended with {self.code}; {end}"
        if self.code and not self.output.strip():
            return f"{self.command}: failed with {self.code} and without a word"
        return None


class Case:
    """A case of `kind`, with draws that follow from its number and the seed."""

    def __init__(self, kind, number, seed, folder, stage):
        self.kind, self.number, self.seed = kind, number, seed
        self.folder, self.stage = pathlib.Path(folder), stage
        self.rng = np.random.default_rng([seed, zlib.crc32(kind.encode()), number])
        self.environment = environment(self.folder / "cache")
        # Terminals differ, too.
        self.environment["COLUMNS"] = str(self.pick([40, 80, 200]))
        if self.rng.random() < 0.25:
            self.environment |= {"PYTHONIOENCODING": "ascii", "LC_ALL": "C", "PYTHONUTF8": "0"}

    def pick(self, options):
        return options[int(self.rng.integers(len(options)))]

    def chance(self, probability):
        return self.rng.random() < probability

    def again(self):
        return (
            f"python training/attacks/attack.py --seed {self.seed} --kind {self.kind} "
            f"--case {self.number}"
        )

    def start(self, *words):
        """`center-ssl WORDS` as a process group of its own."""
        return start([sys.executable, "-m", "keras_center_ssl.cli", *words], self)

    def run(self, *words, limit=LIGHT):
        """Runs `center-ssl WORDS` to its end, or to the limit."""
        return finish(self.start(*words), words, limit)

    def run_python(self, *words, limit=LIGHT):
        return finish(start([sys.executable, *words], self), words[-2:], limit)


def environment(cache):
    """Of a command: this checkout, no network zoo, nothing of the user's."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("KERAS_CENTER_SSL")}
    return kept | {
        "PYTHONPATH": str(ROOT),
        "TF_CPP_MIN_LOG_LEVEL": "2",
        "KERAS_CENTER_SSL_CACHE": str(cache),
        "PYTHONUNBUFFERED": "1",
    }


def start(words, case):
    return subprocess.Popen(
        [str(word) for word in words],
        cwd=case.folder,
        env=case.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    )


def finish(process, words, limit):
    """Waits for a process and judges nothing; its whole group ends with it."""
    began, command = time.monotonic(), " ".join(str(word) for word in words)
    try:
        output, _ = process.communicate(timeout=limit)
        code = process.returncode
    except subprocess.TimeoutExpired:
        kill(process)
        output, code = process.communicate()[0], None
    return Ended(command, code, output, time.monotonic() - began)


def kill(process, number=signal.SIGKILL):
    """Sends a signal to a process and all that it has started."""
    try:
        os.killpg(process.pid, number)
    except ProcessLookupError:
        pass  # it has ended by itself


class Stage:
    """What cases work on copies of: a small run, its bundle, and a zoo. Made when first used."""

    def __init__(self, folder):
        self._folder = pathlib.Path(folder)
        self._lock = threading.Lock()

    @property
    def zoo(self):
        return ROOT / "zoo"

    @property
    def encoder(self):
        return ROOT / "zoo" / "quickstart-fashion-mnist" / "encoder.keras"

    @property
    def run(self):
        return self._made[0]

    @property
    def bundle(self):
        return self._made[1]

    def copy(self, source, target):
        shutil.copytree(source, target)
        return target

    def make(self):
        """Trains, evaluates and exports, unless that is done: up to a minute."""
        return self._made

    @property
    def _made(self):
        # Cases run in threads: the second waits for what the first makes.
        with self._lock:
            return self._make

    @functools.cached_property
    def _make(self):
        self._folder.mkdir(parents=True, exist_ok=True)
        maker = Case("stage", 0, 0, self._folder, self)
        run, bundle = self._folder / "run", self._folder / "bundle"
        for words in (train_words(run), ("evaluate", run), ("export", run, "--out", bundle)):
            ended = maker.run(*words, limit=3 * HEAVY)
            if ended.code != 0:
                raise SystemExit(f"The stage could not be made: {ended.command}\n{ended.output}")
        return run, bundle


def train_words(out):
    """`center-ssl train` of a recipe that takes seconds."""
    settings = [word for setting in TINY for word in ("--set", setting)]
    return ("train", ROOT / "training/recipes/quickstart.yaml", *settings, "--out", out)
