"""A sheet to look at: images, and beside each the ones that its features say are most like it."""

from PIL import Image, ImageDraw, ImageFont

from keras_center_ssl.files import atomic_file

_GAP, _LINE, _MARGIN = 6, 15, 14
_INK, _QUIET, _EDGE = "#222222", "#6b7078", "#0072B2"


def draw_sheet(rows, path, title="", footer=()):
    """Draws rows of pictures with a line of text under each, and writes a PNG.

    Args:
        rows: List of `(heading, tiles)`: text or `""`, and a list of `(picture, text, marked)`, a
            square `PIL.Image` each; marked ones have a frame.
        path: The PNG file.
        title: A line at the top.
        footer: Lines at the bottom.
    """
    side = rows[0][1][0][0].width
    columns = max(len(tiles) for _, tiles in rows)
    cell = side + _GAP
    heights = [cell + _LINE + (_LINE + 8 if heading else 0) for heading, _ in rows]
    words = [title, *(heading for heading, _ in rows), *footer]
    font, small = ImageFont.load_default(13), ImageFont.load_default(10)
    width = max(columns * cell, *(int(font.getlength(text)) for text in words)) + 2 * _MARGIN
    height = sum(heights) + 2 * _MARGIN + (_LINE + 8 if title else 0) + _LINE * len(footer)
    sheet = Image.new("RGB", (width, height), "white")
    pen = ImageDraw.Draw(sheet)
    y = _MARGIN
    if title:
        pen.text((_MARGIN, y), title, _INK, font)
        y += _LINE + 8
    for (heading, tiles), row_height in zip(rows, heights, strict=True):
        top = y
        if heading:
            pen.text((_MARGIN, top + 4), heading, _INK, font)
            top += _LINE + 8
        for column, (picture, text, marked) in enumerate(tiles):
            x = _MARGIN + column * cell
            sheet.paste(picture, (x, top))
            frame = (x - 1, top - 1, x + side, top + side)
            pen.rectangle(frame, outline=_EDGE if marked else "#dddddd", width=3 if marked else 1)
            pen.text((x, top + side + 1), _fitting(text, small, side), _QUIET, small)
        y += row_height
    for line in footer:
        pen.text((_MARGIN, y), line, _QUIET, small)
        y += _LINE
    with atomic_file(path) as file:
        sheet.save(file, format="PNG")


def _fitting(text, font, width):
    """The end of a text that is too long: of paths, the end tells."""
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(f"…{text}") > width:
        text = text[1:]
    return f"…{text}"
