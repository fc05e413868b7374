"""`center-ssl serve`: neither Keras nor TensorFlow is imported."""

from typing import Annotated

import typer

from keras_center_ssl.cli.terminal import console
from keras_center_ssl.errors import needs


def serve(
    encoders: Annotated[
        list[str],
        typer.Argument(help="An encoder.onnx, or a bundle that has one; NAME=PATH to name it."),
    ],
    neighbors: Annotated[
        list[str] | None,
        typer.Option(
            help="An .npz of `center-ssl embed` to search for neighbours; NAME=FILE where there "
            "are several encoders."
        ),
    ] = None,
    host: Annotated[str, typer.Option(help="Address to listen on; 0.0.0.0 for all.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 8000,
    workers: Annotated[int, typer.Option(help="Requests that are computed at once.")] = 2,
    waiting: Annotated[
        int, typer.Option(help="Requests that may wait; further ones get 503 and Retry-After.")
    ] = 32,
    batch: Annotated[
        int,
        typer.Option(
            help="Most images of several requests that an encoder gets at once; 1: each request by "
            "itself. Pays for larger encoders only."
        ),
    ] = 1,
    body_mib: Annotated[int, typer.Option(help="Largest body of a request, MiB.")] = 16,
    images: Annotated[int, typer.Option(help="Most images of a request.")] = 64,
    pixels: Annotated[
        int, typer.Option(help="Most pixels of an image, before it is resized.")
    ] = 32_000_000,
    grace: Annotated[
        int, typer.Option(help="Seconds for what has begun, after SIGTERM or Ctrl-C.")
    ] = 30,
):
    """Serve the features of exported encoders over HTTP.

    Example: center-ssl serve encoder.onnx
    """
    with needs("center-ssl serve", "fastapi", "uvicorn"):
        from keras_center_ssl.service.serving import serve as run
    from keras_center_ssl.service.encoders import open_encoders
    from keras_center_ssl.service.limits import Limits

    limits = Limits(
        body_bytes=body_mib * 2**20,
        images=images,
        pixels=pixels,
        workers=workers,
        waiting=waiting,
        batch=batch,
    )
    opened = open_encoders(encoders, neighbors or (), limits.batch)
    for encoder in opened.values():
        console.print(f"{encoder.name}: {encoder.input_shape} to {encoder.feature_dim} features")
    console.print(f"http://{host}:{port}/docs")
    run(opened, limits, host, port, grace)
