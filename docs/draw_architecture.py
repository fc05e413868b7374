"""Draws the house: rooms, floors and arrows, from the imports of the library. `make architecture`.

Nothing is imported: the files are parsed. The picture goes into docs/architecture.md, between its
two marks; `--check` writes nothing and fails where the page is not current. A room is a folder of
the library, or a file beside them; an arrow is an import, wherever in the file it stands. Circles,
and arrows that do not lead down, are listed, and end the command with exit code 1.
"""

import argparse
import ast
import dataclasses
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "keras_center_ssl"
PAGE = ROOT / "docs" / "architecture.md"
START, END = "<!-- drawn by docs/draw_architecture.py -->", "<!-- end of the drawing -->"

# Lowest first. A room imports from the floors below its own, and from nothing else.
FLOORS = {
    "ground": (
        "_version",
        "errors",
        "keras_needed",
        "numerics",
        "files",
        "locks",
        "machine",
        "types",
        "records",
        "keras_files",
    ),
    "floor 1": (
        "geometry",
        "figures",
        "engine",
        "encoders",
        "heads",
        "optimizers",
        "views",
        "losses",
        "images",
        "embedded",
        "embedded_files",
    ),
    "floor 2": ("diagnosis", "data", "onnx_encoder"),
    "floor 3": ("methods", "evaluation", "export", "zoo"),
    "floor 4": ("callbacks", "reports"),
    "floor 5": ("runs", "checkup", "experiments", "service"),
    "floor 6": ("cli",),
}
# The only arrows within a floor, and why each is there.
LEANING = {
    ("locks", "errors"): "a second writer is told so",
    ("keras_needed", "errors"): "so is what is not installed",
    ("records", "errors"): "so is what is no record",
    ("keras_files", "errors"): "and what is no model",
    ("encoders", "engine"): "batch norm takes its statistics over all replicas",
    ("optimizers", "engine"): "private names of Keras stand there",
    ("views", "engine"): "private names of Keras stand there",
    ("heads", "encoders"): "heads use the encoders' batch norm",
    ("export", "evaluation"): "how k-NN changes with fewer bits is on the card",
    ("embedded", "embedded_files"): "features are saved and loaded",
    ("zoo", "export"): "an entry is a bundle, and the table of formats is there, once",
}
_HEIGHTS = {room: height for height, rooms in enumerate(FLOORS.values()) for room in rooms}


@dataclasses.dataclass
class House:
    """Files of a package and what each imports, as names without the package's own."""

    files: dict[str, set[str]]

    @property
    def rooms(self):
        """Room -> the rooms it imports from. The package's own door is no room."""
        arrows = {}
        for file, imported in self.files.items():
            if file:
                targets = {_room(name) for name in imported} - {_room(file)}
                arrows.setdefault(_room(file), set()).update(targets)
        return arrows

    @property
    def circles(self):
        """Groups of rooms, and groups of files, that reach each other."""
        files = {file: imported for file, imported in self.files.items() if file}
        return knots(self.rooms) + knots(files)

    @property
    def misplaced(self):
        """What breaks the order of the floors, one sentence each."""
        sentences = []
        for room, imported in sorted(self.rooms.items()):
            if room not in _HEIGHTS:
                sentences.append(f"{room} has no floor: give it one in docs/draw_architecture.py.")
                continue
            for target in sorted(imported & _HEIGHTS.keys()):
                if _HEIGHTS[target] >= _HEIGHTS[room] and (room, target) not in LEANING:
                    files = sorted(
                        file
                        for file, names in self.files.items()
                        if _room(file) == room and any(_room(name) == target for name in names)
                    )
                    sentences.append(f"{room} imports {target}, not below it ({', '.join(files)}).")
            if "" in imported:
                sentences.append(f"{room} imports the package's own door: name the room instead.")
        return sentences

    def counts(self):
        arrows = sum(len(imported) for imported in self.rooms.values())
        return f"{len(self.rooms)} rooms, {arrows} arrows, {len(self.circles)} circles"


def read_house(package=PACKAGE):
    """Parses every file of a package."""
    sources = {_name(path, package): path for path in sorted(package.rglob("*.py"))}
    files = {}
    for name, path in sources.items():
        files[name] = set(_imports(name, path, package, sources))
    return House(files)


def _name(path, package):
    parts = path.relative_to(package).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _room(name):
    return name.partition(".")[0]


def _imports(name, path, package, known):
    """Names of the files that a file imports, anywhere but for a type checker only."""
    top = package.name
    for node in _nodes(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            wanted = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            module = _absolute(node, name, path, top)
            # What is imported from a folder may be a file of it, or stand in its __init__.
            wanted = [f"{module}.{alias.name}" for alias in node.names]
        else:
            continue
        for target in wanted:
            if target == top or target.startswith(f"{top}."):
                found = target.removeprefix(top).removeprefix(".")
                found = found if found in known else found.rpartition(".")[0]
                if found != name:
                    yield found


def _absolute(node, name, path, top):
    """The module that a `from ... import` names, relative ones resolved."""
    if not node.level:
        return node.module
    parts = [top, *(name.split(".") if name else [])]
    steps = node.level - (path.name == "__init__.py")
    return ".".join([*parts[: len(parts) - steps], *([node.module] if node.module else [])])


def _nodes(tree):
    """All nodes of a tree, without the blocks under `if TYPE_CHECKING:`."""
    for child in ast.iter_child_nodes(tree):
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            continue
        yield child
        yield from _nodes(child)


def knots(arrows):
    """The groups of at least two names that all reach each other (Tarjan's components)."""
    reached = {name: reachable(name, arrows) for name in arrows}
    groups = {
        frozenset({name, *(other for other in reached[name] if name in reached.get(other, ()))})
        for name in arrows
        if name in reached[name]
    }
    return sorted(sorted(group) for group in groups)


def reachable(name, arrows):
    """Every name that can be reached from one by at least one arrow."""
    found, left = set(), [name]
    while left:
        for target in arrows.get(left.pop(), ()):
            if target not in found:
                found.add(target)
                left.append(target)
    return found


def needed(arrows):
    """The arrows that no longer way replaces: what a picture has to show."""
    return {
        name: {
            target
            for target in targets
            if not any(target in reachable(other, arrows) for other in targets - {target})
        }
        for name, targets in arrows.items()
    }


def drawing(house):
    """The part of the page between the marks: counts, a Mermaid flowchart, a table."""
    arrows = house.rooms
    lines = [START, "", f"{house.counts()}.", "", "```mermaid", "flowchart TD"]
    floors = [(name, [r for r in rooms if r in arrows]) for name, rooms in FLOORS.items()]
    floors = [(name, rooms) for name, rooms in floors if rooms]
    for name, rooms in reversed(floors):
        lines += [f'  subgraph {name.replace(" ", "_")}["{name}"]', "    direction LR"]
        lines += [f'    {_node(room)}["{room}"]' for room in rooms]
        lines += ["  end"]
    for room, targets in sorted(needed(arrows).items()):
        lines += [f"  {_node(room)} --> {_node(target)}" for target in sorted(targets)]
    lines += ["```", "", "| floor | room | imports from |", "|---|---|---|"]
    for name, rooms in reversed(floors):
        for room in rooms:
            targets = ", ".join(f"`{target}`" for target in sorted(arrows[room]))
            lines.append(f"| {name} | `{room}` | {targets or 'nothing'} |")
    lines.append("")
    for (room, target), reason in LEANING.items():
        lines.append(f"- `{room}` leans on `{target}`, on the same floor: {reason}.")
    return "\n".join([*lines, "", END])


def _node(room):
    """A name that is no word of Mermaid's own."""
    return f"r_{room}"


def drawn_into(text, picture):
    """The page with its part between the marks replaced."""
    before, _, rest = text.partition(START)
    _, mark, after = rest.partition(END)
    if not mark:
        raise SystemExit(f"docs/architecture.md has to hold the lines {START} and {END}.")
    return before + picture + after


def main(words=None):
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="write nothing; fail if out of date")
    check = parser.parse_args(words).check
    house = read_house()
    text = PAGE.read_text(encoding="utf-8")
    page = drawn_into(text, drawing(house))
    problems = [f"circle: {' <-> '.join(circle)}" for circle in house.circles] + house.misplaced
    if check and page != text:
        problems.append("docs/architecture.md is not current: run `make architecture`.")
    elif not check:
        PAGE.write_text(page, encoding="utf-8")
    print(house.counts())
    print("\n".join(problems), end="\n" if problems else "")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
