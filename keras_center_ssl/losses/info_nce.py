"""InfoNCE with a queue of negatives: the objective of MoCo."""

from keras import ops

from keras_center_ssl.errors import InputError
from keras_center_ssl.losses._similarity import check_pair, unit
from keras_center_ssl.types import Tensor


def info_nce(
    query: Tensor,
    key: Tensor,
    queue: Tensor,
    temperature: float = 0.2,
    *,
    valid: int | Tensor | None = None,
) -> Tensor:
    """Cross-entropy of finding a query's key among the keys of a queue (He et al., MoCo, arXiv
    1911.05722, eq. 1; van den Oord et al., arXiv 1807.03748).

    `-mean log exp(<q, k> / tau) / (exp(<q, k> / tau) + sum_j exp(<q, queue_j> / tau))`. Other
    samples of the batch are no negatives, unlike in `nt_xent`.

    Args:
        query: Embeddings of one view, `(B, D)`; L2-normalised here.
        key: Embeddings of the other view by the key encoder, `(B, D)`. Whether they are held
            constant is the caller's choice.
        queue: Keys of earlier batches, `(K, D)`.
        temperature: Positive; .2 in MoCo v2, .07 in MoCo.
        valid: How many rows of the queue count, from the first; the others are ignored. A number
            or a scalar tensor; `None` for all.

    Returns:
        A scalar; `log(1 + valid)` where all embeddings coincide, 0 with nothing in the queue.

    Raises:
        InputError: If shapes do not fit or `temperature` is not positive.
    """
    check_pair(query, key, names=("query", "key"), minimum=1)
    if len(queue.shape) != 2 or queue.shape[-1] != query.shape[-1]:
        raise InputError(
            f"info_nce takes a queue of keys (K, D) with the D of the queries, "
            f"{query.shape[-1]}; received shape {tuple(queue.shape)}."
        )
    if temperature <= 0:
        raise InputError(f"info_nce needs a temperature above 0; received {temperature}.")
    query, key, queue = unit(query), unit(key), unit(queue)
    positives = ops.sum(query * key, axis=-1, keepdims=True) / temperature
    negatives = ops.matmul(query, ops.transpose(queue)) / temperature
    if valid is not None:
        ignored = ops.arange(queue.shape[0], dtype="int32") >= ops.cast(valid, "int32")
        # -1e9 rather than -inf keeps the gradient finite.
        negatives = ops.where(ignored, -1e9, negatives)
    logits = ops.concatenate([positives, negatives], axis=-1)
    return ops.mean(ops.logsumexp(logits, axis=-1) - positives[:, 0])
