"""`center-ssl embed`. An ONNX encoder needs neither Keras nor TensorFlow."""

import pathlib
from typing import Annotated

import typer

from keras_center_ssl.cli.counting import ImageProgress
from keras_center_ssl.cli.options import AsJson, print_json
from keras_center_ssl.cli.terminal import console, errors, quiet_start
from keras_center_ssl.embedded_files import SUFFIXES, check_parquet
from keras_center_ssl.errors import InputError, installed, needs
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
            help="The .npz or .parquet to write: features; paths (or indices) and labels of the "
            "rows; skipped, the files that could not be read."
        ),
    ],
    split: Annotated[str, typer.Option(help="train or test.")] = "test",
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace an existing file.")
    ] = False,
    as_json: AsJson = False,
):
    """Write the features of a set of images into a file, with the path and label of each.

    Example: center-ssl embed encoder.onnx --data photographs --out features.npz
    """
    if out.suffix.lower() not in SUFFIXES:
        raise InputError(f"--out is an .npz or a .parquet file; received {str(out)!r}.")
    if out.suffix.lower() == ".parquet":
        check_parquet()
    if out.exists() and not overwrite:
        raise InputError(f"{str(out)!r} exists. Give another name, or add --overwrite.")
    # Before the work, not after it.
    check_writable(out)
    by_onnx = encoder.suffix.lower() == ".onnx" and not encoder.is_dir()
    with ImageProgress(errors, quiet=console.quiet) as shown:
        found = (_by_onnx if by_onnx else _by_keras)(encoder, source, split, shown.report)
        rate = shown.rate
    out.parent.mkdir(parents=True, exist_ok=True)
    found.save(out)
    if as_json:
        print_json(_content(found, out, rate))
        return
    shape = " x ".join(str(n) for n in found.features.shape)
    console.print(f"{shape} features in {out}, {rate:,.0f} images/s")
    if found.skipped:
        console.print(found.skipped_sentence(f"`skipped` in {out}"), style="yellow")


def _content(found, out, rate):
    return {
        "file": str(out),
        "images": len(found.features),
        "dimensions": found.features.shape[1],
        "images_per_second": round(rate, 1),
        "paths": found.paths is not None,
        "labels": found.labels is not None,
        "skipped": [{"file": f, "reason": r} for f, r in sorted(found.skipped.items())],
    }


def _by_onnx(path, source, split, progress):
    from keras_center_ssl.onnx_encoder import OnnxEncoder

    encoder = OnnxEncoder(path)
    if pathlib.Path(source).expanduser().exists():
        return encoder.embed_source(source, split, progress=progress)
    # A name: only `kcs.data` knows these.
    if installed("tensorflow"):
        quiet_start()
    with needs(f"{source!r} is no folder or file; a data set by name", "keras", "tensorflow"):
        from keras_center_ssl import data
    from keras_center_ssl.embedded import Embedded

    height, width, channels = encoder.input_shape
    size = None if None in (height, width) else (height, width)
    images = data.load(source, split, image_size=size, channels=channels)
    features = encoder.embed(images.images, progress=progress)
    return Embedded(features, labels=images.labels, source=source, split=split)


def _by_keras(path, source, split, progress):
    quiet_start()
    from keras_center_ssl import evaluation, runs

    model = runs.Run(path).load_model() if path.is_dir() else runs.load_model(path)
    return evaluation.embed_source(model, source, split, progress=progress)
