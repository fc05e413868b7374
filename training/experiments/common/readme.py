"""A finding beside the experiment: verdict.json for programs, a part of README.md for people."""

import json

from common import accuracies
from common.verdict import table
from keras_center_ssl.files import atomic_file

BEGIN, END = "<!-- result -->", "<!-- end of result -->"
INDEX_BEGIN, INDEX_END = "<!-- verdicts -->", "<!-- end of verdicts -->"


def write_finding(folder, verdict, results):
    """Writes verdict.json, and the README's part between the two marks."""
    measured, wanted = results.progress
    rows = results.whole_seeds()
    seeds = len({row["seed"] for row in rows})
    finding = {
        "verdict": verdict.word,
        "measured": measured,
        "wanted": wanted,
        "seeds": seeds,
        "parts": [
            {"prediction": said, "verdict": word, "numbers": numbers}
            for said, word, numbers, _ in verdict.parts
        ],
    }
    with atomic_file(folder / "verdict.json") as file:
        file.write((json.dumps(finding, indent=2, ensure_ascii=False) + "\n").encode())
    lines = [f"**Verdict: {verdict.word}**, on {seeds} seed{'s' if seeds > 1 else ''}."]
    if measured < wanted:
        lines[0] += f" Of {wanted} measurements {measured} were made; judged are whole seeds."
    lines += ["Means are over seeds, with 95 % intervals of the mean where there are several.", ""]
    lines += [verdict.markdown()]
    beside = accuracies.section(rows, results.variants)
    lines += ["", beside] if beside else []
    pictures = sorted(p for kind in ("png", "gif") for p in folder.glob(f"*.{kind}"))
    lines += [f"\n![{picture.stem.replace('_', ' ')}]({picture.name})" for picture in pictures]
    page = folder / "README.md"
    before, _, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    text = "\n".join(lines)
    with atomic_file(page) as file:
        file.write(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}".encode())


def write_index(page, experiments):
    """Writes the table of all verdicts into the page between its two marks."""
    text = page.read_text(encoding="utf-8")
    before, _, rest = text.partition(INDEX_BEGIN)
    after = rest.partition(INDEX_END)[2]
    with atomic_file(page) as file:
        file.write(f"{before}{index(experiments)}{after}".encode())


def index(experiments):
    """The table of all verdicts, with its two marks."""
    rows = []
    for experiment in experiments:
        finding = experiment.finding
        parts = [part["verdict"] for part in finding.get("parts", ())]
        held = f"{parts.count('confirmed')} of {len(parts)}" if parts else ""
        link = f"[{experiment.id}]({experiment.folder.name}/README.md)"
        rows.append([link, experiment.title, experiment.verdict, held, finding.get("seeds", "")])
    titles = ("", "experiment", "verdict", "parts that held", "seeds")
    return f"{INDEX_BEGIN}\n\n{table(titles, rows)}\n\n{INDEX_END}"
