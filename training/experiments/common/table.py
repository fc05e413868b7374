"""results.csv: rows by setting, appended as they are measured."""

import csv
import io

from common.rows import cell


class Results:
    """The rows of an experiment.

    Args:
        path: The file; it need not exist.
        settings: All settings of the experiment, dicts with the same keys, `"seed"` among them.
    """

    def __init__(self, path, settings):
        self.path = path
        self.settings = settings
        self.keys = list(settings[0])
        self.rows = []
        if path.is_file():
            with open(path, newline="", encoding="utf-8") as file:
                self.rows = [
                    # A run that was killed may have left half a line.
                    row
                    for row in csv.DictReader(file)
                    if None not in row.values()
                ]

    def key(self, row):
        return tuple(cell(row[name]) for name in self.keys)

    def holds(self, setting):
        """Whether a setting was measured."""
        return self.key(setting) in {self.key(row) for row in self.rows}

    def add(self, setting, rows):
        """Appends the rows of one setting, in one write."""
        rows = [{**setting, **row} for row in rows]
        text = io.StringIO()
        writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
        if not self.rows:
            writer.writeheader()
        for row in rows:
            writer.writerow({k: cell(v) for k, v in row.items()})
        with open(self.path, "a" if self.rows else "w", newline="", encoding="utf-8") as file:
            file.write(text.getvalue())
        self.rows += [{k: cell(v) for k, v in row.items()} for row in rows]

    def whole_seeds(self):
        """The rows of the seeds for which every setting was measured."""
        wanted, whole = {}, []
        for setting in self.settings:
            wanted.setdefault(str(setting["seed"]), []).append(setting)
        for settings in wanted.values():
            if all(map(self.holds, settings)):
                keys = {self.key(setting) for setting in settings}
                whole += [row for row in self.rows if self.key(row) in keys]
        return whole

    @property
    def progress(self):
        """How many settings are measured, and how many there are."""
        return sum(map(self.holds, self.settings)), len(self.settings)
