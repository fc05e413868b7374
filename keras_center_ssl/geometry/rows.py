"""Embeddings as rows: what is accepted, what is refused and in which words, unit length, blocks."""

import numpy as np

from keras_center_ssl.errors import InputError

BLOCK_BYTES = 32 * 2**20


def as_array(z, name="z"):
    """`z` as a plain array of real numbers, not copied where it is one already.

    Raises:
        InputError: for what NumPy cannot read, masked entries, and entries that are not numbers.
    """
    if isinstance(z, (list, tuple)) and any(isinstance(row, np.ma.MaskedArray) for row in z):
        z = np.ma.array(z)  # NumPy itself would drop the masks of the rows.
    if isinstance(z, np.ma.MaskedArray):
        _refuse_mask(z, name)
    try:
        array = np.asarray(z)
    except MemoryError:
        raise
    except Exception as error:  # Whatever another framework's `__array__` raises.
        raise InputError(_unreadable(z, name, error)) from error
    if array.dtype.kind not in "fiub" and array.dtype.name != "bfloat16":
        advice = " Call .toarray() first." if hasattr(z, "toarray") else ""
        raise InputError(
            f"Received {name} with entries of type {array.dtype}. Accepted: real numbers, in rows "
            f"of equal length, of shape (samples, dimensions).{advice}"
        )
    return array


def _refuse_mask(z, name):
    masked = np.ma.getmaskarray(z)
    if masked.any():
        rows = int(masked.reshape(len(masked), -1).any(axis=1).sum()) if z.ndim else 1
        raise InputError(
            f"Received {name} with {int(masked.sum())} masked entries in {rows} row(s). Accepted: "
            "embeddings without a mask, since a row with a gap has no length. Keep whole rows: "
            "z.data[~numpy.ma.getmaskarray(z).any(axis=1)]."
        )


def _unreadable(z, name, error):
    """What to say of an object that NumPy cannot make an array of."""
    if isinstance(z, (list, tuple)) and isinstance(error, ValueError):
        return (
            f"Received {name} as a {type(z).__name__} whose rows differ in length. Accepted: rows "
            "of equal length, an array of shape (samples, dimensions)."
        )
    kind, words = type(z).__name__, str(error).splitlines() or [""]
    return (
        f"Received {name} of type {kind}, of which NumPy can make no array ({words[0].rstrip('.')}"
        "). Accepted: embeddings of shape (samples, dimensions); of a PyTorch tensor pass "
        "z.detach().cpu().float().numpy()."
    )


def as_rows(z, name="z", minimum=2):
    """`z` as a real `(n, d)` array with `n >= minimum`, not copied where it is an array already.

    Raises:
        InputError: for another rank, no dimensions, too few rows or entries that are not numbers.
    """
    z = as_array(z, name)
    if z.ndim != 2 or z.shape[1] == 0:
        hint = {
            1: "A single vector has no spread: pass the embeddings of many samples.",
            3: "Average over the tokens, or keep one token per sample.",
            4: "Average feature maps over height and width first: z.mean(axis=(1, 2)).",
        }.get(z.ndim, "One row per sample.")
        raise InputError(
            f"Received {name} of shape {z.shape}. Accepted: (samples, dimensions). {hint}"
        )
    if len(z) < minimum:
        raise InputError(
            f"Received {name} with {len(z)} sample(s), of shape {z.shape}. Accepted: {minimum} or "
            "more; one sample has no spread."
        )
    return z


def as_views(z1, z2=None, check=as_rows):
    """Both views through `check`, and held to the same shape."""
    if z2 is None:
        return check(z1), None
    z1, z2 = check(z1, "z1"), check(z2, "z2")
    if z1.shape != z2.shape:
        raise InputError(
            f"Received z1 of shape {z1.shape} and z2 of shape {z2.shape}. Accepted: two views of "
            "the same samples, row by row, so both shapes must be equal."
        )
    return z1, z2


def unit_rows(z, name="z"):
    """A float64 copy of `z` with rows of unit length.

    Raises:
        InputError: for rows with NaN or infinite entries and for rows of zero length; says how
            many and which is the first.
    """
    unit = finite_rows(z, name)
    # Dividing by the largest entry first keeps the squares from over- and underflowing.
    largest = np.abs(unit).max(axis=1, initial=0.0)
    _refuse(largest == 0.0, name, *_NO_LENGTH)
    unit /= largest[:, None]
    unit /= np.sqrt(np.einsum("ij,ij->i", unit, unit))[:, None]
    return unit


def finite_rows(z, name="z"):
    """A float64 copy of `z`; rows with NaN and infinite entries are refused as in `unit_rows`."""
    rows = np.array(as_rows(z, name, minimum=0), dtype=np.float64)
    _refuse(~np.isfinite(rows).all(axis=1), name, *_NOT_FINITE)
    return rows


def refuse_bad_rows(parts):
    """Raises what `unit_rows` would raise for the whole of a set that comes in parts.

    Args:
        parts: Iterable of lists with one `(b, d)` block per view.
    """
    masks = [[(~np.isfinite(z).all(axis=1), ~np.any(z, axis=1)) for z in views] for views in parts]
    for name, per_view in zip(VIEW_NAMES[len(masks[0])], zip(*masks, strict=True), strict=True):
        not_finite, zero = (np.concatenate(mask) for mask in zip(*per_view, strict=True))
        _refuse(not_finite, name, *_NOT_FINITE)
        _refuse(zero, name, *_NO_LENGTH)


VIEW_NAMES = {1: ("z",), 2: ("z1", "z2")}
_NOT_FINITE = (
    "with NaN or infinite entries",
    "Remove them, or look for a diverged training run or a division by zero.",
)
_NO_LENGTH = (
    "of zero length",
    "A zero vector has no direction and no cosine. Remove them, or look for dead units: an encoder "
    "that returns zeros for an image ignores it.",
)


def _refuse(bad, name, what, advice):
    if bad.any():
        raise InputError(
            f"Received {name} with {int(bad.sum())} row(s) {what} among {len(bad)} "
            f"(the first is row {int(np.argmax(bad))}). {advice}"
        )


def blocks(z):
    """Slices over the rows of `z`, each about 32 MiB in float64."""
    step = max(1, BLOCK_BYTES // (8 * z.shape[1]))
    return [slice(start, min(start + step, len(z))) for start in range(0, len(z), step)]


def subsample(z, size, seed=0):
    """`size` rows of `z` without replacement, in their order; all rows if there are no more."""
    if size is None or len(z) <= size:
        return z
    return z[np.sort(np.random.default_rng(seed).choice(len(z), size, replace=False))]
