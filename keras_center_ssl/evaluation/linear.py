"""Linear probe: what a linear classifier on frozen features reaches."""

import warnings

import numpy as np

from keras_center_ssl import geometry
from keras_center_ssl.errors import InputError
from keras_center_ssl.evaluation.knn import check_labelled


def linear_probe(
    train_features,
    train_labels,
    test_features,
    test_labels,
    *,
    inverse_regularization=1.0,
    max_iterations=1000,
):
    """Test accuracy of a multinomial logistic regression on standardised features.

    Features are standardised with the mean and standard deviation of the training part, so that a
    large common centre or scale neither helps nor harms. The fit is deterministic (L-BFGS).

    Args:
        train_features: `(n, d)` features to fit on.
        train_labels: `(n,)` integers or strings, of 2 or more classes.
        test_features: `(m, d)` features to classify.
        test_labels: `(m,)` labels of the same kind.
        inverse_regularization: `C` of scikit-learn, positive: the larger, the weaker the L2
            penalty.
        max_iterations: Bound on L-BFGS iterations.

    Returns:
        Float in [0, 1].

    Raises:
        InputError: for shapes that do not match, entries that are not finite, and labels of one
            class only.
    """
    train_labels, test_labels = check_labelled(
        train_features, train_labels, test_features, test_labels
    )
    classes = np.unique(train_labels)
    if len(classes) < 2:
        raise InputError(
            f"Received train_labels of the one class {classes[0].item()!r}. Accepted: 2 or more "
            "classes; a classifier has nothing to separate otherwise."
        )
    if not inverse_regularization > 0:
        raise InputError(
            f"Received inverse_regularization={inverse_regularization!r}. Accepted: positive "
            "numbers."
        )
    train = geometry.finite_rows(train_features, "train_features")
    test = geometry.finite_rows(test_features, "test_features")

    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    probe = make_pipeline(
        StandardScaler(),
        LogisticRegression(C=inverse_regularization, max_iter=max_iterations),
    )
    with warnings.catch_warnings():
        # Stopping at the bound costs a fraction of a percent, no reason to alarm anyone.
        warnings.simplefilter("ignore", ConvergenceWarning)
        probe.fit(train, train_labels)
    return float(np.mean(probe.predict(test) == test_labels))
