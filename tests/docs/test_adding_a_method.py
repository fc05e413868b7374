"""docs/adding-a-method.md names every file that knows its example, and no other."""

import pathlib
import re

ROOT = pathlib.Path(__file__).parents[2]
PAGE = ROOT / "docs" / "adding-a-method.md"
# Whatever the library consists of, its recipes, its tests of losses, methods and engines.
SEARCHED = (
    *("keras_center_ssl", "training/recipes", "tests", "docs/methods/dcl.md"),
    *("mkdocs.yml", "README.md", "CHANGELOG.md"),
)
# Tests of the pages themselves.
NOT_SEARCHED = "tests/docs"


def listed():
    part = PAGE.read_text(encoding="utf-8").split("<!-- files -->")[1].split("<!-- end of files")[0]
    return set(re.findall(r"^\| `([^`]+)` \|", part, re.MULTILINE))


def files():
    for name in SEARCHED:
        path = ROOT / name
        for file in [path] if path.is_file() else path.rglob("*"):
            if (
                file.suffix in (".py", ".yaml", ".yml", ".md")
                and NOT_SEARCHED not in file.as_posix()
            ):
                yield file


def test_the_list_is_every_file_that_knows_the_method():
    knows = {
        file.relative_to(ROOT).as_posix()
        for file in files()
        if re.search(r"\bdcl\b", file.read_text(encoding="utf-8"), re.IGNORECASE)
    }
    assert listed() == knows


def test_the_registry_lines_are_as_many_as_the_page_says():
    for room, lines in (("losses", 2), ("methods", 3)):
        assert (
            f"`keras_center_ssl/{room}/__init__.py` | {['', '', 'two', 'three'][lines]} lines"
            in (PAGE.read_text(encoding="utf-8"))
        )
        text = (ROOT / "keras_center_ssl" / room / "__init__.py").read_text(encoding="utf-8")
        assert len(re.findall(r"^.*\bdcl\b.*$", text, re.MULTILINE | re.IGNORECASE)) == lines
