"""What an experiment says of its prediction."""

import dataclasses

CONFIRMED, REFUTED, UNDECIDED = "confirmed", "refuted", "undecided"


@dataclasses.dataclass
class Verdict:
    """How the parts of a prediction fared; the whole is refuted where the part that matters is.

    Attributes:
        text: Tables and further sentences, in Markdown.
        parts: `(prediction, word, numbers)` each.
    """

    parts: list = dataclasses.field(default_factory=list)
    text: str = ""

    def add(self, prediction, holds, numbers, decisive=False):
        """Adds a part. `holds` is True, False or None; a decisive part refutes by itself."""
        word = {True: CONFIRMED, False: REFUTED, None: UNDECIDED}[
            None if holds is None else bool(holds)
        ]
        self.parts.append((prediction, word, numbers, decisive))
        return self

    @property
    def word(self):
        """Refuted where a decisive part is; confirmed, if all parts are."""
        found = [word for _, word, _, decisive in self.parts if decisive]
        if REFUTED in found:
            return REFUTED
        if self.parts and all(word == CONFIRMED for _, word, _, _ in self.parts):
            return CONFIRMED
        if found and all(word == CONFIRMED for word in found):
            return f"{CONFIRMED} in part"
        return UNDECIDED

    def markdown(self):
        lines = [f"- {said}: **{word}**. {numbers}" for said, word, numbers, _ in self.parts]
        return "\n".join([*lines, "", self.text.strip()]).strip()


def table(titles, rows):
    """A Markdown table; floats get three digits."""
    cells = [[f"{x:.3f}" if isinstance(x, float) else str(x) for x in row] for row in rows]
    lines = [titles, ["---"] * len(titles), *cells]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
