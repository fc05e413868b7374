"""`center-ssl neighbours`. It needs neither Keras nor TensorFlow, but for data sets by name."""

import pathlib
from typing import Annotated

import numpy as np
import typer

from keras_center_ssl.cli.options import AsJson, print_json
from keras_center_ssl.cli.terminal import console, errors, quiet_start
from keras_center_ssl.errors import InputError, installed, nearest
from keras_center_ssl.files import check_writable

# Groups of near-duplicates that are listed as text, and images of one of them.
_GROUPS, _MEMBERS = 10, 8


def neighbours(
    file: Annotated[
        pathlib.Path, typer.Argument(help="Features, as center-ssl embed writes them.")
    ],
    query: Annotated[
        list[str] | None,
        typer.Option(
            help="An image to search with: its path in the file, or its number. May be given "
            "repeatedly. [some of them, evenly spaced]"
        ),
    ] = None,
    out: Annotated[
        pathlib.Path | None, typer.Option(help="A PNG to write, with the images to look at.")
    ] = None,
    source: Annotated[
        str | None,
        typer.Option("--data", help="Where the images are. [where they were embedded from]"),
    ] = None,
    k: Annotated[int, typer.Option("-k", help="Neighbours of each image.", min=1)] = 8,
    rows: Annotated[int, typer.Option(help="Images to search with.", min=1, max=200)] = 12,
    approximate: Annotated[
        bool | None,
        typer.Option(
            "--approximate/--exact",
            help="Search with an index of usearch, which may miss some, or compare all with all. "
            "[an index from a million images on]",
        ),
    ] = None,
    odd: Annotated[int, typer.Option(help="How many odd ones out to name.", min=0)] = 8,
    as_json: AsJson = False,
):
    """Show each image's nearest neighbours, near-duplicates, and the odd ones out.

    Example: center-ssl neighbours features.npz --out sheet.png
    """
    from keras_center_ssl.embedded import Embedded
    from keras_center_ssl.evaluation import neighbour_index
    from keras_center_ssl.evaluation import neighbours as search

    if out is not None:
        if out.suffix.lower() != ".png":
            raise InputError(f"--out is a .png file; received {str(out)!r}.")
        check_writable(out)
    found = Embedded.load(file)
    pictures = None
    if out is not None:
        from keras_center_ssl.reports.thumbnails import Thumbnails

        named = source or found.source or ""
        by_name = found.paths is None and not pathlib.Path(named).expanduser().exists()
        if by_name and installed("tensorflow"):
            quiet_start()
        pictures = Thumbnails(found, source)
    many = len(found.features) >= neighbour_index.MANY
    if many and approximate is None and not installed("usearch"):
        errors.print(
            f"Comparing {len(found.features):,} images with each other takes hours; with "
            "pip install 'keras-center-ssl[index]' it takes minutes."
        )
    near = search.nearest_neighbours(found.features, k, approximate=approximate)
    if not (near.exact or as_json):
        console.print("Found by an index, which may have missed some (--exact compares all).")
    numbers = _queries(found, query, rows)
    groups = search.near_duplicates(found.features, near)
    lonely = search.odd_ones_out(found.features, odd, near)
    if pictures is not None:
        _draw(found, near, numbers, groups, lonely, pictures, out)
    if as_json:
        print_json(_content(found, near, numbers, groups, lonely))
        return
    for row in numbers:
        console.print(_called(found, row), style="bold")
        for other, cosine in zip(near.indices[row], near.cosines[row], strict=True):
            console.print(f"  {cosine:.3f}  {_called(found, other)}")
    _print_duplicates(found, groups)
    if lonely:
        console.print("Odd ones out, by the mean cosine to their nearest", style="bold")
        for row, cosine in lonely:
            console.print(f"  {cosine:.3f}  {_called(found, row)}")
    if out is not None:
        console.print(f"Sheet: {out}")


def _queries(found, query, rows):
    """Rows to search with."""
    count = len(found.features)
    if not query:
        return np.unique(np.linspace(0, count - 1, min(rows, count)).astype(int)).tolist()
    return [_row(found, text) for text in query]


def _row(found, text):
    paths = [] if found.paths is None else list(found.paths)
    if text in paths:
        return paths.index(text)
    ends = [row for row, path in enumerate(paths) if path.endswith(f"/{text}")]
    if len(ends) == 1:
        return ends[0]
    if text.isdecimal() and int(text) < len(found.features):
        return int(text)
    several = f" {len(ends)} images end so: give more of the path." if ends else ""
    raise InputError(
        f"There is no image {text!r} in the file.{several or nearest(text, paths)} Accepted: a "
        f"path as the file has it, or a number from 0 to {len(found.features) - 1}."
    )


def _called(found, row):
    label = found.label(row)
    return found.name(row) if label is None else f"{found.name(row)} ({label})"


def _print_duplicates(found, groups):
    if not groups:
        console.print("Near-duplicates: none", style="bold")
        return
    total = sum(len(group) for group in groups)
    console.print(
        f"Near-duplicates: {total} images in {len(groups)} group{'' if len(groups) == 1 else 's'}",
        style="bold",
    )
    for group in groups[:_GROUPS]:
        more = f" and {len(group) - _MEMBERS} more" if len(group) > _MEMBERS else ""
        console.print("  " + ", ".join(_called(found, r) for r in group[:_MEMBERS]) + more)
    if len(groups) > _GROUPS:
        console.print(f"  and {len(groups) - _GROUPS} more groups; --json lists all")


def _content(found, near, numbers, groups, lonely):
    """The JSON: rows are numbers, and paths stand beside them where there are any."""

    def image(row, **more):
        path = None if found.paths is None else str(found.paths[row])
        return {"row": int(row), "path": path, "label": found.label(row), **more}

    return {
        "images": len(found.features),
        "exact": near.exact,
        "queries": [
            {
                **image(row),
                "neighbours": [
                    image(other, cosine=round(float(cosine), 6))
                    for other, cosine in zip(near.indices[row], near.cosines[row], strict=True)
                ],
            }
            for row in numbers
        ],
        "near_duplicates": [[image(row) for row in group] for group in groups],
        "odd_ones_out": [image(row, mean_cosine=round(cosine, 6)) for row, cosine in lonely],
    }


def _draw(found, near, numbers, groups, lonely, pictures, out):
    from keras_center_ssl.reports.neighbours_sheet import draw_sheet

    def tile(row, text="", marked=False):
        label = found.label(row)
        words = [text, "" if label is None else str(label)]
        return pictures[row], "  ".join(word for word in words if word), marked

    width = near.indices.shape[1] + 1
    rows = []
    for number, row in enumerate(numbers):
        pairs = zip(near.indices[row], near.cosines[row], strict=True)
        tiles = [tile(row, marked=True), *(tile(other, f"{cosine:.3f}") for other, cosine in pairs)]
        rows.append(("An image, and its nearest by cosine" if number == 0 else "", tiles))
    for number, group in enumerate(groups[:3]):
        rows.append(("Near-duplicates" if number == 0 else "", [tile(r) for r in group[:width]]))
    if lonely:
        tiles = [tile(row, f"{cosine:.3f}") for row, cosine in lonely[:width]]
        rows.append(("Odd ones out, by the mean cosine to their nearest", tiles))
    draw_sheet(rows, out, f"{len(found.features):,} images, {found.features.shape[1]} features")
