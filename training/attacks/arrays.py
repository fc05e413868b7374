"""Arrays of odd shapes, types and values: `diagnose` says something, or refuses in words.

As a program, `arrays.py NUMBER SEED`, it is the process in which a case's arrays are tried.
"""

import pathlib
import sys
import traceback

TRIES = 12
SHAPES = ((), (0,), (5,), (1, 4), (2, 1), (0, 8), (8, 0), (300, 5), (64, 8, 1), (8, 64, 8))
SHAPES += ((3, 2, 2), (16, 4, 4, 3), (16, 8, 7, 7), (64, 8), (64, 8), (64, 8), (64, 8))
KINDS = ("float64", "float32", "float16", ">f4", "longdouble", "int8", "uint8", "bool")
KINDS += ("complex64", "object", "U8", "datetime64[s]", "structured", "masked", "matrix")
KINDS += ("columns", "strided", "list", "ragged", "strings", "none", "dict", "scalar", "generator")


def attack(case):
    """A dozen arrays in one process, and one as a file for the command line."""
    import numpy as np

    ended = case.run_python(pathlib.Path(__file__), case.number, case.seed)
    faults = [ended.fault(expected=(0,))]
    path = case.folder / "z.npy"
    array = odd_array(case)
    try:
        np.save(path, array, allow_pickle=case.chance(0.5))
    except Exception:
        path.write_bytes(b"no array")
    if case.chance(0.3):
        from damage import damaged_bytes

        path.write_bytes(damaged_bytes(path.read_bytes() or b"?", case))
    faults.append(case.run("diagnose", path, *(("--json",) if case.chance(0.5) else ())).fault())
    return [fault for fault in faults if fault]


def odd_array(case):
    """What somebody may hand to `diagnose`, rarely what it wants."""
    import numpy as np

    rng = case.rng
    shape = case.pick(SHAPES)
    z = np.asarray(rng.standard_normal(shape))
    scale = case.pick([1, 1, 1, 0, 1e-300, 1e-30, 1e30, 1e300])
    z = z * scale + case.pick([0, 0, 1, 1e6, -1e20])
    if z.size and case.chance(0.3):
        flat = z.reshape(-1)
        bad = case.pick([np.nan, np.inf, -np.inf, 0.0])
        flat[rng.integers(z.size, size=max(1, z.size // 7))] = bad
    if z.ndim == 2 and case.chance(0.3):
        z[: len(z) // 2] = z[:1]
    with np.errstate(all="ignore"):
        kind = case.pick(KINDS)
        return _as_kind(z, kind)


def _as_kind(z, kind):
    import numpy as np

    makers = {
        "masked": lambda: np.ma.masked_array(z, mask=np.abs(z) > 1),
        "list": lambda: z.tolist(),
        "ragged": lambda: [[1.0, 2.0], [3.0]],
        "strings": lambda: ["a", "b"],
        "structured": lambda: np.zeros(4, dtype=[("a", "f4"), ("b", "i4")]),
        "matrix": lambda: np.asmatrix(z.reshape(len(z), -1)) if z.ndim and len(z) else z,
        "columns": lambda: np.asfortranarray(z),
        "strided": lambda: z[::-2] if z.ndim else z,
        "none": lambda: None,
        "dict": lambda: {"z": z},
        "scalar": lambda: 3.0,
        "generator": lambda: (row for row in np.atleast_1d(z)),
    }
    return makers[kind]() if kind in makers else z.astype(kind)


def try_arrays(number, seed):
    """Diagnoses a dozen arrays; returns how many ended in another error than the library's own."""
    import json
    import warnings

    import case as cases

    import keras_center_ssl as kcs

    case = cases.Case("arrays in a process", number, seed, ".", None)
    faults = 0
    warnings.simplefilter("ignore")
    for attempt in range(TRIES):
        arguments = [odd_array(case)]
        if case.chance(0.4):
            arguments.append(odd_array(case))
        try:
            json.loads(kcs.diagnose(*arguments).to_json())
        except kcs.InputError as refusal:
            if "\n" in str(refusal).strip() or len(str(refusal)) > 1000:
                faults += 1
                print(f"{attempt}: a refusal of {len(str(refusal))} characters")
        except Exception:
            faults += 1
            shape = getattr(arguments[0], "shape", None)
            print(f"{attempt}: {type(arguments[0]).__name__} {shape}")
            traceback.print_exc(limit=-2)
    return faults


if __name__ == "__main__":
    sys.exit(1 if try_arrays(int(sys.argv[1]), int(sys.argv[2])) else 0)
