"""The site's pages: the repository's own Markdown files where they are, so that links hold.

A hook of MkDocs (mkdocs.yml). It takes the pages from where they are, adds what they link to or
show, and makes the pages of the API and of the notebooks.
"""

import ast
import json
import pathlib
import re

from mkdocs.structure.files import File, Files

ROOT = pathlib.Path(__file__).resolve().parents[1]
PAGES = ("*.md", "docs/**/*.md", "export/clients/README.md", "training/**/README.md")
PACKAGE = "keras_center_ssl"
_LINK = re.compile(r"\]\(([^)#\s]+)[^)]*\)")


def on_files(files, config):
    """Replaces what MkDocs found in docs/ by the repository's pages; the theme's files stay."""
    paths = {path for pattern in PAGES for path in ROOT.glob(pattern)}
    paths = with_linked(paths)
    found = [
        File.generated(config, path.relative_to(ROOT).as_posix(), abs_src_path=str(path))
        for path in sorted(paths)
    ]
    found += [
        File.generated(config, f"docs/api/{name}.md", content=api_page(name))
        for name in ("kcs", *namespaces())
    ]
    found += [
        File.generated(
            config, f"docs/notebooks/{path.stem}.md", content=notebook_page(path.read_text("utf-8"))
        )
        for path in sorted(ROOT.glob("docs/notebooks/*.ipynb"))
    ]
    docs = config["docs_dir"] + "/"
    theme = [file for file in files if not (file.abs_src_path or "").startswith(docs)]
    return Files([*theme, *found])


def with_linked(pages):
    """The pages, what they link to, and what is linked from there."""
    found, new = set(), set(pages)
    while new:
        found |= new
        linked = {file for page in new if page.suffix == ".md" for file in linked_files(page)}
        new = linked - found
    return found


def linked_files(page):
    """Files of the repository that a page links to."""
    for target in _LINK.findall(page.read_text("utf-8")):
        path = (page.parent / target).resolve()
        if "://" not in target and path.is_file() and path.is_relative_to(ROOT):
            yield path


def namespaces():
    """Names of the package's public namespaces that have a page."""
    skipped = ("figures", "reports", "strategies")
    return [
        name
        for name in _assigned(ROOT / PACKAGE / "__init__.py", "_MODULES")
        if name not in skipped
    ]


def api_page(name):
    """A page that asks mkdocstrings for every public name of a namespace."""
    file = file_of(name)
    lines = [f"# {'kcs' if name == 'kcs' else f'kcs.{name}'}", "", first_sentence(file), ""]
    for public in sorted(public_names(name), key=str.lower):
        module = defined_in(file, public)
        room = module.split(".")[1] if module else None
        if room and name == "kcs" and room in namespaces() and public in public_names(room):
            # One place for each name; two make every link to it ambiguous.
            lines += [f"`kcs.{public}`: see [kcs.{room}]({room}.md).", ""]
        elif module:
            lines += [f"::: {module}.{public}", ""]
    return "\n".join(lines)


def file_of(name):
    package = PACKAGE if name == "kcs" else f"{PACKAGE}.{name}"
    file = ROOT / package.replace(".", "/")
    return file / "__init__.py" if file.is_dir() else file.with_suffix(".py")


def public_names(name):
    return _assigned(file_of(name), "__all__")


def defined_in(file, name):
    """The module of the package that a public name of a namespace comes from, or `None`."""
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and any(
            name == (a.asname or a.name) for a in node.names
        ):
            module = node.module
            inner = ROOT / module.replace(".", "/")
            if (inner / name).is_dir() or (inner / f"{name}.py").is_file():
                return None  # a namespace
            if inner.is_dir():
                return defined_in(inner / "__init__.py", name)
            return module
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and node.name == name:
            parts = file.relative_to(ROOT).with_suffix("").parts
            return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
    return None


def first_sentence(file):
    return (ast.get_docstring(ast.parse(file.read_text("utf-8"))) or "").split("\n\n")[0]


def _assigned(file, name):
    """What a module assigns to a name, without running it."""
    for node in ast.parse(file.read_text("utf-8")).body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == name:
            return ast.literal_eval(node.value)
    return ()


def notebook_page(text):
    """A notebook as Markdown, its outputs below its cells."""
    lines = []
    for cell in json.loads(text)["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            lines += [source, ""]
            continue
        lines += ["```python", source, "```", ""]
        for output in cell.get("outputs", ()):
            said = "".join(output.get("text") or output.get("data", {}).get("text/plain", ""))
            if said:
                lines += ["```text", said.rstrip(), "```", ""]
    return "\n".join(lines)
