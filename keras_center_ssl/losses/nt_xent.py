"""NT-Xent, the contrastive objective of SimCLR."""

from keras import ops

from keras_center_ssl.errors import InputError
from keras_center_ssl.losses._similarity import check_pair, unit
from keras_center_ssl.types import Tensor

# From this batch size on, the 2B x 2B similarities are computed some rows at a time.
LARGE_BATCH = 4096
_CHUNK = 1024


def nt_xent(z1: Tensor, z2: Tensor, temperature: float = 0.5) -> Tensor:
    """Normalised temperature-scaled cross-entropy (Chen et al., arXiv 2002.05709, eq. 1).

    Each of the `2B` embeddings has to find the other view of its sample among the `2B - 1`
    embeddings that are not itself. The loss is the mean over all `2B` (other libraries report
    the sum over both views, twice this value).

    From a batch of 4096 on, the similarities are computed 1024 rows at a time, with the same
    result: memory then grows with `B` and no longer with `B^2`. Such a loss has first derivatives
    only, and the batch size has to be known when the step is traced.

    Args:
        z1: Embeddings of the first view, `(B, D)`; L2-normalised here.
        z2: Embeddings of the second view, `(B, D)`.
        temperature: Positive; cosine similarities are divided by it.

    Returns:
        A scalar; `log(2B - 1)` when all embeddings coincide.

    Raises:
        InputError: If shapes differ, the batch has one sample, or `temperature` is not positive.
    """
    check_pair(z1, z2)
    if temperature <= 0:
        raise InputError(f"nt_xent needs a temperature above 0; received {temperature}.")
    z1, z2 = unit(z1), unit(z2)
    z = ops.concatenate([z1, z2])
    positives = ops.tile(ops.sum(z1 * z2, axis=-1) / temperature, [2])
    large = z1.shape[0] is not None and z1.shape[0] >= LARGE_BATCH
    candidates = _mean_candidates_in_chunks if large else _mean_candidates
    return candidates(z, temperature) - ops.mean(positives)


def _mean_candidates(z, temperature):
    """Mean over `i` of `log sum_{j != i} exp(<z_i, z_j> / tau)`."""
    logits = ops.matmul(z, ops.transpose(z)) / temperature
    # A sample is no candidate for itself. -1e9 rather than -inf keeps the gradient finite.
    logits = logits - 1e9 * ops.eye(ops.shape(z)[0], dtype=logits.dtype)
    return ops.mean(ops.logsumexp(logits, axis=-1))


def _mean_candidates_in_chunks(z, temperature):
    """The same, `_CHUNK` rows at a time.

    With `P` the softmax of the similarities, the gradient is `(P + P^T) z / (n tau)`. Each chunk
    adds its part while its rows of `P` exist, so that nothing of size `n x n` is ever kept.
    """
    count, dimension = z.shape
    chunks = -(-count // _CHUNK)
    constant = ops.stop_gradient(z)
    padded = ops.pad(constant, [[0, chunks * _CHUNK - count], [0, 0]])
    columns = ops.arange(count, dtype="int32")

    def add_chunk(chunk, sums):
        total, gradient = sums
        start = chunk * _CHUNK
        place = start + ops.arange(_CHUNK, dtype="int32")
        rows = ops.slice(padded, (start, 0), (_CHUNK, dimension))
        logits = ops.matmul(rows, ops.transpose(constant)) / temperature
        logits = ops.where(place[:, None] == columns, -1e9, logits)
        real = ops.cast(place < count, logits.dtype)
        candidates = ops.logsumexp(logits, axis=-1)
        softmax = ops.exp(logits - candidates[:, None]) * real[:, None]
        # Padded rows are zero, and so is their part.
        of_rows = ops.slice(gradient, (start, 0), (_CHUNK, dimension))
        of_rows = of_rows + ops.matmul(softmax, constant)
        gradient = ops.slice_update(gradient, (start, 0), of_rows)
        of_columns = ops.matmul(ops.transpose(softmax), rows)
        gradient = gradient + ops.pad(of_columns, [[0, chunks * _CHUNK - count], [0, 0]])
        return total + ops.sum(candidates * real), gradient

    nothing = (ops.zeros((), z.dtype), ops.zeros_like(padded))
    total, gradient = ops.fori_loop(0, chunks, add_chunk, nothing)
    gradient = ops.stop_gradient(gradient[:count] / (count * temperature))
    # A term that is 0 and has the gradient.
    return ops.stop_gradient(total / count) + ops.sum(gradient * (z - constant))
