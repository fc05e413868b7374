"""A recipe: one YAML file that says how an encoder is trained, checked before anything runs.

The sections `method`, `encoder` and `views` name a class or function of this package and its
arguments; they are checked against its own signature, so that a new argument needs no second
entry here.
"""

import inspect
import math
import pathlib
from typing import Any, Literal

import keras
import pydantic
import yaml

from keras_center_ssl import data, encoders, methods, optimizers, views
from keras_center_ssl.errors import InputError, nearest, one_of

METHODS = {name: getattr(methods, name) for name in methods.__all__ if name != "SSLModel"}
ENCODERS = {
    name: getattr(encoders, name) for name in encoders.__all__ if name.startswith(("resnet", "vit"))
}
VIEWS = {
    name: function for name in views.__all__ if inspect.isfunction(function := getattr(views, name))
}
OPTIMIZERS = {
    "adam": keras.optimizers.Adam,
    "adamw": keras.optimizers.AdamW,
    "lars": optimizers.LARS,
    "sgd": keras.optimizers.SGD,
}

_SECTIONS = {"method": METHODS, "encoder": ENCODERS, "views": VIEWS, "optimizer": OPTIMIZERS}

# Filled in by the recipe itself, or by other keys of it.
_NOT_ARGUMENTS = ("self", "encoder", "name", "learning_rate")

_STRICT = pydantic.ConfigDict(extra="forbid", arbitrary_types_allowed=True)


class Component(pydantic.BaseModel):
    """A name and the arguments that go to what it names."""

    model_config = pydantic.ConfigDict(extra="allow")
    name: str

    @property
    def arguments(self):
        return dict(self.model_extra or {})


class Data(pydantic.BaseModel):
    """Where the images come from: `source` as in `data.multi_view`, a path or a name."""

    model_config = _STRICT
    source: str
    limit: int | None = pydantic.Field(None, gt=0, description="use so many images only")
    image_size: int | tuple[int, int] | None = None
    channels: Literal[1, 3] | None = None
    test_source: str | None = None

    def open(self, split):
        """The source of a split; the test images come from `test_source` where there is one."""
        source, limit = self.source, self.limit
        if split == "test":
            source, limit = self.test_source or source, None
        return data.open_source(
            source, split, limit, image_size=self.image_size, channels=self.channels
        )


class Optimizer(pydantic.BaseModel):
    """A Keras optimizer, its peak learning rate and the schedule around it."""

    model_config = pydantic.ConfigDict(extra="allow")
    name: str
    learning_rate: float = pydantic.Field(gt=0)
    schedule: Literal["cosine", "constant"] = "cosine"
    warmup_epochs: float = pydantic.Field(0, ge=0)
    warmup_start: float = pydantic.Field(0, ge=0)
    final_learning_rate: float = pydantic.Field(0, ge=0)

    @property
    def arguments(self):
        return dict(self.model_extra or {})


class Recipe(pydantic.BaseModel):
    """A validated recipe. `load_recipe` reads one; the `build_*` methods make what it describes."""

    model_config = _STRICT
    name: str = pydantic.Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    description: str = ""
    seed: int = pydantic.Field(0, ge=0)
    epochs: int = pydantic.Field(gt=0)
    batch_size: int = pydantic.Field(256, ge=2)
    precision: Literal["float32", "mixed_bfloat16", "mixed_float16"] = "float32"
    data: Data
    views: Component
    encoder: Component
    method: Component
    optimizer: Optimizer

    def to_dict(self):
        return self.model_dump(mode="json")

    def to_yaml(self):
        return yaml.safe_dump(self.to_dict(), sort_keys=False, allow_unicode=True)

    def build_views(self, image_shape):
        """The view layer; its size is the images' own unless the recipe gives one."""
        arguments = {"size": image_shape[0], **self.views.arguments}
        return VIEWS[self.views.name](**arguments)

    def build_encoder(self, image_shape):
        size = self.views.arguments.get("size", image_shape[0])
        arguments = {"input_shape": (size, size, image_shape[-1]), **self.encoder.arguments}
        arguments["input_shape"] = tuple(arguments["input_shape"])
        return ENCODERS[self.encoder.name](**arguments)

    def build_model(self, image_shape):
        """The method on its encoder, not compiled; the same weights for the same seed."""
        keras.utils.set_random_seed(self.seed)
        encoder = self.build_encoder(image_shape)
        return METHODS[self.method.name](encoder, **self.method.arguments)

    def build_optimizer(self, steps_per_epoch):
        """The optimizer with its schedule over `epochs * steps_per_epoch` steps."""
        config = self.optimizer
        total = self.epochs * steps_per_epoch
        rate = config.learning_rate
        if config.schedule == "cosine" or config.warmup_epochs:
            rate = optimizers.WarmupCosine(
                rate,
                total,
                warmup_steps=min(math.ceil(config.warmup_epochs * steps_per_epoch), total - 1),
                warmup_start=config.warmup_start,
                final_learning_rate=(
                    config.final_learning_rate if config.schedule == "cosine" else rate
                ),
            )
        return OPTIMIZERS[config.name](learning_rate=rate, **config.arguments)

    def build_dataset(self, images, image_shape):
        """Batches of views of `images` (any source), shuffled by the recipe's seed."""
        return data.multi_view(
            images,
            views=self.build_views(image_shape),
            batch_size=self.batch_size,
            seed=self.seed,
        )


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
            f"The recipe {str(path)!r} must hold keys and values (name, epochs, data, views, "
            f"encoder, method, optimizer); it holds {type(content).__name__}."
        )
    for setting in settings:
        _set(content, setting)
    return parse_recipe(content, name=str(path))


def parse_recipe(content, name="recipe"):
    """Checks a recipe given as nested dicts; see `load_recipe`."""
    problems, recipe = [], None
    try:
        recipe = Recipe.model_validate(content)
    except pydantic.ValidationError as error:
        problems += _problems(error, Recipe)
    for section, options in _SECTIONS.items():
        given = getattr(recipe, section, None) or content.get(section)
        if isinstance(given, dict) and isinstance(given.get("name"), str):
            given = Component.model_construct(**given)
        if isinstance(given, pydantic.BaseModel):
            problems += _check_component(section, given, options)
    if problems:
        raise InputError(f"{name} is not a valid recipe: " + "; ".join(problems) + ".")
    return recipe


def _check_component(section, component, options):
    if component.name not in options:
        return [f"{section}.name: {one_of(section, component.name, options)}".rstrip(".")]
    model = _arguments_model(options[component.name])
    own = Optimizer if section == "optimizer" else Component
    arguments = {k: v for k, v in component.arguments.items() if k not in own.model_fields}
    try:
        checked = model.model_validate(arguments)
    except pydantic.ValidationError as error:
        return _problems(error, model, prefix=(section,))
    # Keep what was given, in the types of the signature (a YAML list becomes a tuple).
    component.__pydantic_extra__.update({name: getattr(checked, name) for name in arguments})
    return []


def _arguments_model(target):
    """A pydantic model of a class's or function's keyword arguments, from its signature."""
    owners = [target.__init__] if inspect.isclass(target) else [target]
    if inspect.isclass(target) and issubclass(target, methods.SSLModel):
        owners.append(methods.SSLModel.__init__)
    fields = {}
    for owner in owners:
        for parameter in inspect.signature(owner).parameters.values():
            if parameter.name in _NOT_ARGUMENTS or parameter.name in fields:
                continue
            if parameter.kind not in (parameter.KEYWORD_ONLY, parameter.POSITIONAL_OR_KEYWORD):
                continue
            annotated = parameter.annotation is not inspect.Parameter.empty
            kind = parameter.annotation if annotated else Any
            # What the recipe leaves out comes from the data, or from the signature itself.
            fields[parameter.name] = (kind, None)
    return pydantic.create_model(target.__name__, __config__=_STRICT, **fields)


def _problems(error, model, prefix=()):
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
