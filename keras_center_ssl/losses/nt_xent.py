"""NT-Xent, the contrastive objective of SimCLR."""

from keras import ops

from keras_center_ssl.errors import InputError
from keras_center_ssl.losses._similarity import check_pair, unit


def nt_xent(z1, z2, temperature=0.5):
    """Normalised temperature-scaled cross-entropy (Chen et al., arXiv 2002.05709, eq. 1).

    Each of the `2B` embeddings has to find the other view of its sample among the `2B - 1`
    embeddings that are not itself. The loss is the mean over all `2B` (other libraries report
    the sum over both views, twice this value).

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
    logits = ops.matmul(z, ops.transpose(z)) / temperature
    positives = ops.tile(ops.sum(z1 * z2, axis=-1) / temperature, [2])
    rows = ops.shape(z)[0]
    # A sample is no candidate for itself. -1e9 rather than -inf keeps the gradient finite.
    logits = logits - 1e9 * ops.eye(rows)
    return ops.mean(ops.logsumexp(logits, axis=-1) - positives)
