"""The figures that tell what features are worth: with labels, and without."""

from keras_center_ssl.figures.figure import Figure

TABLE = (
    Figure(
        "knn_accuracy",
        "k-NN accuracy",
        "share of test images that their nearest neighbours classify rightly",
        "0 to 1",
        healthy="high",
    ),
    Figure(
        "linear_accuracy",
        "linear-probe accuracy",
        "share of test images that a linear classifier of the features classifies rightly",
        "0 to 1",
        healthy="high",
    ),
    Figure(
        "linear_accuracy_1_percent",
        "linear, 1 % of labels",
        "linear-probe accuracy where one label in a hundred is known",
        "0 to 1",
        healthy="high",
    ),
    Figure(
        "linear_accuracy_10_percent",
        "linear, 10 % of labels",
        "linear-probe accuracy where one label in ten is known",
        "0 to 1",
        healthy="high",
    ),
    Figure(
        "fine_tuned_accuracy",
        "fine-tuned accuracy",
        "share of test images classified rightly once encoder and head are trained with labels",
        "0 to 1",
        healthy="high",
    ),
    Figure(
        "mean_average_precision",
        "mean average precision",
        "how far ahead the images of the same class come in a search",
        "0 to 1",
        healthy="high",
    ),
    # Without labels; sources stand in `kcs.geometry`.
    Figure(
        "lidar",
        "LiDAR",
        "rank of what tells images apart, in units of what tells their views apart",
        "1 to d",
        healthy="large",
        collapsed="small",
    ),
    Figure(
        "alpha_req",
        "α-ReQ",
        "decay of the spectrum, as the exponent of a power law",
        "0 or more",
        healthy="near 1",
        collapsed="large",
    ),
    Figure(
        "nesum",
        "NESum",
        "sum of the eigenvalues over the largest",
        "1 to d",
        healthy="large",
        collapsed="1",
    ),
    Figure(
        "self_cluster",
        "SelfCluster",
        "purity of the second moment, against that of random directions",
        "0 to 1",
        healthy="near 0",
        collapsed="1",
    ),
    Figure(
        "two_nn",
        "TwoNN",
        "intrinsic dimension, by the distances to the two nearest neighbours",
        "0 to d",
        healthy="large",
    ),
)
