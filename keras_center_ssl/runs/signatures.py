"""Sections of a recipe held against the signatures of what they name.

The sections `method`, `encoder`, `views` and `optimizer` name a class or function and its
arguments; these are checked against its own signature, so that a new argument needs no second
entry here.
"""

import inspect
from typing import Any

import pydantic

from keras_center_ssl.errors import nearest, one_of

# Filled in by the recipe itself, or by other keys of it.
_NOT_ARGUMENTS = ("self", "encoder", "name", "learning_rate")


def check_component(section, component, options):
    """The problems of a section, each a clause; converts its arguments to the signature's types.

    Args:
        section: Its key in the recipe.
        component: The section's own pydantic model, a name and further arguments.
        options: What may be named, name -> class or function.
    """
    if component.name not in options:
        return [f"{section}.name: {one_of(section, component.name, options)}".rstrip(".")]
    model = _arguments_model(options[component.name])
    own = type(component).model_fields
    arguments = {k: v for k, v in component.arguments.items() if k not in own}
    try:
        checked = model.model_validate(arguments)
    except pydantic.ValidationError as error:
        return problems_of(error, model, prefix=(section,))
    # Keep what was given, in the types of the signature (a YAML list becomes a tuple).
    component.__pydantic_extra__.update({name: getattr(checked, name) for name in arguments})
    return []


def _arguments_model(target):
    """A pydantic model of a class's or function's keyword arguments, from its signature."""
    fields = {}
    for owner in _owners(target):
        for parameter in inspect.signature(owner).parameters.values():
            if parameter.name in _NOT_ARGUMENTS or parameter.name in fields:
                continue
            if parameter.kind not in (parameter.KEYWORD_ONLY, parameter.POSITIONAL_OR_KEYWORD):
                continue
            annotated = parameter.annotation is not inspect.Parameter.empty
            kind = parameter.annotation if annotated else Any
            # What the recipe leaves out comes from the data, or from the signature itself.
            fields[parameter.name] = (kind, None)
    strict = pydantic.ConfigDict(extra="forbid", arbitrary_types_allowed=True)
    return pydantic.create_model(target.__name__, __config__=strict, **fields)


def _owners(target):
    """Whose signatures hold its arguments: of a class, also those of its bases in this package."""
    if not inspect.isclass(target):
        return [target]
    package = __name__.split(".")[0]
    bases = [base for base in target.__mro__[1:] if base.__module__.split(".")[0] == package]
    return [target.__init__, *(base.__init__ for base in bases if "__init__" in vars(base))]


def problems_of(error, model, prefix=()):
    """Every problem of a validation error as one clause."""
    clauses = []
    for problem in error.errors():
        where = ".".join(str(part) for part in (*prefix, *problem["loc"]))
        if problem["type"] == "extra_forbidden":
            known = _fields(model, problem["loc"][:-1])
            hint = nearest(problem["loc"][-1], known)
            clauses.append(f"unknown key {where!r}.{hint} Known here: {', '.join(sorted(known))}")
        elif problem["type"] == "missing":
            clauses.append(f"{where!r} is missing")
        else:
            message = problem["msg"][0].lower() + problem["msg"][1:]
            clauses.append(f"{where}: {message}, received {problem['input']!r}")
    return clauses


def _fields(model, location):
    for part in location:
        model = model.model_fields[part].annotation
    return list(model.model_fields)
