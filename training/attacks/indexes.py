"""Zoos whose index says strange things: a sentence, no file outside the cache."""

import json

from damage import damaged_json

NAME = "quickstart-fashion-mnist"


def attack(case):
    """Every command that reads a zoo, on a copy with a damaged index."""
    zoo = case.folder / "zoo"
    zoo.mkdir()
    (zoo / NAME).symlink_to(case.stage.zoo / NAME)
    index = json.loads((case.stage.zoo / "index.json").read_text())
    (zoo / "index.json").write_bytes(damaged_json(index, case))
    before = listing(case)
    words = case.pick(
        [
            ("list",),
            ("show", NAME),
            ("verify",),
            ("download", NAME, "--cache-dir", case.folder / "cache"),
            ("download", NAME, "--format", "onnx", "--cache-dir", case.folder / "cache"),
        ]
    )
    faults = [case.run("zoo", *words, "--source", zoo).fault()]
    if listing(case) != before:
        faults.append(f"zoo {words[0]} wrote outside the cache: {listing(case) ^ before}")
    return [fault for fault in faults if fault]


def listing(case):
    """Files of the case's folder and beside it, without the cache."""
    found = {path for path in case.folder.rglob("*") if "cache" not in path.parts}
    return {str(path.relative_to(case.folder)) for path in found}
