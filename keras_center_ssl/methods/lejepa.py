"""LeJEPA."""

import keras
from keras import ops

from keras_center_ssl import heads, losses
from keras_center_ssl.errors import InputError
from keras_center_ssl.losses._views import check_share
from keras_center_ssl.methods.base import SSLModel
from keras_center_ssl.methods.directions import unit_directions

GLOBAL_VIEWS = 2


@keras.saving.register_keras_serializable(package="keras_center_ssl")
class LeJEPA(SSLModel):
    """LeJEPA: embeddings of a sample's views agree, those of all samples are normal (Balestriero &
    LeCun, arXiv 2511.08544).

    The distribution of the embeddings along random directions is compared with N(0, 1) by its
    characteristic function (SIGReg). That asks for a deviation of 1 along every direction, and
    for a centre at 0. There is no teacher, no stop-gradient and no unit length; figures, as for
    every method, are of the embeddings brought to unit length.

    The first two views are global, and each view is drawn to their mean. Local views may be
    smaller: convolutional encoders with global pooling and `kcs.encoders.vit_*` take them.

    Args:
        encoder: See `SSLModel`. With `global_batch=False` each replica tests its own batch, which
            weakens SIGReg as it does in a smaller batch.
        sigreg_weight: Share of SIGReg in the loss, the rest of which is the invariance: .05 in the
            paper, .02 in its minimal version. SIGReg grows with the batch, the invariance does
            not. 0 leaves it out, an ablation.
        num_directions: Drawn anew for every step: 1024 in the paper, 256 in its minimal version.
        seed: Of the directions. They are a function of it and of the step, on every replica and
            in a training that is resumed.
        hidden_dim: Width of the projector's two hidden layers.
        output_dim: Dimension of the embeddings.
    """

    embedding_std = 1.0
    maximum_views = None

    def __init__(
        self,
        encoder: keras.Model,
        *,
        sigreg_weight: float = 0.05,
        num_directions: int = 1024,
        seed: int = 0,
        hidden_dim: int = 2048,
        output_dim: int = 128,
        **kwargs,
    ):
        super().__init__(encoder, **kwargs)
        check_share("sigreg_weight", sigreg_weight)
        if num_directions < 1:
            raise InputError(f"num_directions is 1 or more; received {num_directions}.")
        self.sigreg_weight = sigreg_weight
        self.num_directions = num_directions
        self.seed = seed
        self.hidden_dim = hidden_dim
        self.output_dim = output_dim
        self.projector = heads.mlp(self.feature_dim, [hidden_dim, hidden_dim, output_dim])
        self.track(projection=output_dim)

    def branches(self, views, training):
        z = self.project(views, training)
        loss = losses.lejepa(
            ops.stack([self.gather(embeddings) for embeddings in z]),
            unit_directions(self.output_dim, self.num_directions, self.seed, self.clock.step),
            GLOBAL_VIEWS,
            self.sigreg_weight,
        )
        return loss, {"projection": tuple(z[:GLOBAL_VIEWS])}

    def collapse_causes(self, verdict):
        causes = []
        if not self.sigreg_weight:
            causes.append(
                "sigreg_weight=0: nothing keeps the embeddings from becoming one point. "
                "Published: 0.05."
            )
        elif self.sigreg_weight < 0.01:
            causes.append(
                f"sigreg_weight={self.sigreg_weight:g} is small against the invariance. "
                "Published: 0.02 to 0.05; a smaller batch needs more."
            )
        if self.num_directions < self.output_dim:
            causes.append(
                f"{self.num_directions} directions a step leave some of {self.output_dim} "
                "dimensions untested. Published: 256 to 1024."
            )
        return [*causes, *super().collapse_causes(verdict)]
