"""Linear probe: what a linear classifier on frozen features reaches."""

import warnings

import numpy as np

from keras_center_ssl import geometry
from keras_center_ssl.errors import InputError, needs
from keras_center_ssl.evaluation.classification import Classification
from keras_center_ssl.evaluation.knn import check_labelled
from keras_center_ssl.types import Array

# Feature values in all from which on SGD over batches takes the place of scikit-learn's L-BFGS,
# which holds copies in float64: of 50,000 x 256 features of Fashion-MNIST .880 in 5 s of processor
# time, where L-BFGS takes 47 s for .882 (whitened: .882 both, in 5 s and 12 s).
LARGE = 2**22
_EPOCHS, _BATCH = 30, 1024


def linear_probe(
    train_features: Array,
    train_labels: Array,
    test_features: Array,
    test_labels: Array,
    *,
    inverse_regularization: float = 1.0,
    max_iterations: int = 1000,
) -> float:
    """Test accuracy of a multinomial logistic regression on standardised features.

    Features are standardised with the mean and standard deviation of the training part, so that a
    large common centre or scale neither helps nor harms. The fit is deterministic: L-BFGS of
    scikit-learn for small data; from 2**22 (four million) feature values on, a linear Keras layer
    with SGD over batches, seeded, which is faster by far and needs no second copy of the features.

    `linear_classification` gives classes and an interval, too, for the same arguments.

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
    return linear_classification(
        train_features,
        train_labels,
        test_features,
        test_labels,
        inverse_regularization=inverse_regularization,
        max_iterations=max_iterations,
    ).accuracy


def linear_classification(
    train_features: Array,
    train_labels: Array,
    test_features: Array,
    test_labels: Array,
    *,
    inverse_regularization: float = 1.0,
    max_iterations: int = 1000,
) -> Classification:
    """`linear_probe` as a `Classification`: top-5, interval, confusion matrix."""
    train_labels, test_labels = check_labelled(
        train_features, train_labels, test_features, test_labels
    )
    classes, numbers = np.unique(train_labels, return_inverse=True)
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
    # Constant directions stay constant instead of becoming noise: features are float32 at best, and
    # a constant one comes in several roundings.
    mean, deviation = train.mean(axis=0), train.std(axis=0)
    rounding = 8 * np.finfo("float32").eps * np.abs(mean).max(initial=1e-30)
    deviation = np.where(deviation > rounding, deviation, 1.0)
    train, test = ((part - mean) / deviation for part in (train, test))
    fit = _fit_sgd if train.size >= LARGE else _fit_lbfgs
    weights, bias = fit(train, numbers, len(classes), inverse_regularization, max_iterations)
    return Classification.of(test @ weights + bias, test_labels, classes)


def _fit_lbfgs(train, numbers, classes, inverse_regularization, max_iterations):
    """Weights `(d, C)` and bias `(C,)` of scikit-learn's logistic regression."""
    with needs("kcs.evaluation.linear_probe", "sklearn"):
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.linear_model import LogisticRegression

    probe = LogisticRegression(C=inverse_regularization, max_iter=max_iterations)
    with warnings.catch_warnings():
        # Stopping at the bound costs a fraction of a percent, no reason to alarm anyone.
        warnings.simplefilter("ignore", ConvergenceWarning)
        probe.fit(train, numbers)
    weights, bias = probe.coef_.T, probe.intercept_
    if classes == 2:  # one column of log-odds of the second class
        weights, bias = np.hstack([-weights, weights]) / 2, np.r_[-bias, bias] / 2
    return weights, bias


def _fit_sgd(train, numbers, classes, inverse_regularization, max_iterations):
    """The same from a linear Keras layer: SGD with momentum on a cosine, the same penalty."""
    import keras

    count = len(train)
    # scikit-learn minimises |w|^2 / 2 + C sum(loss); here it is the mean loss.
    penalty = keras.regularizers.L2(0.5 / (inverse_regularization * count))
    initializer = keras.initializers.Zeros()
    layer = keras.layers.Dense(
        classes, kernel_initializer=initializer, kernel_regularizer=penalty, dtype="float32"
    )
    probe = keras.Sequential([keras.Input((train.shape[1],)), layer])
    steps = _EPOCHS * -(-count // _BATCH)
    rate = keras.optimizers.schedules.CosineDecay(0.1, steps)
    probe.compile(
        keras.optimizers.SGD(rate, momentum=0.9),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    rng = np.random.default_rng(0)
    for _ in range(_EPOCHS):
        order = rng.permutation(count)
        for start in range(0, count, _BATCH):
            rows = order[start : start + _BATCH]
            probe.train_on_batch(train[rows].astype("float32"), numbers[rows])
    weights, bias = layer.get_weights()
    return weights.astype("float64"), bias.astype("float64")
