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
        self.rows, self.fields = [], None
        if path.is_file():
            text = path.read_text(encoding="utf-8")
            whole = text[: text.rfind("\n") + 1]
            if whole != text:  # a run was killed while it wrote a line
                path.write_text(whole, encoding="utf-8")
            reader = csv.DictReader(io.StringIO(whole))
            self.rows, self.fields = list(reader), reader.fieldnames

    def key(self, row):
        return tuple(cell(row[name]) for name in self.keys)

    def holds(self, setting):
        """Whether a setting was measured."""
        return self.key(setting) in {self.key(row) for row in self.rows}

    def add(self, setting, rows):
        """Appends the rows of one setting, in one write."""
        rows = [{**setting, **row} for row in rows]
        text = io.StringIO()
        new = self.fields is None
        self.fields = self.fields or list(rows[0])
        writer = csv.DictWriter(text, self.fields, lineterminator="\n")
        if new:
            writer.writeheader()
        for row in rows:
            writer.writerow({k: cell(v) for k, v in row.items()})
        with open(self.path, "a", newline="", encoding="utf-8") as file:
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
    def variants(self):
        """What of a setting tells variants apart: not the seed, nor what all have alike."""
        several = {name for name in self.keys if len({s[name] for s in self.settings}) > 1}
        return [name for name in self.keys if name != "seed" and name in several]

    @property
    def progress(self):
        """How many settings are measured, and how many there are."""
        return sum(map(self.holds, self.settings)), len(self.settings)
