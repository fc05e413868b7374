"""Private names of other packages stand in `engine/keras_internals.py`, and nowhere else."""

import ast
import importlib
import inspect
import pathlib
import pkgutil
import re
import sys

import keras
import pytest

import keras_center_ssl

LIBRARY = pathlib.Path(keras_center_ssl.__file__).parent
FENCED = LIBRARY / "engine" / "keras_internals.py"
# A private name that has to stand elsewhere, with its reason.
ALLOWED = {
    # The light install raises InputError too, and has no Keras.
    ("errors.py", "_keras_call_info_injected"),
}
# Public all the same: Python's manual describes them.
DOCUMENTED = {"os._exit", "_thread"}
# Functions and methods that find something by its name.
BY_NAME = {"getattr", "setattr", "hasattr", "delattr", "pop"}
# Packages whose inner modules have names without an underscore.
INNER_MODULES = ("keras.src", "tensorflow.python", "tensorflow.compiler", "tensorflow.core")
PRIVATE = re.compile(r"_[A-Za-z]\w*")


def is_private(name):
    return PRIVATE.fullmatch(name) is not None


def is_inner(module):
    outer = module.split(".")[0] not in {"keras_center_ssl", *DOCUMENTED}
    inner = any(f"{module}.".startswith(f"{name}.") for name in INNER_MODULES)
    return outer and (inner or any(map(is_private, module.split("."))))


def defined_names(tree):
    """Names that a module gives: functions, methods, variables, and what is set on `self`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            yield node.name
        elif isinstance(getattr(node, "ctx", None), ast.Store):
            if isinstance(node, ast.Name):
                yield node.id
            elif isinstance(node, ast.Attribute) and ast.unparse(node.value) == "self":
                yield node.attr


def foreign_names(tree):
    """Line and name of every private name of others in a module's syntax tree.

    Own are `self._x`, `cls._x`, `super()._x`, and what the module itself defines. Strings count
    where something is found by name: `getattr(model, "_x")`, `attributes.pop("_x")`.
    """
    own_names = set(defined_names(tree))
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and is_private(node.attr):
            base = node.value
            own = isinstance(base, ast.Name) and base.id in {"self", "cls"}
            name = ast.unparse(node)
            if (
                not own
                and node.attr not in own_names
                and not name.startswith("super().")
                and name not in DOCUMENTED
            ):
                yield node.lineno, name
        elif isinstance(node, ast.Import):
            yield from ((node.lineno, a.name) for a in node.names if is_inner(a.name))
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                name = f"{node.module}.{alias.name}"
                if is_inner(node.module) or is_inner(name):
                    yield node.lineno, name
        elif isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] in BY_NAME:
            for argument in node.args:
                name = getattr(argument, "value", None)
                if isinstance(name, str) and is_private(name):
                    yield node.lineno, name


@pytest.mark.parametrize(
    "source",
    [
        "model._layers",
        "self.model._initial_epoch = 1",
        "strategy.extended._in_multi_worker_mode()",
        "import tensorflow.python",
        "from keras.src.random import seed_generator",
        "from keras import src",
        "from jax._src import core",
        "from sklearn import _loss",
        "import numpy._core as core",
        "getattr(layer, '_metrics')",
        "node.attr.pop('_noinline', None)",
    ],
)
def test_the_scan_sees(source):
    assert list(foreign_names(ast.parse(source)))


@pytest.mark.parametrize(
    "source",
    [
        "class A:\n _made = 0\n def f(self, other):\n  self._x = A._made + super()._y + other._x",
        "class A:\n def _f(self):\n  return A()._f()",
        "from keras_center_ssl.losses._similarity import unit",
        "from __future__ import annotations",
        "f'{name}_conv'; name + '_suffix'; obj.__class__.__name__; '__metadata__'; '_'",
        "import keras.layers",
    ],
)
def test_the_scan_passes(source):
    assert not list(foreign_names(ast.parse(source)))


def test_no_private_name_of_others_outside_the_fence():
    found = []
    for path in sorted(LIBRARY.rglob("*.py")):
        if path == FENCED:
            continue
        place = path.relative_to(LIBRARY).as_posix()
        for line, name in foreign_names(ast.parse(path.read_text("utf-8"))):
            found.append(f"{place}:{line} {name}")
    assert not found, (
        "Private names of other packages; find a public way, or give each a function and a reason "
        "in engine/keras_internals.py and a canary in tests/engine/test_keras_internals.py:\n"
        + "\n".join(found)
    )


def import_everything():
    other = {"tensorflow": "jax", "jax": "tensorflow"}[keras.backend.backend()]
    for module in pkgutil.walk_packages(keras_center_ssl.__path__, "keras_center_ssl."):
        if module.name.endswith(("__main__", f"engine.{other}")):
            continue
        try:
            importlib.import_module(module.name)
        except ModuleNotFoundError as error:
            # The service's extra is not everybody's; it has no class of Keras'.
            assert module.name.startswith("keras_center_ssl.service"), error


def own_classes():
    for name, module in sorted(sys.modules.items()):
        if name.split(".")[0] == "keras_center_ssl":
            for value in vars(module).values():
                if inspect.isclass(value) and value.__module__ == name:
                    yield value


def shadowed(cls):
    """Private names that `cls` defines or uses as its own, and a class of Keras has too."""
    source = inspect.getsource(cls)
    used = set(re.findall(r"(?:\bself|\bcls|super\(\))\.(_[A-Za-z]\w*)", source))
    used |= {name for name in vars(cls) if is_private(name)}
    for base in cls.__mro__[1:]:
        if base.__module__.split(".")[0] in ("keras", "tensorflow"):
            text = inspect.getsource(base)
            theirs = {name for name in used if name in vars(base) or f"self.{name} =" in text}
            yield from (f"{cls.__module__}.{cls.__name__}: {name} of {base}" for name in theirs)


def test_no_class_of_ours_overrides_or_shadows_a_private_name_of_keras():
    import_everything()
    classes = [
        c for c in own_classes() if c.__module__ != "keras_center_ssl.engine.keras_internals"
    ]
    assert len(classes) > 40
    found = [text for cls in classes for text in shadowed(cls)]
    assert not found, "Rename it, or fence it in engine/keras_internals.py:\n" + "\n".join(found)


@pytest.mark.parametrize(("place", "name"), sorted(ALLOWED))
def test_what_stands_elsewhere_is_needed_still(place, name):
    """It is set on a class of ours, which the scan takes for our own."""
    assert f"    {name} = " in (LIBRARY / place).read_text("utf-8")
