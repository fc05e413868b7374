"""Finds the Python blocks and the commands of a Markdown page.

A Python block is fenced and says `python`. A command stands in a block that is indented by four
spaces, or fenced and says `sh`; every line of it is one, comments aside. Other fenced blocks, and
indented ones that do not begin with a command, are output. A block after the comment
`<!-- not run: REASON -->` is left out, and counted with its reason; one after `<!-- on jax -->`
needs Keras' other backend.
"""

import dataclasses
import re

# What a command may begin with; anything else that is indented is what a program printed.
COMMANDS = ("center-ssl", "git", "make", "pip", "python")
_ASSIGNMENT = re.compile(r"^[A-Z_]+=")


@dataclasses.dataclass
class Block:
    """A piece of a page: `kind` is `python`, `commands` or `output`."""

    kind: str
    text: str
    line: int
    not_run: str | None = None
    on_jax: bool = False


def blocks(text):
    """All blocks of a page, in order."""
    found, lines, number, marks = [], text.split("\n"), 0, {}
    while number < len(lines):
        fence = re.match(r"^(```+)\s*(\w*)", lines[number])
        if fence:
            end = next(n for n in range(number + 1, len(lines)) if lines[n].startswith(fence[1]))
            body = "\n".join(lines[number + 1 : end])
            kind = {"python": "python", "sh": "commands"}.get(fence[2], "output")
            found.append(Block(kind, body, number + 2, **marks))
            number, marks = end + 1, {}
        elif lines[number].startswith("    ") and number and not lines[number - 1].strip():
            end = number
            while end < len(lines) and (lines[end].startswith("    ") or not lines[end].strip()):
                end += 1
            body = "\n".join(line[4:] for line in lines[number:end]).rstrip()
            kind = "commands" if _is_command(body.split("\n")[0]) else "output"
            found.append(Block(kind, body, number + 1, **marks))
            number, marks = end, {}
        else:
            # A mark stands on one line, with nothing but blank lines between it and its block.
            if lines[number].strip():
                marks = _marks(lines[number])
            number += 1
    return found


def _marks(line):
    reason = re.fullmatch(r"<!-- not run: (.+?) -->", line)
    return {"not_run": reason and reason[1], "on_jax": line == "<!-- on jax -->"}


def commands(block):
    """The commands of a block, continued lines joined, comments removed."""
    joined = re.sub(r"\\\n\s*", "", block.text)
    lines = (re.sub(r"(^|\s+)#.*", "", line).strip() for line in joined.split("\n"))
    return [line for line in lines if line]


def _is_command(line):
    words = [word for word in line.split() if not _ASSIGNMENT.match(word)]
    # The value of an assignment may hold spaces between quotes.
    return bool(words) and (
        words[0] in COMMANDS
        or words[0].startswith(".venv/bin/")
        or _ASSIGNMENT.match(line) is not None
    )
