"""A worker process: prepares and times what it is asked to, in the environment it was started in.

    python worker.py SIDE THREADS

SIDE is a folder beside this file: ours, peer or kerascv. Jobs come by stdin and answers go by
stdout, one JSON object a line:

    {"do": "versions"}
    {"do": "prepare", "task": "methods.step", "options": {...}}   one contestant at a time is kept
    {"do": "prepare", "key": ...}                                  or several, each under its key
    {"do": "time", "key": ..., "seconds": 1.0}
    {"do": "drop"}                                                 forgets them all

A task is a function of a module of SIDE that returns a `timing.Prepared`.
"""

import gc
import importlib
import json
import os
import sys
import traceback


def main():
    side, threads = sys.argv[1], int(sys.argv[2])
    # Only answers may reach stdout: what libraries print goes where their warnings go.
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    setup = importlib.import_module(side)
    setup.limit_threads(threads)
    prepared = {}
    for line in sys.stdin:
        try:
            answer = _answer(side, setup, prepared, json.loads(line))
        except Exception as error:
            traceback.print_exc()
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), file=answers)


def _answer(side, setup, prepared, job):
    if job["do"] == "versions":
        return setup.versions()
    if job["do"] == "drop":
        prepared.clear()
        setup.forget()
        gc.collect()
        return {}
    if job["do"] == "prepare":
        module, function = job["task"].split(".")
        task = getattr(importlib.import_module(f"{side}.{module}"), function)
        contestant = prepared[job["key"]] = task(**job["options"])
        return {"images": contestant.images, "facts": contestant.facts}
    return {"seconds": prepared[job["key"]].run(job["seconds"])}


if __name__ == "__main__":
    main()
