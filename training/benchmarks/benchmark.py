"""Times this library and its peers in turn, and writes the table.

    python training/benchmarks/benchmark.py [--quick] [--only views] [--readme README.md]

Every contestant is prepared in a worker process of its own side, in its own environment. Then all
contestants of a comparison are timed one after the other, and again, in the reverse order, so that
whatever else the machine does meets all of them alike. results/ gets results.json, results.csv,
results.md and results.png.
"""

import argparse
import datetime
import json
import os
import pathlib
import platform
import time

import comparisons
import tables
from workers import LOG, Failed, Workers, machine

HERE = pathlib.Path(__file__).parent
RESULTS = HERE / "results"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer cases, about five minutes")
    parser.add_argument("--only", default="", help="comparisons whose section or case has this")
    parser.add_argument(
        "--update", action="store_true", help="with --only: keep the other figures of results.json"
    )
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="of every contestant")
    parser.add_argument("--repetitions", type=int, help="turns of every contestant")
    parser.add_argument("--seconds", type=float, help="of every turn")
    parser.add_argument("--results", type=pathlib.Path, default=RESULTS)
    parser.add_argument("--readme", type=pathlib.Path, help="page that gets the table, too")
    arguments = parser.parse_args()
    repetitions = arguments.repetitions or (3 if arguments.quick else 5)
    seconds = arguments.seconds or (0.5 if arguments.quick else 1.0)

    chosen = comparisons.on_the_cpu(arguments.threads, arguments.quick)
    wanted = arguments.only.lower()
    chosen = [c for c in chosen if wanted in f"{c.section}: {c.case}".lower()]
    if not chosen:
        parser.error(f"no comparison's section or case contains {arguments.only!r}")

    if arguments.update and not (arguments.results / "results.json").is_file():
        parser.error(f"--update keeps figures of results.json, and {arguments.results} has none")
    if arguments.readme:
        tables.around(arguments.readme)  # no markers: said now, not after forty minutes
    arguments.results.mkdir(parents=True, exist_ok=True)
    began, load = time.time(), os.getloadavg()[0]
    with open(arguments.results / LOG, "w") as log:
        workers = Workers(arguments.threads, log)
        rows, skipped = [], []
        for number, comparison in enumerate(chosen, 1):
            print(f"[{number}/{len(chosen)}] {comparison.section}: {comparison.case}", flush=True)
            compare = _alone if comparison.lone else _in_turn
            found, left_out = compare(workers, comparison, repetitions, seconds)
            rows += found
            skipped += left_out
        versions = {"python": platform.python_version(), **workers.versions()}
        workers.close()
    results = {
        "date": datetime.date.today().isoformat(),
        "machine": {**machine(), "load_before": round(load, 2)},
        "settings": {
            "threads": arguments.threads,
            "repetitions": repetitions,
            "seconds": seconds,
            "quick": arguments.quick,
            "minutes": round((time.time() - began) / 60, 1),
        },
        "versions": versions,
        "results": rows,
        "skipped": skipped,
    }
    if arguments.update:
        results = updated(arguments.results / "results.json", results)
    print(tables.write(results, arguments.results, arguments.readme))


def updated(path, new):
    """The results in `path` with the comparisons of `new` in place of theirs, and it says so."""
    old = json.loads(path.read_text(encoding="utf-8"))
    fresh = {(row["section"], row["case"]) for row in new["results"]}
    merged = {}
    for kind in ("results", "skipped"):
        kept = [row for row in old[kind] if (row["section"], row["case"]) not in fresh]
        merged[kind] = [*new[kind], *kept]
    run = {"date": new["date"], **new["machine"]}
    later = {**old.get("updated", {}), **{section: run for section, _ in fresh}}
    return {**old, **merged, "updated": dict(sorted(later.items()))}


def _in_turn(workers, comparison, repetitions, seconds):
    """Prepares all contestants, then times each in turn. Returns rows, and who was left out."""
    rows, skipped = [], []
    try:
        if comparison.needs:
            workers["ours"].ask(do="prepare", key="", task=comparison.needs, options={})
    except Failed as error:
        return [], [
            _left_out(comparison, contestant, error) for contestant in comparison.contestants
        ]
    for contestant in comparison.contestants:
        try:
            answer = workers[contestant.side].ask(
                do="prepare",
                key=contestant.name,
                task=contestant.task,
                options=contestant.options,
            )
            rows.append(_row(comparison, contestant, answer))
        except Failed as error:
            skipped.append(_left_out(comparison, contestant, error))
    _check_parameters(rows)
    sides = {contestant.name: contestant.side for contestant in comparison.contestants}
    for repetition in range(repetitions):
        for row in rows if repetition % 2 == 0 else reversed(rows):
            name = row["contestant"]
            try:
                answer = workers[sides[name]].ask(do="time", key=name, seconds=seconds)
                row["seconds"].append(answer["seconds"])
            except Failed as error:
                row["failed"] = str(error)
    workers.drop()
    skipped += [{**_place(row), "why": row["failed"]} for row in rows if "failed" in row]
    return [row for row in rows if "failed" not in row], skipped


def _alone(workers, comparison, repetitions, seconds):
    """Prepares each contestant in a process of its own; its facts are the result."""
    rows, skipped = [], []
    for contestant in comparison.contestants:
        try:
            worker = workers.start(contestant.side)
            answer = worker.ask(
                do="prepare", key="", task=contestant.task, options=contestant.options
            )
            worker.close()
            rows.append(_row(comparison, contestant, answer))
        except Failed as error:
            skipped.append(_left_out(comparison, contestant, error))
    return rows, skipped


def _row(comparison, contestant, answer):
    place = {"section": comparison.section, "case": comparison.case, "contestant": contestant.name}
    return {**place, "images": answer["images"], "facts": answer["facts"], "seconds": []}


def _left_out(comparison, contestant, error):
    print(f"    without {contestant.name}: {error}", flush=True)
    return {**_place(_row(comparison, contestant, {"images": 0, "facts": {}})), "why": str(error)}


def _place(row):
    return {name: row[name] for name in ("section", "case", "contestant")}


def _check_parameters(rows):
    """Speeds of different networks are not compared."""
    counts = {row["contestant"]: row["facts"].get("parameters") for row in rows}
    if len({count for count in counts.values() if count is not None}) > 1:
        raise SystemExit(f"The contestants' networks differ in their parameters: {counts}")


if __name__ == "__main__":
    main()
