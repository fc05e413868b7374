"""Which recipe `center-ssl train` trains: a file's, or one that is chosen for some data."""

import pathlib

import typer

from keras_center_ssl.cli.terminal import console, errors
from keras_center_ssl.errors import InputError, one_of

_SUFFIXES = (".yaml", ".yml")


def recipe_for(named, source, minutes, settings, out, resume, recipe_only, strategy, said):
    """The recipe to train, its YAML where that has comments, and the run folder.

    Args:
        named: Path of a recipe, or the name of a method.
        source, minutes, settings, out, resume, recipe_only, strategy: The command's options.
        said: The terminal for what is found.
    """
    from keras_center_ssl.runs.recipe import load_recipe

    method = _method(named)
    if method is None:
        if source is not None or recipe_only:
            option = "--recipe-only" if source is None else "--data"
            raise typer.BadParameter(
                f"goes with the name of a method; {named!r} is a recipe, whose images are changed "
                "with --set data.source=...",
                param_hint=option,
            )
        recipe = load_recipe(named, settings)
        return recipe, None, out or pathlib.Path("runs") / recipe.name
    if source is None:
        raise typer.BadParameter(
            f"training {method.__name__} without a recipe needs images: center-ssl train {named} "
            "--data FOLDER",
            param_hint="--data",
        )
    return _chosen(method, source, minutes, settings, out, resume, recipe_only, strategy, said)


def _method(named):
    """The method of a name; None for the path of a recipe."""
    from keras_center_ssl.methods import METHODS
    from keras_center_ssl.runs.spelling import find

    path = pathlib.Path(named)
    if path.suffix.lower() in _SUFFIXES or path.is_file():
        return None
    name = find(named, METHODS)
    if name in METHODS:
        return METHODS[name]
    if path.parent != pathlib.Path():
        return None  # a path, which `load_recipe` does not find
    error = one_of("method", named, METHODS)
    raise InputError(f"There is no recipe {named!r}, and no such method. {error}")


def _chosen(method, source, minutes, settings, out, resume, recipe_only, strategy, said):
    from keras_center_ssl.runs.choosing import choose_recipe
    from keras_center_ssl.runs.recipe import load_recipe
    from keras_center_ssl.runs.spelling import run_name

    if strategy == "multi_worker":
        raise InputError(
            "Several workers train one recipe, and each would choose its own: write one with "
            "--recipe-only, and give it to all of them."
        )
    out = out or pathlib.Path("runs") / run_name(method.__name__, source)
    begun = out / "recipe.yaml"
    if resume and begun.is_file():
        # What was chosen then: another measurement could choose otherwise.
        return load_recipe(begun, settings), begun.read_text(encoding="utf-8"), out
    if not recipe_only:
        from keras_center_ssl.runs import free_folder

        free_folder(out)  # before the work, not after it
    quietly = console.quiet
    say = errors.print if recipe_only and not quietly else said.print
    found = choose_recipe(method, source, minutes, settings, say)
    if recipe_only:
        console.result(found.text, end="")
        raise typer.Exit()
    say(_sentence(found, minutes))
    say(f"The recipe, with a reason for each choice: {begun}")
    return found.recipe, found.text, out


def _sentence(found, minutes):
    recipe = found.recipe
    encoder = " ".join([recipe.encoder.name, *_width(recipe)])
    took = found.seconds / 60
    words = f"about {took:.0f} minutes" if took >= 2 else f"about {found.seconds:.0f} seconds"
    more = "" if took <= 1.5 * minutes else f" That is more than {minutes:g} minutes: one epoch is."
    return (
        f"{recipe.method.name} on a {encoder} at {recipe.views.arguments['size']} pixels, "
        f"{recipe.epochs} epochs of batches of {recipe.batch_size}, at "
        f"{found.images_per_second:,.0f} images/s: {words}.{more}"
    )


def _width(recipe):
    width = recipe.encoder.arguments.get("width")
    return [f"(width {width})"] if width else []
