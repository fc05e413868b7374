"""What each file of a bundle costs: bytes, and milliseconds for one image and for 64.

Every file is run by its own runtime, one after the other and over again, so that what slows the
machine for a while slows all of them.
"""

import pathlib
import statistics
import time

from keras_center_ssl.export.parity import exact_float32
from keras_center_ssl.machine import cores, cpu_name

BATCH_SIZES = (1, 64)
TURNS = 5
# A batch that is expected to take longer is left out: an export is no benchmark.
_LONGEST = 2.0


def measure(files, batch):
    """What the files cost on this machine.

    Args:
        files: Name of a format to `(predict, path)`: the function that runs the written file, and
            the file or folder.
        batch: One image, `(1, H, W, C)`.

    Returns:
        A dict: `cpu`, `cores`, `turns`, and `formats`, which holds for each name `bytes` and
        `milliseconds`, the medians for a batch of 1 and of 64; `None` where that was left out.
    """
    times = {name: {size: [] for size in BATCH_SIZES} for name in files}
    with exact_float32():
        for size in BATCH_SIZES:
            images = batch.repeat(size, axis=0)
            running = {
                name: predict
                for name, (predict, _) in files.items()
                if size == 1 or size * min(times[name][1]) < _LONGEST
            }
            for predict in running.values():
                predict(images)  # compiles, allocates
            for _ in range(TURNS):
                for name, predict in running.items():
                    started = time.perf_counter()
                    predict(images)
                    times[name][size].append(time.perf_counter() - started)
    return {
        "cpu": cpu_name(),
        "cores": cores(),
        "turns": TURNS,
        "formats": {
            name: {
                "bytes": size_of(path),
                "milliseconds": {str(n): _median(found) for n, found in times[name].items()},
            }
            for name, (_, path) in files.items()
        },
    }


def size_of(path):
    """Bytes of a file, or of all files in a folder."""
    path = pathlib.Path(path)
    files = [path] if path.is_file() else [f for f in path.rglob("*") if f.is_file()]
    return sum(file.stat().st_size for file in files)


def _median(seconds):
    return round(1000 * statistics.median(seconds), 3) if seconds else None
