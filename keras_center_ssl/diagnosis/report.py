"""`CollapseReport`: what a diagnosis found, and how it reads in a terminal."""

import dataclasses
import json
import textwrap
from typing import Literal, TypeAlias

from keras_center_ssl.figures import LIMIT_SIGNS, label

Verdict: TypeAlias = Literal[
    "healthy", "complete_collapse", "dimensional_collapse", "cluster_collapse", "diverged"
]
VERDICTS = ("healthy", "complete_collapse", "dimensional_collapse", "cluster_collapse")
# Of a training whose loss or embeddings are not finite: there is nothing to diagnose.
DIVERGED = "diverged"


@dataclasses.dataclass(frozen=True)
class CollapseReport:
    """What `diagnose` found, or a `CollapseMonitor` at one check.

    Attributes:
        verdict: One of `VERDICTS`. A `CollapseMonitor` also says `"diverged"`, with no figures,
            where loss or embeddings are not finite; `diagnose` refuses those.
        reasons: Sentences that explain the verdict, with the numbers it rests on.
        figures: Name to float, see `keras_center_ssl.figures`.
        thresholds: Name to float, what the figures were held against.
        warnings: Sentences about what limits the verdict.
        samples: Number of samples `n`.
        dimension: Number of dimensions `d`.
        views: 1 or 2 embeddings per sample.
        name: What was diagnosed, or `None`.
        centered_verdict: Where the common centre holds 98 % of the squared length or more: the
            verdict with the mean subtracted; `None` elsewhere, and where nothing is left then.
    """

    verdict: Verdict
    reasons: list[str]
    figures: dict[str, float]
    thresholds: dict[str, float]
    warnings: list[str]
    samples: int
    dimension: int
    views: int = 1
    name: str | None = None
    centered_verdict: str | None = None

    @property
    def healthy(self):
        """Whether no collapse was found."""
        return self.verdict == "healthy"

    def to_dict(self):
        """The report as plain lists, dicts, strings and numbers."""
        return dataclasses.asdict(self)

    def to_json(self, indent=2):
        """The report as a JSON string; `from_json` reads it back."""
        return json.dumps(self.to_dict(), indent=indent, allow_nan=False)

    @classmethod
    def from_json(cls, text):
        """The report that `to_json` wrote."""
        return cls(**json.loads(text))

    def __str__(self):
        title = f"Collapse report{f' of {self.name}' if self.name else ''}"
        size = f"{self.samples} samples, {self.dimension} dimensions, {self.views} view(s)"
        lines = [f"{title}: {self.verdict.replace('_', ' ')}", size, ""]
        lines += [_item(reason, "- ") for reason in self.reasons]
        width = max([6, *(len(label(key)) for key in self.figures)])
        if self.figures:
            lines += ["", f"  {'figure':<{width}}  {'value':>9}  limit"]
        for key, value in self.figures.items():
            sign = LIMIT_SIGNS.get(key)
            limit = f"{sign} {self.thresholds[key]:.4g}" if sign else ""
            lines.append(f"  {label(key):<{width}}  {value:>9.4g}  {limit}".rstrip())
        if self.warnings:
            lines += ["", *(_item(warning, "Warning: ") for warning in self.warnings)]
        return "\n".join(lines)


def _item(sentence, bullet):
    indent = " " * len(bullet)
    return textwrap.fill(sentence, 88, initial_indent=bullet, subsequent_indent=indent)
