"""Runs and bundles whose records were damaged: a sentence from every command that reads them."""

import json

from case import HEAVY
from damage import damaged_bytes, damaged_json


def attack(case):
    """One command on a copy of a run, or of a bundle, with a damaged file."""
    if case.chance(0.5):
        run = case.stage.copy(case.stage.run, case.folder / "run")
        damage(run, case.pick(["metrics.json", "metrics.json", "recipe.yaml", "history.csv"]), case)
        words = case.pick(
            [("evaluate", run), ("export", run, "--out", case.folder / "out"), ("diagnose", run)]
        )
    else:
        bundle = case.stage.copy(case.stage.bundle, case.folder / "bundle")
        damage(bundle, case.pick(["metrics.json", "metrics.json", "README.md"]), case)
        words = ("zoo", "publish", bundle, "--zoo", case.folder / "zoo")
    ended = case.run(*words, limit=HEAVY)
    faults = [ended.fault()]
    index = case.folder / "zoo" / "index.json"
    if index.exists():
        try:
            json.loads(index.read_text())
        except ValueError:
            faults.append("publish left an index that is no JSON")
        faults.append(case.run("zoo", "list", "--source", index.parent).fault(expected=(0,)))
    return [fault for fault in faults if fault]


def damage(folder, name, case):
    path = folder / name
    if path.suffix == ".json" and case.chance(0.8):
        path.write_bytes(damaged_json(json.loads(path.read_text()), case))
    else:
        path.write_bytes(damaged_bytes(path.read_bytes(), case))
