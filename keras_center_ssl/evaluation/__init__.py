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
from keras_center_ssl.evaluation.retrieval import retrieval

__all__ = [
    "Classification",
    "Neighbours",
    "WhitenedPixels",
    "embed",
    "embed_source",
    "few_labels",
    "fine_tune",
    "knn_accuracy",
    "knn_classification",
    "linear_classification",
    "linear_probe",
    "near_duplicates",
    "nearest_neighbours",
    "odd_ones_out",
    "raw_pixels",
    "retrieval",
]
