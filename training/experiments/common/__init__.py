"""What the experiments share. `run.py` puts this folder's parent on the path."""

from common.rows import all_complete, chosen, none_complete, numbers, values, verdicts
from common.statistics import interval, mean, spread, words
from common.verdict import CONFIRMED, REFUTED, UNDECIDED, Verdict, table

__all__ = [
    "CONFIRMED",
    "REFUTED",
    "UNDECIDED",
    "Verdict",
    "all_complete",
    "chosen",
    "interval",
    "mean",
    "none_complete",
    "numbers",
    "spread",
    "table",
    "values",
    "verdicts",
    "words",
]
