"""`CollapseFinding`: a verdict that has held for some time, and how it reads."""

import dataclasses
import textwrap


@dataclasses.dataclass(frozen=True)
class CollapseFinding:
    """A verdict that has held for some time.

    Attributes:
        verdict: A verdict of `kcs.diagnose`, or `"diverged"`: loss or embeddings are not finite.
        step: Step of training at which it was certain, counted from 1 over all epochs.
        since: Step of the first check of the streak.
        reasons: Sentences that explain the verdict.
        causes: What usually causes it for this method, the most likely first.
        figures: Name to float.
        source: Where the figures come from, in words.
    """

    verdict: str
    step: int
    since: int
    reasons: list
    causes: list
    figures: dict
    source: str

    def __str__(self):
        title = self.verdict.replace("_", " ").capitalize()
        lines = [f"{title} at step {self.step}, seen since step {self.since} ({self.source})."]
        lines += [_item(reason) for reason in self.reasons]
        lines += ["What usually causes it:", *(_item(cause) for cause in self.causes)]
        return "\n".join(lines)


def _item(sentence):
    return textwrap.fill(sentence, 92, initial_indent="- ", subsequent_indent="  ")
