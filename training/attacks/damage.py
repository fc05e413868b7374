"""Damage to bytes, and to what a JSON file holds."""

import json

# Values that a field does not expect: other types, too large, too deep, words of markup.
STRANGE = (
    None,
    True,
    -1,
    0,
    10**400,
    1e308,
    float("nan"),
    float("inf"),
    "",
    "x" * 100_000,
    "[/red][bold]markup[/]",
    "../../outside",
    "/etc/passwd",
    "\x00\x1b[31m\u202e",
    "日本語 ẞ 🎈",
    "\ud800",
    [],
    {},
    [[[[[[]]]]]],
    {"": {"": {}}},
)


def damaged_bytes(content, case):
    """The content with bits flipped, cut off, emptied, doubled or filled with zeros."""
    way = case.pick(["flip", "cut", "empty", "zeros", "double", "tail", "head"])
    if way == "flip":
        changed = bytearray(content)
        for _ in range(int(case.rng.integers(1, 30))):
            place = int(case.rng.integers(len(changed)))
            changed[place] ^= 1 << int(case.rng.integers(8))
        return bytes(changed)
    place = int(case.rng.integers(1, len(content)))
    return {
        "cut": content[:place],
        "empty": b"",
        "zeros": content[:place] + bytes(len(content) - place),
        "double": content + content,
        "tail": content[place:],
        "head": bytes(min(place, 64)) + content[min(place, 64) :],
    }[way]


def damaged_json(content, case):
    """JSON text with a value, a key or the whole replaced; sometimes no JSON any more."""
    if case.chance(0.15):
        return damaged_bytes(json.dumps(content).encode(), case)
    if case.chance(0.1):
        depth = int(case.pick([500, 100_000]))
        return b"[" * depth + b"]" * depth
    for _ in range(int(case.rng.integers(1, 7))):
        content = _with_a_strange_value(content, case)
    return json.dumps(content).encode("utf-8", "surrogatepass")


def _with_a_strange_value(content, case):
    """A copy in which a value somewhere inside is another, is gone, or has another key."""
    if not isinstance(content, (dict, list)) or not content or case.chance(0.05):
        return case.pick(STRANGE)
    if isinstance(content, list):
        place = int(case.rng.integers(len(content)))
        inner = _with_a_strange_value(content[place], case)
        return [*content[:place], inner, *content[place + 1 :]]
    keys = sorted(content)
    # Rather further inside: a wrong type at the top is refused before anything else is read.
    inside = [key for key in keys if isinstance(content[key], dict) and content[key]]
    key = case.pick(inside if inside and case.chance(0.4) else keys)
    changed = dict(content)
    way = case.rng.random()
    if way < 0.1:
        del changed[key]
    elif way < 0.2:
        name = case.pick([value for value in STRANGE if isinstance(value, str)])
        changed[name] = changed.pop(key)
    else:
        changed[key] = _with_a_strange_value(changed[key], case)
    return changed
