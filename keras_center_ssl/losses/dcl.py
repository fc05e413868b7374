"""The decoupled contrastive objective."""

from keras import ops

from keras_center_ssl.errors import InputError
from keras_center_ssl.losses._similarity import check_pair, unit
from keras_center_ssl.types import Tensor


def dcl(
    z1: Tensor, z2: Tensor, temperature: float = 0.1, *, positive_sigma: float | None = None
) -> Tensor:
    """Decoupled contrastive loss (Yeh et al., arXiv 2110.06848).

    NT-Xent without the positive among the candidates: for each of the `2B` embeddings,
    `-<z, z'> / tau + log sum exp(<z, z_j> / tau)`, `z'` the other view of its sample and `z_j` the
    `2B - 2` embeddings of other samples. In NT-Xent a positive that is found already takes the
    force from the negatives; here it does not, so that small batches and few epochs suffice. The
    loss is the mean over all `2B`, and has no lower bound of 0.

    Args:
        z1: Embeddings of the first view, `(B, D)`; L2-normalised here.
        z2: Embeddings of the second view, `(B, D)`.
        temperature: Positive; cosine similarities are divided by it. .1 in the paper.
        positive_sigma: Gives the paper's weighted variant, DCLW: the term of each positive is
            multiplied by `2 - B softmax(<z, z'> / sigma)`, the softmax over the batch, 1 on
            average, so that views that agree already attract less. .5 in the paper; `None`
            weighs all alike. The weights are not held constant.

    Returns:
        A scalar; `log(2B - 2)` when all embeddings coincide.

    Raises:
        InputError: If shapes differ, the batch has one sample, or `temperature` or
            `positive_sigma` is not positive.
    """
    check_pair(z1, z2)
    if temperature <= 0:
        raise InputError(
            f"`temperature` must be above 0; received {temperature}. Published: 0.07 to 0.1."
        )
    if positive_sigma is not None and positive_sigma <= 0:
        raise InputError(
            f"`positive_sigma` must be above 0, or None; received {positive_sigma}. Published: 0.5."
        )
    z1, z2 = unit(z1), unit(z2)
    z = ops.concatenate([z1, z2])
    logits = ops.matmul(z, ops.transpose(z)) / temperature
    # The views of one sample are no candidates. -1e9 rather than -inf keeps the gradient finite.
    same_sample = ops.tile(ops.eye(ops.shape(z1)[0], dtype=logits.dtype), [2, 2])
    repulsion = ops.mean(ops.logsumexp(logits - 1e9 * same_sample, axis=-1))
    positives = ops.sum(z1 * z2, axis=-1)
    if positive_sigma is not None:
        rows = ops.cast(ops.shape(positives)[0], positives.dtype)
        positives = positives * (2.0 - rows * ops.softmax(positives / positive_sigma, axis=0))
    return repulsion - ops.mean(positives) / temperature
