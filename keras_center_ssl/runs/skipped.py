"""Files that a run could not read: listed in its folder, and said."""

import csv

from keras_center_ssl.embedded import skipped_sentence
from keras_center_ssl.files import write_csv

# The list of each split, in the run's folder.
LISTS = {"train": "skipped_files.csv", "test": "skipped_test_files.csv"}
_HEAD = ("file", "reason")


def note_skipped(folder, split, skipped, say, whole=True):
    """Lists the files of a split that were skipped, and says how many and where the list is.

    Args:
        folder: Of the run.
        split: `"train"` or `"test"`.
        skipped: dict, file -> reason.
        say: Called with the sentence, where there were any.
        whole: Whether all files of the split were tried. Else an earlier list is added to.
    """
    path = folder / LISTS[split]
    if not skipped:
        if whole:
            path.unlink(missing_ok=True)
        return
    earlier = {} if whole else _read(path)
    try:
        write_csv(path, _HEAD, sorted((earlier | skipped).items()))
    except OSError:  # somebody else's run, which may be looked at
        say(skipped_sentence(skipped, None))
        for file, reason in sorted(skipped.items()):
            say(f"{file}: {reason}")
        return
    say(skipped_sentence(skipped, path))


def _read(path):
    if not path.is_file():
        return {}
    with open(path, newline="", encoding="utf-8", errors="surrogateescape") as file:
        return dict(row for row in list(csv.reader(file))[1:] if len(row) == len(_HEAD))
