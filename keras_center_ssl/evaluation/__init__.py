"""How much a frozen encoder has learnt: embed images, then k-NN, linear probe, retrieval, ...

Neither Keras nor TensorFlow is loaded before `embed` needs them.
"""

from keras_center_ssl.evaluation.baselines import WhitenedPixels, raw_pixels
from keras_center_ssl.evaluation.classification import Classification
from keras_center_ssl.evaluation.embed_source import embed_source
from keras_center_ssl.evaluation.features import embed
from keras_center_ssl.evaluation.few_labels import few_labels
from keras_center_ssl.evaluation.fine_tuning import fine_tune
from keras_center_ssl.evaluation.knn import knn_accuracy, knn_classification
from keras_center_ssl.evaluation.linear import linear_classification, linear_probe
from keras_center_ssl.evaluation.neighbours import (
    Neighbours,
    near_duplicates,
    nearest_neighbours,
    odd_ones_out,
)
from keras_center_ssl.evaluation.protocols import DEFAULT_PROTOCOLS, judge, pixel_baselines
from keras_center_ssl.evaluation.retrieval import retrieval
from keras_center_ssl.evaluation.unlabelled import label_free

__all__ = [
    "DEFAULT_PROTOCOLS",
    "Classification",
    "Neighbours",
    "WhitenedPixels",
    "embed",
    "embed_source",
    "few_labels",
    "fine_tune",
    "judge",
    "knn_accuracy",
    "knn_classification",
    "label_free",
    "linear_classification",
    "linear_probe",
    "near_duplicates",
    "nearest_neighbours",
    "odd_ones_out",
    "pixel_baselines",
    "raw_pixels",
    "retrieval",
]
