"""VISReg."""

import keras
from keras import ops

from keras_center_ssl import heads, losses
from keras_center_ssl.errors import InputError
from keras_center_ssl.losses._views import check_share, check_weights
from keras_center_ssl.methods.base import SSLModel
from keras_center_ssl.methods.directions import unit_directions
from keras_center_ssl.methods.verdicts import COMPLETE, FEW_DIMENSIONS

GLOBAL_VIEWS = 2


@keras.saving.register_keras_serializable(package="keras_center_ssl")
class VISReg(SSLModel):
    """VISReg: variance, invariance and a sketch of the embeddings' shape (arXiv 2606.02572).

    Every dimension keeps a standard deviation of 1 (scale), projections on random directions are
    sorted and held against the quantiles of a normal distribution (shape), and the mean of the
    embeddings is kept at 0 (centre). Scale and shape do not depend on that mean: `center_weight`
    alone decides whether the centre is free. There is no teacher and no unit length; figures, as
    for every method, are of the embeddings brought to unit length.

    The first two views are global, and each view is drawn to their mean. Local views may be
    smaller: convolutional encoders with global pooling and `kcs.encoders.vit_*` take them.

    Args:
        encoder: See `SSLModel`.
        weight: Share of the three regularisers in the loss, the rest of which is the invariance:
            .9 in the paper, .6 on small data. 0 leaves them out, an ablation.
        scale_weight: Of the deviations: 1 in the paper.
        shape_weight: Of the sorted projections: 1 in the paper.
        center_weight: Of the squared mean, the method's own centre term: 1 in the paper, 0 leaves
            it out. It takes the place of the penalty that other methods can add, which is of the
            embeddings brought to unit length.
        num_directions: Drawn anew for every step: 4096 in the paper.
        seed: Of the directions. They are a function of it and of the step, on every replica and
            in a training that is resumed.
        hidden_dim: Width of the projector's two hidden layers.
        output_dim: Dimension of the embeddings.
    """

    embedding_std = 1.0
    maximum_views = None
    penalizes_center = True

    def __init__(
        self,
        encoder: keras.Model,
        *,
        weight: float = 0.9,
        scale_weight: float = 1.0,
        shape_weight: float = 1.0,
        center_weight: float = 1.0,
        num_directions: int = 4096,
        seed: int = 0,
        hidden_dim: int = 2048,
        output_dim: int = 256,
        **kwargs,
    ):
        super().__init__(encoder, center_weight=center_weight, **kwargs)
        check_share("weight", weight)
        check_weights("VISReg", scale_weight=scale_weight, shape_weight=shape_weight)
        if num_directions < 1:
            raise InputError(f"num_directions is 1 or more; received {num_directions}.")
        self.weight = weight
        self.scale_weight = scale_weight
        self.shape_weight = shape_weight
        self.num_directions = num_directions
        self.seed = seed
        self.hidden_dim = hidden_dim
        self.output_dim = output_dim
        self.projector = heads.mlp(self.feature_dim, [hidden_dim, hidden_dim, output_dim])
        self.track(projection=output_dim)

    def branches(self, views, training):
        z = self.project(views, training)
        loss = losses.visreg(
            ops.stack([self.gather(embeddings) for embeddings in z]),
            unit_directions(self.output_dim, self.num_directions, self.seed, self.clock.step),
            GLOBAL_VIEWS,
            self.weight,
            self.scale_weight,
            self.shape_weight,
            self.center_weight,
        )
        return loss, {"projection": tuple(z[:GLOBAL_VIEWS])}

    def collapse_causes(self, verdict):
        causes = []
        if not self.weight:
            causes.append(
                "weight=0: nothing keeps the embeddings from becoming one point. Published: 0.9, "
                "and 0.6 on small data."
            )
        elif not self.scale_weight:
            causes.append(
                "scale_weight=0: nothing keeps the dimensions from becoming constant. Published: 1."
            )
        if self.weight and verdict == COMPLETE and not self.center_weight:
            causes.append(
                "center_weight=0: the mean of the embeddings is free, and may be long against "
                "their deviation of 1. Published: 1."
            )
        if self.weight and verdict in FEW_DIMENSIONS and not self.shape_weight:
            causes.append("shape_weight=0: all dimensions may carry the same. Published: 1.")
        return [*causes, *super().collapse_causes(verdict)]
