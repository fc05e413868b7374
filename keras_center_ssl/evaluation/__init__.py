"""How much a frozen encoder has learnt: embed images, then k-NN or a linear probe.

Neither Keras nor TensorFlow is loaded before `embed` needs them.
"""

from keras_center_ssl.evaluation.features import embed
from keras_center_ssl.evaluation.knn import knn_accuracy
from keras_center_ssl.evaluation.linear import linear_probe

__all__ = ["embed", "knn_accuracy", "linear_probe"]
