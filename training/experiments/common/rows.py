"""Rows of results, chosen and counted."""

import collections


def cell(value):
    """A value as results.csv holds it."""
    return f"{value:.5g}" if isinstance(value, float) else str(value)


def chosen(rows, **wanted):
    """The rows in which the columns have these values."""
    return [row for row in rows if all(row[name] == cell(value) for name, value in wanted.items())]


def values(rows, name):
    """What stands in a column, each once, in the order of the rows."""
    return list(dict.fromkeys(row[name] for row in rows))


def variants_of(rows, names):
    """The variants among the rows: how to call them, and their columns and values.

    Args:
        rows: Of a file of results.
        names: The columns that tell variants apart.
    """
    cases = dict.fromkeys(tuple(row[name] for name in names) for row in rows)
    found = {}
    for case in cases:
        words = [f"{name} {value}" for name, value in zip(names, case, strict=True)]
        label = case[0] if len(case) == 1 else ", ".join(words) or "the training"
        label = label.replace("_", " ")
        found[label] = dict(zip(names, case, strict=True))
    return found


def numbers(rows, name):
    """A column as floats."""
    return [float(row[name]) for row in rows]


def verdicts(rows):
    """`complete x3` and the like."""
    counted = collections.Counter(row["verdict"].replace("_collapse", "") for row in rows)
    return ", ".join(f"{word} x{number}" for word, number in counted.items())


def all_complete(rows):
    """Whether every row is a complete collapse."""
    return all(row["verdict"] == "complete_collapse" for row in rows)


def none_complete(rows):
    """Whether no row is a complete collapse."""
    return not any(row["verdict"] == "complete_collapse" for row in rows)
