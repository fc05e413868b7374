"""A recipe: one YAML file that says how an encoder is trained, checked before anything runs."""

import copy
import pathlib

import pydantic
import yaml

from keras_center_ssl.errors import InputError, nearest
from keras_center_ssl.runs.recipe_model import REGISTRIES, Recipe
from keras_center_ssl.runs.signatures import check_component, problems_of
from keras_center_ssl.runs.spelling import in_full, with_name


def load_recipe(path, settings=()):
    """Reads and checks a recipe.

    Args:
        path: A YAML file.
        settings: Changes to it, as `"epochs=1"` or `"method.temperature=0.2"`; values are YAML.

    Returns:
        A `Recipe`.

    Raises:
        InputError: If the file is missing or no YAML, a key is unknown (the nearest is suggested)
            or missing, or a value has the wrong type or range. All problems are listed.
    """
    path = pathlib.Path(path)
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"There is no recipe {str(path)!r}.{_other_recipes(path)}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"The recipe {str(path)!r} cannot be read: {error}.") from None
    except yaml.YAMLError as error:
        raise InputError(f"The recipe {str(path)!r} is not valid YAML: {error}") from None
    if not isinstance(content, dict):
        raise InputError(
            f"The recipe {str(path)!r} must hold keys and values (epochs, data, views, encoder, "
            f"method, optimizer); it holds {type(content).__name__}."
        )
    return parse_recipe(with_settings(content, settings), name=str(path))


def parse_recipe(content, name="recipe"):
    """Checks a recipe given as nested dicts; see `load_recipe`.

    A section may be a name alone, where all else has defaults (`method: SimSiam`), in any spelling
    (`barlow-twins`). Without a `name` the recipe gets one of its method and data.
    """
    problems, recipe = [], None
    content = with_name(in_full(content, REGISTRIES))
    try:
        recipe = Recipe.model_validate(content)
    except pydantic.ValidationError as error:
        problems += problems_of(error, Recipe)
    for section, options in REGISTRIES.items():
        given = getattr(recipe, section, None) or content.get(section)
        if isinstance(given, dict) and isinstance(given.get("name"), str):
            # The recipe has problems elsewhere; all of them are listed at once.
            given = Recipe.model_fields[section].annotation.model_construct(**given)
        if isinstance(given, pydantic.BaseModel):
            problems += check_component(section, given, options)
    if problems:
        raise InputError(f"{name} is not a valid recipe: " + "; ".join(problems) + ".")
    return recipe


def with_settings(content, settings):
    """A recipe's nested dicts with changes such as `"epochs=1"`; see `load_recipe`."""
    content = copy.deepcopy(in_full(content, REGISTRIES))
    for setting in settings:
        _set(content, setting)
    return content


def _set(content, setting):
    """Applies one `key.path=value` to nested dicts."""
    path, equals, value = setting.partition("=")
    if not equals or not path.strip():
        raise InputError(
            f"A setting is key=value, for example epochs=1 or method.temperature=0.2; received "
            f"{setting!r}."
        )
    try:
        value = yaml.safe_load(value)
    except yaml.YAMLError:
        raise InputError(f"The value in the setting {setting!r} is not valid YAML.") from None
    *parents, last = path.strip().split(".")
    for parent in parents:
        content = content.setdefault(parent, {})
        if not isinstance(content, dict):
            raise InputError(f"In the setting {setting!r}, {parent!r} holds a value, not keys.")
    content[last] = value


def _other_recipes(path):
    names = sorted(p.name for p in path.parent.glob("*.yaml")) if path.parent.is_dir() else []
    if not names:
        return " Give the path of a YAML file, for example training/recipes/quickstart.yaml."
    return f"{nearest(path.name, names)} That folder has: {', '.join(names)}."
