"""Names in a recipe, however they are spelled, and sections in their short form."""

import pathlib
import re

# Sections that may be a name alone, and under which key the name then stands.
SHORT = {
    "data": "source",
    "views": "name",
    "encoder": "name",
    "method": "name",
    "optimizer": "name",
}


def find(name, options):
    """The option that a name stands for, whatever its capitals, hyphens, spaces and underscores.

    `"barlow-twins"`, `"barlow twins"` and `"BarlowTwins"` are one name. A name that stands for
    none, or for several, is returned as it is.

    Args:
        name: What was written, of any type.
        options: The names that there are.
    """
    if not isinstance(name, str) or name in options:
        return name
    found = [option for option in options if _letters(option) == _letters(name)]
    return found[0] if len(found) == 1 and _letters(name) else name


def in_full(content, registries):
    """A recipe's content with every section a mapping, and names as the registries spell them.

    Args:
        content: dict, as read from YAML; it is not changed.
        registries: Section -> what it may name.
    """
    full = dict(content)
    for section, key in SHORT.items():
        if isinstance(full.get(section), str):
            full[section] = {key: full[section]}
    for section, options in registries.items():
        given = full.get(section)
        if isinstance(given, dict) and isinstance(given.get("name"), str):
            full[section] = {**given, "name": find(given["name"], options)}
    return full


def with_name(content):
    """The content with a `name`, made of method and data where there is none."""
    if content.get("name") is not None:
        return content
    method, source = (content.get(section) or {} for section in ("method", "data"))
    if not (isinstance(method, dict) and isinstance(source, dict)):
        return content  # which is said of the sections themselves
    other_keys = {key: value for key, value in content.items() if key != "name"}
    return {"name": run_name(method.get("name"), source.get("source")), **other_keys}


def run_name(method, source):
    """A name such as `"simsiam-holiday-photos"`: the method, and the last part of the source."""
    last = pathlib.PurePath(str(source or "").replace(":", "-")).name
    words = [_slug(str(method or "")), _slug(last.removesuffix(".npz").removesuffix(".npy"))]
    return "-".join(word for word in words if word) or "recipe"


def _letters(name):
    return re.sub(r"[\W_]+", "", name.casefold())


def _slug(text):
    # Long words are taken apart, BarlowTwins and CenterSSL; SimSiam and MoCo are one word.
    text = re.sub(r"(?<=[a-z]{4})(?=[A-Z])", "-", text)
    return re.sub(r"[^a-z0-9]+", "-", text.casefold()).strip("-")
