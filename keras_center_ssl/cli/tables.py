"""Tables whose entries are never cut: names can be copied at every width, and from a pipe."""

from rich.cells import cell_len

from keras_center_ssl import figures


def print_table(console, titles, rows, title=None):
    """Prints rows as aligned columns, or one below the other where the terminal is too narrow.

    Args:
        console: A `terminal.Terminal`.
        titles: Titles of the columns. The first is that of the rows' names.
        rows: Lists of as many entries; floats get three digits, `None` is left empty.
        title: A line above.
    """
    if title:
        console.print(title, style="italic")
    aligned = _aligned([list(titles), *([_text(entry) for entry in row] for row in rows)], rows)
    if not console.is_terminal or max(map(cell_len, aligned)) <= console.width:
        console.print(aligned[0], style="bold")
        for line in aligned[1:]:
            console.print(line)
        return
    width = max(map(cell_len, titles[1:]))
    for name, *entries in rows:
        console.print(_text(name), style="bold")
        for heading, entry in zip(titles[1:], entries, strict=True):
            if _text(entry):
                console.print(f"  {heading:<{width}}  {_text(entry)}")


def _aligned(texts, rows):
    """Lines of columns that are as wide as their widest entry; numbers stand to the right."""
    columns = []
    for number, column in enumerate(zip(*texts, strict=True)):
        width = max(map(cell_len, column))
        right = any(isinstance(row[number], (int, float)) for row in rows)
        gaps = [" " * (width - cell_len(text)) for text in column]
        pairs = zip(gaps, column, strict=True)
        columns.append([gap + text if right else text + gap for gap, text in pairs])
    return ["  ".join(line).rstrip() for line in zip(*columns, strict=True)]


def _text(entry):
    if entry is None:
        return ""
    return figures.number(entry) if isinstance(entry, float) else str(entry)
