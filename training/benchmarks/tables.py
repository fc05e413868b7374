"""From results to results.json, results.csv, results.md, results.png and the README's table.

python training/benchmarks/tables.py [--readme README.md]     again, from results.json
"""

import argparse
import csv
import json
import pathlib
import statistics

from ratios import SECTIONS, cases, cost, spread, value

BEGIN, END = "<!-- benchmark -->", "<!-- end of benchmark -->"
FIELDS = (
    "section",
    "case",
    "contestant",
    "images",
    "seconds",
    "images_per_second",
    "spread",
    "turns",
    "parameters",
    "peak_mib",
)


def write(results, folder, readme=None):
    """Writes all files, and the summary into `readme`; returns the summary."""
    folder = pathlib.Path(folder)
    (folder / "results.json").write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    write_csv(results["results"], folder / "results.csv")
    (folder / "results.md").write_text(page(results), encoding="utf-8")
    from pictures import draw

    draw(results, folder / "results.png")
    short = summary(results)
    if readme is not None:
        replace(readme, short)
    return short


def summary(results):
    """One line per ratio: the median over its cases, the least favourable one, and the goal."""
    lines = [
        "| | median | least favourable | goal | reached in |",
        "|---|---|---|---|---|",
    ]
    for name, section in SECTIONS.items():
        by_case = cases(results["results"], name)
        for ratio in section.ratios:
            found = {case: value(ratio, row) for case, row in by_case.items()}
            found = {case: v for case, v in found.items() if v is not None}
            if not found:
                continue
            # More is better where ours is the fast one, save for a share of our own step.
            better = max if ratio.fast == "ours" and ratio.form == "times" else min
            worst = (min if better is max else max)(found, key=found.get)
            met = {case: ratio.met(v, case) for case, v in found.items()}
            met = {case: one for case, one in met.items() if one is not None}
            reached = f"{sum(met.values())} of {len(met)}" if met else ""
            if len(met) == 1 < len(found):
                reached += f" ({ratio.text(found[next(iter(met))])})"
            cells = (
                ratio.label,
                ratio.text(statistics.median(found.values())),
                f"{ratio.text(found[worst])} ({worst})" if len(found) > 1 else "",
                ratio.goal(),
                reached,
            )
            lines.append(_line(cells))
    return "\n".join([*lines, "", caption(results)])


def caption(results):
    """The machine, the versions and how it was timed, in a paragraph."""
    machine, settings = results["machine"], results["settings"]
    versions = ", ".join(f"{name} {v}" for name, v in results["versions"].items() if v)
    noise = [s for s in map(spread, results["results"]) if s is not None]
    quick = " (`--quick`)" if settings["quick"] else ""
    text = (
        f"{_where({'date': results['date'], **machine})}, {machine['cores']} cores, "
        f"{settings['threads']} threads for every contestant; {versions}. Medians of "
        f"{settings['repetitions']} turns of at least {settings['seconds']:g} s{quick}, "
        "contestants one after the other and then in the reverse order; each ratio is the median "
        f"of the turns' ratios. Load of the machine before: {machine['load_before']}."
    )
    if noise:
        text += (
            f" Half the range between quartiles: {100 * statistics.median(noise):.1f} % of a time."
        )
    if results.get("updated"):
        later = (f"{name} ({_where(run)})" for name, run in results["updated"].items())
        text += f" Measured anew in later runs: {', '.join(later)}."
    return text


def _where(run):
    """Date and processor of a run."""
    vectors = f" with {run['vectors']}" if run.get("vectors") else ""
    return f"{run['date']}, {run['cpu']}{vectors}"


def page(results):
    """The whole of results.md."""
    parts = ["# Results", summary(results), "![Ratios](results.png)"]
    for name, section in SECTIONS.items():
        by_case = cases(results["results"], name)
        if by_case:
            parts += [f"## {section.title}", section.note, _table(section, by_case)]
    parts.append("A ratio in bold misses its goal.")
    if results["skipped"]:
        left_out = dict.fromkeys(
            f"- {s['section']}, {s['contestant']}: {s['why']}" for s in results["skipped"]
        )
        parts += ["## Left out", "\n".join(left_out)]
    return "\n\n".join(parts) + "\n"


def _table(section, by_case):
    columns = [c for c in section.columns if any(c in row for row in by_case.values())]
    ratios = [r for r in section.ratios if any(value(r, row) for row in by_case.values())]
    head = ["", *(f"{c}, {section.unit}" for c in columns)]
    head += [f"{r.label} ({r.goal()})" if r.goal() else r.label for r in ratios]
    lines = [_line(head), "|---" * len(head) + "|"]
    for case, row in by_case.items():
        figures = [_figure(section, row[c]) if c in row else "" for c in columns]
        lines.append(_line([case, *figures, *(_ratio(r, value(r, row), case) for r in ratios)]))
    return "\n".join(lines)


def _figure(section, row):
    if section.unit == "MiB":
        return f"{cost(row):,.0f} ({row['facts']['before']:,.0f})"
    if section.unit == "ms":
        return f"{1000 * cost(row):,.2f}"
    return f"{row['images'] / cost(row):,.0f}"


def _ratio(ratio, found, case):
    if found is None:
        return ""
    return f"**{ratio.text(found)}**" if ratio.met(found, case) is False else ratio.text(found)


def _line(cells):
    return "| " + " | ".join(cells) + " |"


def write_csv(rows, path):
    """One line per contestant of a case."""
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, FIELDS, lineterminator="\n")
        writer.writeheader()
        for row in rows:
            line = {name: row[name] for name in ("section", "case", "contestant", "images")}
            line["parameters"] = row["facts"].get("parameters", "")
            line["turns"] = len(row["seconds"])
            if row["seconds"]:
                line["seconds"] = f"{cost(row):.6g}"
                line["images_per_second"] = f"{row['images'] / cost(row):.6g}"
                line["spread"] = "" if spread(row) is None else f"{spread(row):.4f}"
            else:
                line["peak_mib"] = f"{cost(row):.0f}"
            writer.writerow(line)


def replace(path, text):
    """Puts `text` between the two markers of a page."""
    before, after = around(path)
    pathlib.Path(path).write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}", encoding="utf-8")


def around(path):
    """What stands before and behind the markers of a page; raises `SystemExit` without them."""
    page = pathlib.Path(path).read_text(encoding="utf-8")
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise SystemExit(f"{path} has no lines {BEGIN} and {END} for the table to stand between.")
    return before, after


def main():
    parser = argparse.ArgumentParser(description="Writes the tables again, from results.json.")
    parser.add_argument("--results", type=pathlib.Path)
    parser.add_argument("--readme", type=pathlib.Path)
    arguments = parser.parse_args()
    folder = arguments.results or pathlib.Path(__file__).parent / "results"
    results = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    print(write(results, folder, arguments.readme))


if __name__ == "__main__":
    main()
