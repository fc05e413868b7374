"""Objectives as pure functions: batch-first tensors in, a scalar (mean over the batch) out."""

from keras_center_ssl import keras_needed  # noqa: F401
from keras_center_ssl.losses.barlow_twins import barlow_twins
from keras_center_ssl.losses.center import center
from keras_center_ssl.losses.coding_rate import coding_rate
from keras_center_ssl.losses.dcl import dcl
from keras_center_ssl.losses.dino import dino
from keras_center_ssl.losses.info_nce import info_nce
from keras_center_ssl.losses.lejepa import lejepa
from keras_center_ssl.losses.negative_cosine import negative_cosine
from keras_center_ssl.losses.nt_xent import nt_xent
from keras_center_ssl.losses.sigreg import sigreg
from keras_center_ssl.losses.sinkhorn import sinkhorn
from keras_center_ssl.losses.swav import swav
from keras_center_ssl.losses.tico import tico
from keras_center_ssl.losses.triplet import triplet
from keras_center_ssl.losses.vicreg import vicreg
from keras_center_ssl.losses.visreg import visreg

__all__ = [
    "barlow_twins",
    "center",
    "coding_rate",
    "dcl",
    "dino",
    "info_nce",
    "lejepa",
    "negative_cosine",
    "nt_xent",
    "sigreg",
    "sinkhorn",
    "swav",
    "tico",
    "triplet",
    "vicreg",
    "visreg",
]
