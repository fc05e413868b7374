"""`center-ssl embed`. An ONNX encoder needs neither Keras nor TensorFlow."""

import pathlib
from typing import Annotated

import typer

from keras_center_ssl.cli.terminal import console, quiet_start
from keras_center_ssl.errors import InputError, needs
from keras_center_ssl.files import check_writable


def embed(
    encoder: Annotated[
        pathlib.Path,
        typer.Argument(help="An encoder.onnx, which needs no TensorFlow; encoder.keras; or a run."),
    ],
    source: Annotated[
        str,
        typer.Option("--data", help="Images: a folder, .npy, .npz; fashion_mnist, tfds:NAME, ..."),
    ],
    out: Annotated[
        pathlib.Path,
        typer.Option(
            help="The .npz to write: features; paths (or indices) and labels of the rows; skipped, "
            "the files that could not be read."
        ),
    ],
    split: Annotated[str, typer.Option(help="train or test.")] = "test",
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace an existing file.")
    ] = False,
):
    """Write the features of a set of images into an .npz file."""
    if out.suffix != ".npz":
        raise InputError(f"--out is an .npz file; received {str(out)!r}.")
    if out.exists() and not overwrite:
        raise InputError(f"{str(out)!r} exists. Give another name, or add --overwrite.")
    # Before the work, not after it.
    check_writable(out)
    by_onnx = encoder.suffix.lower() == ".onnx" and not encoder.is_dir()
    found = (_by_onnx if by_onnx else _by_keras)(encoder, source, split)
    out.parent.mkdir(parents=True, exist_ok=True)
    found.save(out)
    shape = " x ".join(str(n) for n in found.features.shape)
    console.print(f"{shape} features in {out}")
    if found.skipped:
        console.print(found.skipped_sentence(f"`skipped` in {out}"), style="yellow")


def _by_onnx(path, source, split):
    from keras_center_ssl.onnx_encoder import OnnxEncoder

    encoder = OnnxEncoder(path)
    if pathlib.Path(source).expanduser().exists():
        return encoder.embed_source(source, split)
    # A name: only `kcs.data` knows these.
    with needs(f"{source!r} is no folder or file; a data set by name", "keras", "tensorflow"):
        from keras_center_ssl import data
    from keras_center_ssl.embedded import Embedded

    height, width, channels = encoder.input_shape
    size = None if None in (height, width) else (height, width)
    images = data.load(source, split, image_size=size, channels=channels)
    return Embedded(encoder.embed(images.images), labels=images.labels)


def _by_keras(path, source, split):
    quiet_start()
    from keras_center_ssl import evaluation, runs

    model = runs.Run(path).load_model() if path.is_dir() else runs.load_model(path)
    return evaluation.embed_source(model, source, split)
