"""Attacks the library for some minutes, and says what did not hold.

    python training/attacks/attack.py [--minutes 10] [--seed 0] [--kind images] [--case 17]

Every case is made anew from the seed, its kind and its number, so that the line that is printed
with a failure makes the same one again.
"""

import argparse
import collections
import concurrent.futures
import contextlib
import itertools
import os
import pathlib
import sys
import tempfile
import time

import arrays
import images
import indexes
import kills
import metrics
import servers
from case import Case, Stage

KINDS = {module.__name__: module.attack for module in (arrays, images, indexes, kills)}
KINDS |= {module.__name__: module.attack for module in (metrics, servers)}
# What works on copies of a run and a bundle.
ON_STAGE = ("kills", "metrics")


def main(words=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=10.0, help="no case begins after them")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kind", choices=sorted(KINDS), help="this kind only")
    parser.add_argument("--case", type=int, help="this case of --kind only")
    parser.add_argument("--jobs", type=int, default=max(1, (os.cpu_count() or 2) // 2))
    parser.add_argument("--keep", type=pathlib.Path, help="a new folder to leave everything in")
    options = parser.parse_args(words)
    if options.case is not None and options.kind is None:
        parser.error("--case is a number of one --kind: name it")
    with workplace(options.keep) as folder:
        failures, tried = attack(options, pathlib.Path(folder))
    print(f"\n{'kind':10} {'tried':>6} {'failed':>7}")
    for kind in sorted(tried):
        print(f"{kind:10} {tried[kind]:6} {len(failures[kind]):7}")
    return 1 if any(failures.values()) else 0


def workplace(keep):
    if keep is None:
        return tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
    keep.mkdir(parents=True)
    return contextlib.nullcontext(keep)


def attack(options, folder):
    """Runs cases until the time is over; prints each failure as it comes."""
    stage = Stage(folder / "stage")
    if options.kind in (None, *ON_STAGE):
        stage.make()  # before the clock runs
    ends = time.monotonic() + 60 * options.minutes
    tried, failures = collections.Counter(), collections.defaultdict(list)

    def run(kind, number):
        if time.monotonic() > ends and options.case is None:
            return
        place = folder / f"{kind}-{number}"
        place.mkdir()
        case = Case(kind, number, options.seed, place, stage)
        faults = KINDS[kind](case)
        tried[kind] += 1
        if faults:
            failures[kind].append(number)
        for fault in faults:
            print(f"FAILED {kind} {number}: {fault}\n  again: {case.again()}", flush=True)

    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        pending = set()
        for kind, number in wanted(options):
            if time.monotonic() > ends and options.case is None:
                break
            pending.add(pool.submit(run, kind, number))
            if len(pending) >= 2 * options.jobs:
                done, pending = concurrent.futures.wait(
                    pending, return_when=concurrent.futures.FIRST_COMPLETED
                )
                for future in done:
                    future.result()
        for future in pending:
            future.result()
    return failures, tried


def wanted(options):
    """The cases in turn: one of each kind, then the next of each."""
    if options.case is not None:
        return [(options.kind, options.case)]
    kinds = [options.kind] if options.kind else sorted(KINDS)
    return ((kind, number) for number in itertools.count() for kind in kinds)


if __name__ == "__main__":
    sys.exit(main())
