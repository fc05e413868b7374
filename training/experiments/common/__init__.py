"""What the experiments share. `run.py` puts this folder's parent on the path."""

from common.statistics import interval, mean, spread, words
from common.verdict import CONFIRMED, REFUTED, UNDECIDED, Verdict, table

__all__ = [
    "CONFIRMED",
    "REFUTED",
    "UNDECIDED",
    "Verdict",
    "interval",
    "mean",
    "spread",
    "table",
    "words",
]
