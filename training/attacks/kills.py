"""Kills at any time, and two processes in one folder: nothing is lost, nothing is half."""

import hashlib
import json
import shutil
import signal
import time

from case import HEAVY, LIGHT, finish, kill, train_words

# The stage is trained in seconds, and may have collapsed.
_ACCEPTED = ("--accept-unhealthy", "It is only attacked.")
WHOLE_BUNDLE = ("README.md", "metrics.json", "encoder.keras", "encoder.onnx")


def attack(case):
    way = case.pick([kill_publish, two_publish, kill_train, two_train, kill_export, two_export])
    return [f"{way.__name__}: {fault}" for fault in way(case) if fault]


def kill_train(case):
    """Killed, and resumed, a training ends as if nothing had been."""
    out = case.folder / "run"
    _killed(case, train_words(out), latest=40)
    ended = case.run(*train_words(out), "--resume", limit=HEAVY)
    yield ended.fault(expected=(0,))
    yield from _run_is_whole(out)


def two_train(case):
    """Of two trainings into one folder one goes on; the other is told so."""
    out = case.folder / "run"
    ended = _together(case, train_words(out), train_words(out))
    yield from (one.fault() for one in ended)
    if not any(one.code == 0 for one in ended):
        yield "neither training came through"
    yield from _run_is_whole(out)


def kill_export(case):
    """A bundle is whole or not there; the run is as before."""
    run = case.stage.copy(case.stage.run, case.folder / "run")
    before, out = _contents(run), case.folder / "bundle"
    _killed(case, ("export", run, "--out", out), latest=40)
    yield from _bundle_is_whole_or_absent(out)
    if out.exists():
        shutil.rmtree(out)
    yield case.run("export", run, "--out", out, limit=HEAVY).fault(expected=(0,))
    yield from _bundle_is_whole_or_absent(out)
    if not before.items() <= _contents(run).items():
        yield "the run that was exported has changed"


def two_export(case):
    run = case.stage.copy(case.stage.run, case.folder / "run")
    out = case.folder / "bundle"
    ended = _together(case, *[("export", run, "--out", out)] * 2)
    yield from (one.fault() for one in ended)
    if not any(one.code == 0 for one in ended):
        yield "neither export came through"
    yield from _bundle_is_whole_or_absent(out)


def kill_publish(case):
    """What a zoo held is still there and right, and publishing again works."""
    zoo = _zoo(case)
    words = ("zoo", "publish", case.stage.bundle, "--zoo", zoo, *_ACCEPTED, "--name", "new")
    _killed(case, words, latest=3)
    yield case.run("zoo", "verify", "first", "--source", zoo).fault(expected=(0,))
    again = case.run(*words)
    yield again.fault()
    if again.code and "new" not in _names(zoo):
        yield f"cannot be published again: {again.output[-300:]}"
    yield case.run("zoo", "verify", "--source", zoo).fault(expected=(0,))


def two_publish(case):
    """Two entries that are published at once are both there."""
    zoo = _zoo(case)
    words = ("zoo", "publish", case.stage.bundle, "--zoo", zoo, *_ACCEPTED, "--name")
    ended = _together(case, (*words, "one"), (*words, "two"), limit=LIGHT)
    yield from (one.fault() for one in ended)
    wanted = {"first"} | {n for n, one in zip(("one", "two"), ended, strict=True) if one.code == 0}
    if not wanted <= _names(zoo):
        yield f"the index holds {sorted(_names(zoo))}, not {sorted(wanted)}"
    yield case.run("zoo", "verify", "--source", zoo).fault(expected=(0,))


def _zoo(case):
    zoo = case.folder / "zoo"
    ended = case.run(
        "zoo", "publish", case.stage.bundle, "--zoo", zoo, *_ACCEPTED, "--name", "first"
    )
    assert ended.code == 0, ended.output
    return zoo


def _names(zoo):
    return set(json.loads((zoo / "index.json").read_text())["models"])


def _killed(case, words, latest):
    """Runs a command and kills it at a random time, if it has not ended before."""
    process = case.start(*words)
    time.sleep(float(case.rng.uniform(0, latest)))
    kill(process, case.pick([signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGINT]))
    return finish(process, words, HEAVY)


def _together(case, *commands, limit=HEAVY):
    """Starts commands at once, or nearly so, and waits for all."""
    processes = []
    for words in commands:
        processes.append(case.start(*words))
        time.sleep(float(case.pick([0, 0, 0.5, 5])))
    return [
        finish(process, words, limit) for process, words in zip(processes, commands, strict=True)
    ]


def _contents(folder):
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def _run_is_whole(out):
    missing = [
        name
        for name in ("encoder.keras", "metrics.json", "recipe.yaml")
        if not (out / name).is_file()
    ]
    if missing:
        yield f"the run has no {', '.join(missing)}"
        return
    rows = (out / "history.csv").read_text().strip().splitlines()
    if len(rows) != 3:
        yield f"history.csv has {len(rows)} lines for a heading and two epochs"


def _bundle_is_whole_or_absent(out):
    if out.exists():
        missing = [name for name in WHOLE_BUNDLE if not (out / name).is_file()]
        if missing:
            yield f"half a bundle, without {', '.join(missing)}"
