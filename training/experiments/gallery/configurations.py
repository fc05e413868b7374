"""What the gallery trains: configurations that theory says collapse, and every healthy method.

The expectations were written down before the first run. Where they come from: the ablations of the
methods' own papers, arXiv 2402.14957, and the derivations in the package's documentation of
`kcs.losses.center` and `kcs.critical_center_weight`.
"""

import dataclasses

import keras

from keras_center_ssl import losses, methods

HEALTHY = "healthy"
COMPLETE = "complete_collapse"
DIMENSIONAL = "dimensional_collapse"
CLUSTER = "cluster_collapse"


@dataclasses.dataclass(frozen=True)
class Configuration:
    """One training.

    Attributes:
        name: Unique, as the table prints it.
        method: Class of the method.
        arguments: Of its constructor, beside the encoder.
        expected: Verdicts that agree with the expectation; the first is the one expected.
        learning_rate: Of SGD with momentum .9.
    """

    name: str
    method: type
    arguments: dict
    expected: tuple = (HEALTHY,)
    learning_rate: float = 0.05


class AlignmentOnly(methods.SimCLR):
    """SimCLR whose loss has no negatives: the mean cosine of the positives, nothing against it."""

    def branches(self, views, training):
        _, embeddings = super().branches(views, training)
        return losses.negative_cosine(*embeddings["projection"]), embeddings


HEADS = {"hidden_dim": 128, "output_dim": 64}
_BYOL = {**HEADS, "predictor_dim": 128, "momentum": 0.9}
_SIMSIAM = {**HEADS, "predictor_dim": 16}
_DINO = {
    "hidden_dim": 128,
    "bottleneck_dim": 64,
    "output_dim": 128,
    "momentum": 0.99,
    "batch_norm": True,
    "frozen_epochs": 0,
    "teacher_temperature_epochs": 0,
    "teacher_temperature": 0.04,
}
_SWAV = {**HEADS, "num_prototypes": 64, "frozen_epochs": 0}
_TICO = {**HEADS, "momentum": 0.99}
_SIMDINO = {**HEADS, "momentum": 0.99, "batch_norm": True}
_VISREG = {**HEADS, "weight": 0.6, "num_directions": 256}
_LEJEPA = {**HEADS, "num_directions": 256}
_MOCO = {**HEADS, "queue_size": 512, "momentum": 0.99}

# SimSiam's projector ends in a batch norm, which keeps the centre of the embeddings at 0 and their
# spread at 1 whatever happens: behind it a collapse can only be one of rank.
_BEHIND_BATCH_NORM = (DIMENSIONAL, CLUSTER, COMPLETE)

CONFIGURATIONS = (
    # Expected to collapse.
    Configuration(
        "SimSiam, no stop-gradient",
        methods.SimSiam,
        {**_SIMSIAM, "stop_gradient": False},
        _BEHIND_BATCH_NORM,
    ),
    Configuration(
        "SimSiam, no predictor",
        methods.SimSiam,
        {**_SIMSIAM, "predictor": None},
        _BEHIND_BATCH_NORM,
    ),
    Configuration("BYOL, no predictor", methods.BYOL, {**_BYOL, "predictor": None}, (COMPLETE,)),
    Configuration(
        "BYOL, momentum 0",
        methods.BYOL,
        {**_BYOL, "momentum": 0.0, "final_momentum": None},
        (COMPLETE,),
    ),
    Configuration(
        "CenterSSL, centre weight 0",
        methods.CenterSSL,
        {**HEADS, "center_weight": 0.0, "decorrelation_weight": 0.0},
        (COMPLETE,),
    ),
    Configuration(
        "CenterSSL, centre weight 0.01, below critical",
        methods.CenterSSL,
        {**HEADS, "center_weight": 0.01, "decorrelation_weight": 0.0},
        (COMPLETE,),
    ),
    Configuration(
        "CenterSSL, no decorrelation",
        methods.CenterSSL,
        {**HEADS, "decorrelation_weight": 0.0},
        (DIMENSIONAL, CLUSTER),
    ),
    Configuration(
        "Triplet, no hinge", methods.Triplet, {**HEADS, "margin": None}, (DIMENSIONAL, CLUSTER)
    ),
    Configuration(
        "Barlow Twins, no redundancy term",
        methods.BarlowTwins,
        {**HEADS, "redundancy_weight": 0.0},
        (DIMENSIONAL,),
    ),
    Configuration(
        "Barlow Twins, no redundancy term, no batch norm",
        methods.BarlowTwins,
        {**HEADS, "redundancy_weight": 0.0, "batch_norm": False, "loss_scale": 0.1},
        (COMPLETE,),
        0.005,  # without standardisation the loss is of fourth order: it diverges at more
    ),
    Configuration(
        "VICReg, no variance term",
        methods.VICReg,
        {**HEADS, "variance_weight": 0.0},
        (COMPLETE,),
        0.01,
    ),
    Configuration(
        "VISReg, no regularisers",
        methods.VISReg,
        {**_VISREG, "weight": 0.0},
        (COMPLETE,),
        0.3,  # VICReg's weight of the invariance is 25, here it is 1: at 0.01 330 steps are too few
    ),
    Configuration(
        "LeJEPA, no SIGReg", methods.LeJEPA, {**_LEJEPA, "sigreg_weight": 0.0}, (COMPLETE,), 0.3
    ),
    Configuration("TiCo, centred moment", methods.TiCo, {**_TICO, "centered": True}, (COMPLETE,)),
    Configuration(
        "SwAV, no Sinkhorn", methods.SwAV, {**_SWAV, "sinkhorn": False}, (COMPLETE, CLUSTER)
    ),
    Configuration(
        "DINO, no centring", methods.DINO, {**_DINO, "centering": False}, (COMPLETE,), 0.1
    ),
    Configuration(
        "DINO, no sharpening", methods.DINO, {**_DINO, "sharpening": False}, (COMPLETE,), 0.1
    ),
    Configuration("SimCLR, no negatives", AlignmentOnly, HEADS, (COMPLETE,)),
    Configuration(
        "SimCLR, learning rate 100 times too high",
        methods.SimCLR,
        {**HEADS, "temperature": 0.2},
        (COMPLETE, DIMENSIONAL, CLUSTER),
        learning_rate=10.0,
    ),
    # Expected to stay healthy.
    Configuration("SimCLR", methods.SimCLR, {**HEADS, "temperature": 0.2}, learning_rate=0.1),
    Configuration("MoCo", methods.MoCo, _MOCO),
    Configuration("BYOL", methods.BYOL, _BYOL),
    Configuration("SimSiam", methods.SimSiam, _SIMSIAM),
    Configuration("SwAV", methods.SwAV, _SWAV),
    Configuration("DINO", methods.DINO, _DINO, learning_rate=0.1),
    Configuration("Barlow Twins", methods.BarlowTwins, {**HEADS, "loss_scale": 0.1}),
    Configuration("VICReg", methods.VICReg, HEADS, learning_rate=0.01),
    # The centre is free, and spread is what counts: it may be long without a collapse.
    Configuration(
        "VISReg, centre weight 0",
        methods.VISReg,
        {**_VISREG, "center_weight": 0.0},
        (HEALTHY, COMPLETE),
    ),
    Configuration("VISReg", methods.VISReg, _VISREG),
    Configuration("LeJEPA", methods.LeJEPA, _LEJEPA),
    Configuration("TiCo", methods.TiCo, _TICO),
    Configuration("SimDINO", methods.SimDINO, _SIMDINO),
    Configuration("Triplet", methods.Triplet, {**HEADS, "margin": 0.5}, learning_rate=0.1),
    Configuration(
        "CenterSSL",
        methods.CenterSSL,
        {**HEADS, "decorrelation_weight": 2.5},
        learning_rate=0.1,
    ),
)


def build(configuration, encoder):
    """The configuration's method on an encoder, compiled."""
    model = configuration.method(encoder, **configuration.arguments)
    model.compile(keras.optimizers.SGD(configuration.learning_rate, momentum=0.9))
    return model
