"""`center-ssl doctor`."""

from typing import Annotated

import typer

from keras_center_ssl.cli.options import AsJson, print_json
from keras_center_ssl.cli.tables import print_table
from keras_center_ssl.cli.terminal import console, quiet_start
from keras_center_ssl.errors import MissingExtra


def doctor(
    as_json: AsJson = False,
    test: Annotated[
        bool, typer.Option("--test/--no-test", help="A self-test of some 20 seconds.")
    ] = True,
):
    """Say what is installed, which devices there are and what is missing, and run a self-test.

    Ends with exit code 1 where the self-test fails; what is not installed is no failure.

    Example: center-ssl doctor
    """
    try:
        quiet_start()
    except MissingExtra:
        pass  # a light install, which is said below
    from keras_center_ssl import checkup

    found = checkup.look_around()
    if not as_json:
        _print(found)
        if test:
            console.print("Self-test ...")
    found["self_test"] = checkup.self_test() if test else {}
    failed = [name for name, result in found["self_test"].items() if result["passed"] is False]
    if as_json:
        print_json(found)
    else:
        for name, result in found["self_test"].items():
            word = {True: "passed", False: "FAILED", None: "not run"}[result["passed"]]
            console.print(f"{name}: {word} ({result['seconds']:g} s). {result['words']}")
    if failed:
        raise typer.Exit(1)


def _print(found):
    console.print(f"Python {found['python']} on {found['platform']}")
    rows = [[name, version or "not installed"] for name, version in found["versions"].items()]
    print_table(console, ("package", "version"), rows)
    cpu = found["cpu"]
    console.print(f"CPU: {cpu['name']}, {cpu['cores']} cores")
    console.print(_precision(cpu["bfloat16"]))
    backend = found["backend"]
    seen = ", ".join(found["devices"]) or "none; training runs on the CPU"
    console.print(f"Accelerators: {seen}" if backend else "Accelerators: not looked for")
    if backend:
        console.print(f"Keras' backend: {backend}")
    console.print(f"Disk: {found['disk_free_bytes'] / 2**30:.1f} GiB free here")
    missing = {name: words for name, words in found["commands"].items() if words}
    ready = [name for name in found["commands"] if name not in missing]
    console.print(f"Ready: {', '.join(ready)}")
    for words in missing.values():
        console.print(words, style="yellow")


def _precision(flags):
    if flags is None:
        return "bfloat16: not looked for, since nothing trains here"
    if flags:
        return (
            f"bfloat16: fast ({', '.join(flags)}). In a recipe: precision: mixed_bfloat16, if "
            "images are not tiny"
        )
    return "bfloat16: slower than float32 on this processor; keep precision: float32"
