"""Errors of the library in the words of the command line: `--cache-dir` for `cache_dir=`."""

import re

import typer.core

from keras_center_ssl.errors import InputError


class Command(typer.core.TyperCommand):
    """A command whose errors speak of its options, where the library speaks of arguments."""

    def invoke(self, ctx):
        """Runs the command."""
        try:
            return super().invoke(ctx)
        except InputError as error:
            error.args = (in_options(str(error), options_of(self)),)
            raise


def options_of(command):
    """Name of a Python argument -> option, for all options of a command."""
    found = {}
    for parameter in command.params:
        options = [option for option in parameter.opts if option.startswith("--")]
        for name in [parameter.name, *(option[2:].replace("-", "_") for option in options)]:
            if options:
                found.setdefault(name, options[0])
    return found


def in_options(text, options):
    """`text` with `--option` for `argument=`, where no value follows, and for `argument=True`."""
    if not options:
        return text
    names = "|".join(sorted(map(re.escape, options), key=len, reverse=True))
    return re.sub(
        rf"(?<![\w.'\"-])`?({names})=(?:True\b)?`?(?![\w'\"\[{{(=])", lambda m: options[m[1]], text
    )
