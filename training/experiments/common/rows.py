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
