"""A recipe as YAML, with a reason above each choice."""

import textwrap

import yaml

_WIDTH = 96


def commented_yaml(recipe: dict, reasons: dict, heading: str = "") -> str:
    """YAML of a recipe with its reasons as comments; read again, it is the same recipe.

    Args:
        recipe: Nested dicts, two levels deep.
        reasons: dict, key (`"epochs"`, `"method.temperature"`) -> a sentence.
        heading: A comment at the top.
    """
    lines = _comment(heading, "")
    for key, value in recipe.items():
        lines += _comment(reasons.get(key), "")
        if not isinstance(value, dict):
            lines += _yaml({key: value}, "")
            continue
        lines.append(f"{key}:")
        for name, entry in value.items():
            lines += _comment(reasons.get(f"{key}.{name}"), "  ")
            lines += _yaml({name: entry}, "  ")
    return "\n".join(lines) + "\n"


def _comment(text, indent):
    if not text:
        return []
    return textwrap.wrap(
        # A line break would end the comment.
        " ".join(text.split()),
        _WIDTH,
        initial_indent=f"{indent}# ",
        subsequent_indent=f"{indent}# ",
        break_long_words=False,
    )


def _yaml(content, indent):
    ((name, value),) = content.items()
    options = {"sort_keys": False, "allow_unicode": True, "width": _WIDTH - len(indent)}
    if isinstance(value, list):  # on one line
        written = yaml.safe_dump(value, default_flow_style=True, **options)
        return [f"{indent}{name}: {' '.join(written.split())}"]
    text = yaml.safe_dump(content, default_flow_style=False, **options)
    return [indent + line for line in text.rstrip("\n").split("\n")]
