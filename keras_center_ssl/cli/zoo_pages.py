"""`center-ssl zoo site` and `zoo gallery`: a zoo to look at."""

import pathlib
from typing import Annotated

import typer

from keras_center_ssl.cli.terminal import console
from keras_center_ssl.errors import needs


def zoo_site(
    out: Annotated[pathlib.Path, typer.Option(help="The folder to make.")],
    source: Annotated[
        str | None,
        typer.Option(
            "--zoo",
            "--source",
            help="A zoo: a folder, http(s)://... or hf://owner/repo. [$KERAS_CENTER_SSL_ZOO]",
        ),
    ] = None,
    runtime: Annotated[
        pathlib.Path | None,
        typer.Option(
            "--onnxruntime-web",
            help="Folder of this npm package, with which the pages run the encoders. If left out: "
            "node_modules of this folder or of one above it.",
        ),
    ] = None,
    title: Annotated[
        str, typer.Option(help="Title of the first page.")
    ] = "Encoders trained without labels",
):
    """Build web pages of a zoo: a table, and a page for each encoder that runs it.

    Example: center-ssl zoo site --out pages
    """
    from keras_center_ssl import zoo
    from keras_center_ssl.zoo import browser_runtime

    page = zoo.build_site(out, source, runtime=runtime, title=title)
    if runtime is None and browser_runtime.find_runtime() is None:
        console.print(browser_runtime.MISSING, style="yellow")
    console.print(str(page))


def zoo_gallery(
    name: str,
    images: Annotated[
        str,
        typer.Option(help="Images to show: a folder, .npy, .npz; fashion_mnist, tfds:NAME, ..."),
    ],
    zoo_folder: Annotated[pathlib.Path, typer.Option("--zoo", help="The zoo's folder.")],
    split: Annotated[str, typer.Option(help="train or test.")] = "test",
    count: Annotated[int, typer.Option(help="Most pictures.")] = 256,
    class_names: Annotated[
        str | None, typer.Option(help="Names of the classes, with commas between them.")
    ] = None,
    data: Annotated[str | None, typer.Option(help="What the pictures are.")] = None,
    license: Annotated[
        str | None, typer.Option(help="Licence of the pictures: an SPDX id.")
    ] = None,
):
    """Add pictures to an encoder of a zoo, among which its page finds neighbours.

    Example: center-ssl zoo gallery quickstart-fashion-mnist --images photographs --zoo zoo
    """
    from keras_center_ssl import zoo

    labels = None
    if not pathlib.Path(images).expanduser().exists():
        images, labels, data = _named(name, images, split, zoo_folder, data)
    entry = zoo.add_gallery(
        name,
        zoo_folder,
        images,
        labels=labels,
        class_names=[each.strip() for each in class_names.split(",")] if class_names else None,
        data=data,
        license=license,
        count=count,
        split=split,
    )
    size = sum(file.size for path, file in entry.files.items() if path.startswith("gallery/"))
    console.print(f"A gallery of {size / 1000:.0f} kB for {name} in {zoo_folder}")


def _named(name, images, split, zoo_folder, data_text):
    """Images and labels of a data set by name, which only `kcs.data` knows."""
    from keras_center_ssl.zoo.folder_zoo import FolderZoo
    from keras_center_ssl.zoo.sources import find

    shape = find(FolderZoo(zoo_folder), name).input_shape or (None, None, None)
    with needs(f"{images!r} is no folder or file; a data set by name", "keras", "tensorflow"):
        from keras_center_ssl import data

    size = None if None in shape[:2] else shape[:2]
    loaded = data.load(images, split, image_size=size, channels=shape[2])
    return loaded.images, loaded.labels, data_text or f"{images}, {split} images"
