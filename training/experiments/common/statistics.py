"""Means over few seeds, with their 95 % intervals."""

import math
import statistics

# Two-sided 95 % quantiles of Student's t, by degrees of freedom.
_T = {1: 12.706, 2: 4.303, 3: 3.182, 4: 2.776, 5: 2.571, 6: 2.447, 7: 2.365, 8: 2.306, 9: 2.262}


def mean(rows, name):
    """Mean of a column."""
    return statistics.fmean(float(row[name]) for row in rows)


def spread(rows, name):
    """Half the width of the mean's 95 % interval; NaN for one seed."""
    values = [float(row[name]) for row in rows]
    n = len(values)
    if n < 2:
        return math.nan
    return _T.get(n - 1, 1.96 + 2.4 / (n - 1)) * statistics.stdev(values) / math.sqrt(n)


def interval(rows, name):
    """`(low, high)` of the mean's 95 % interval."""
    middle, half = mean(rows, name), spread(rows, name)
    return middle - half, middle + half


def words(rows, name):
    """`.123 ± .004` of a column: the mean and half its 95 % interval over the seeds."""
    half = spread(rows, name)
    return f"{mean(rows, name):.3f}" + ("" if math.isnan(half) else f" ± {half:.3f}")
