"""Self-supervised methods: `keras.Model`s that are trained with `fit` on views of images."""

from keras_center_ssl import keras_needed  # noqa: F401
from keras_center_ssl.methods.barlow_twins import BarlowTwins
from keras_center_ssl.methods.base import SSLModel
from keras_center_ssl.methods.byol import BYOL
from keras_center_ssl.methods.center_ssl import CenterSSL
from keras_center_ssl.methods.dcl import DCL
from keras_center_ssl.methods.dino import DINO
from keras_center_ssl.methods.lejepa import LeJEPA
from keras_center_ssl.methods.moco import MoCo
from keras_center_ssl.methods.simclr import SimCLR
from keras_center_ssl.methods.simdino import SimDINO
from keras_center_ssl.methods.simsiam import SimSiam
from keras_center_ssl.methods.swav import SwAV
from keras_center_ssl.methods.tico import TiCo
from keras_center_ssl.methods.triplet import Triplet
from keras_center_ssl.methods.vicreg import VICReg
from keras_center_ssl.methods.visreg import VISReg

# What a recipe may name.
METHODS = {
    method.__name__: method
    for method in (
        BYOL,
        DCL,
        DINO,
        BarlowTwins,
        CenterSSL,
        LeJEPA,
        MoCo,
        SimCLR,
        SimDINO,
        SimSiam,
        SwAV,
        TiCo,
        Triplet,
        VICReg,
        VISReg,
    )
}

__all__ = [
    "BYOL",
    "DCL",
    "DINO",
    "METHODS",
    "BarlowTwins",
    "CenterSSL",
    "LeJEPA",
    "MoCo",
    "SSLModel",
    "SimCLR",
    "SimDINO",
    "SimSiam",
    "SwAV",
    "TiCo",
    "Triplet",
    "VICReg",
    "VISReg",
]
