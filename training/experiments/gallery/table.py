"""The gallery's table, from its results."""

import collections
import csv
import statistics

from configurations import CONFIGURATIONS, HEALTHY

BEGIN, END = "<!-- table -->", "<!-- end of table -->"
HEAD = (
    "| configuration | expected | verdict | first seen | k-NN | of features | untrained | agrees |"
    "\n|---|---|---|---|---|---|---|---|"
)


def write_table(results, path):
    """Reads results.csv, writes the tables into the README between its markers, returns them."""
    with open(results, newline="") as file:
        rows = list(csv.DictReader(file))
    trainings = collections.defaultdict(list)
    for row in rows:
        trainings[row["dataset"], row["configuration"]].append(row)
    parts = []
    for dataset in dict.fromkeys(row["dataset"] for row in rows):
        lines, agreed, judged = [], 0, collections.Counter()
        for configuration in CONFIGURATIONS:
            seeds = trainings.get((dataset, configuration.name))
            if seeds:
                line, agrees = _line(configuration, seeds)
                lines.append(line)
                agreed += agrees
                judged.update(_judged(configuration, row) for row in seeds)
        collapsed = [row for row in rows if row["dataset"] == dataset and row["seen"]]
        early = sum(5 * int(row["seen"]) <= int(row["steps"]) for row in collapsed)
        parts.append(
            f"### {dataset}\n\n{HEAD}\n" + "\n".join(lines) + "\n\n"
            f"{agreed} of {len(lines)} configurations agree in every seed. Of "
            f"{sum(judged.values())} trainings {judged['miss']} are misses, "
            f"{judged['false alarm']} false alarms and {judged['other kind']} of another kind than "
            f"expected. Of {len(collapsed)} collapses {early} were seen within the first 20 % of "
            "the training.\n"
        )
    tables = "\n".join(parts)
    page = path.read_text(encoding="utf-8")
    before, _, rest = page.partition(BEGIN)
    after = rest.partition(END)[2]
    path.write_text(f"{before}{BEGIN}\n\n{tables}\n{END}{after}", encoding="utf-8")
    return tables


def _line(configuration, seeds):
    """A line of the table, and whether every seed agrees with the expectation or with k-NN."""
    verdicts = collections.Counter(row["verdict"] for row in seeds)
    judged = [_judged(configuration, row) for row in seeds]
    seen = [int(row["seen"]) / int(row["steps"]) for row in seeds if row["seen"]]
    cells = (
        configuration.name,
        " or ".join(_words(verdict) for verdict in configuration.expected),
        ", ".join(
            f"{_words(v)} x{n}" if len(seeds) > 1 else _words(v) for v, n in verdicts.items()
        ),
        f"{100 * statistics.median(seen):.0f} %" if seen else "",
        _mean(seeds, "knn_embeddings"),
        _mean(seeds, "knn_features"),
        _mean(seeds, "knn_untrained"),
        ", ".join(f"{k} x{n}" for k, n in collections.Counter(judged).items()),
    )
    return "| " + " | ".join(cells) + " |", all(j in ("yes", "did not collapse") for j in judged)


def _judged(configuration, row):
    """How a verdict stands to the expectation; where they differ, k-NN accuracy decides.

    A training has collapsed in fact if its embeddings serve k-NN worse than the features of the
    encoder it started from.
    """
    verdict = row["verdict"]
    collapsed = float(row["knn_embeddings"]) < float(row["knn_untrained"])
    if verdict in configuration.expected:
        return "yes"
    if configuration.expected == (HEALTHY,):
        return "collapsed in fact" if collapsed else "false alarm"
    if verdict == HEALTHY:
        return "miss" if collapsed else "did not collapse"
    return "other kind"


def _words(verdict):
    return verdict.replace("_collapse", "").replace("_", " ")


def _mean(rows, name):
    values = [float(row[name]) for row in rows]
    spread = f" ± {statistics.stdev(values):.3f}" if len(values) > 1 else ""
    return f"{statistics.mean(values):.3f}{spread}"
