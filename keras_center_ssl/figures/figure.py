"""One figure: what it is called, what it says, and which side of it is healthy."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Figure:
    """One figure.

    Attributes:
        key: Its name in code: in logs, `CollapseReport.figures` and `metrics.json`.
        label: Its name in prose, in the middle of a sentence.
        meaning: What it says, in a few words.
        range: The values it can take, or its unit.
        healthy: What it is for healthy embeddings; empty where no side is better.
        collapsed: What it is for embeddings that have collapsed; empty where that depends.
        limit: `"<"`, `">"` or `">="`: on this side of its threshold a figure is free of collapse.
            `None`: it is not held against a threshold.
        collapsed_at: The value of a complete collapse, for a line in a picture, or `None`.
    """

    key: str
    label: str
    meaning: str
    range: str
    healthy: str = ""
    collapsed: str = ""
    limit: str | None = None
    collapsed_at: float | None = None
