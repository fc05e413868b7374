"""The objective of LeJEPA."""

from keras_center_ssl.losses._views import as_views, check_share, invariance
from keras_center_ssl.losses.sigreg import sigreg
from keras_center_ssl.types import Tensor


def lejepa(
    views: Tensor, directions: Tensor, global_views: int = 2, sigreg_weight: float = 0.05
) -> Tensor:
    """`sigreg_weight T + (1 - sigreg_weight) mean (z - m)^2` (Balestriero & LeCun, LeJEPA, arXiv
    2511.08544).

    `m` is each sample's mean over the global views, which itself is not held constant, and `T` the
    mean of `kcs.losses.sigreg` over all views, the global ones included. There is no teacher, no
    stop-gradient and no unit length.

    Args:
        views: Embeddings of all views `(V, B, D)`, the global ones first; or a list of `(B, D)`.
            Under a distribution strategy those of the global batch, as the method's are.
        directions: Unit columns `(D, K)`, drawn anew for every step.
        global_views: How many of the views are global, at least 1.
        sigreg_weight: Share of `T` in the loss, 0 to 1: .05 in the paper, .02 in its minimal
            version.

    Returns:
        A scalar: the mean over views, samples and dimensions. `sigreg_weight * .402 B` where all
        embeddings are 0.

    Raises:
        InputError: If shapes do not fit, or a number is out of its range.
    """
    views = as_views(views, global_views)
    check_share("sigreg_weight", sigreg_weight)
    loss = (1.0 - sigreg_weight) * invariance(views, global_views)
    if not sigreg_weight:
        return loss
    count = views.shape[0]
    return loss + sigreg_weight * sum(sigreg(views[v], directions) for v in range(count)) / count
