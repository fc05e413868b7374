"""Short trainings on small images, looked at on held-out views: the common setting.

On scikit-learn's digits, and on a subset of Fashion-MNIST for the replications.
"""

import dataclasses
import functools

import keras
import numpy as np

import keras_center_ssl as kcs

HEADS = {"hidden_dim": 128, "output_dim": 64}


@dataclasses.dataclass(frozen=True)
class Scale:
    """How large a training is: `"digits"` is the common setting, `"tiny"` that of quick runs."""

    images: int | None
    width: int | None
    epochs: int
    looks: int
    dataset: str = "digits"
    size: int = 8
    test_images: int | None = None


SCALES = {
    "digits": Scale(None, 8, 10, 24),
    "tiny": Scale(256, None, 1, 2, test_images=256),
    "fashion": Scale(4096, 8, 4, 16, "fashion_mnist", 28, 1000),
}


def scale_of(quick):
    return "tiny" if quick else "digits"


def seeds_of(quick):
    return (1,) if quick else (1, 2, 3)


@functools.cache
def images(scale):
    """Training and test images, sources of the library."""
    of = SCALES[scale]
    limits = {"train": of.images, "test": of.test_images}
    return [kcs.data.load(of.dataset, split, limit) for split, limit in limits.items()]


def views(scale="digits"):
    """The gallery's views."""
    alike = {"blur": 0.0, "grey": 0.0, "interpolation": "bilinear"}
    if SCALES[scale].dataset == "digits":
        alike |= {"area": (0.5, 1.0), "flip": 0.0, "brightness": 0.3, "contrast": 0.3}
    else:
        alike |= {"area": (0.3, 1.0)}
    return kcs.views.simclr(size=SCALES[scale].size, **alike)


@functools.cache
def held_out(scale):
    """Two views of the test images, the same for every training."""
    pair = views(scale)(images(scale)[1].images, seed=(1000, 0))
    return [keras.ops.convert_to_numpy(view) for view in pair]


def encoder(scale):
    width, size = SCALES[scale].width, SCALES[scale].size
    if width:
        return kcs.encoders.resnet_small((size, size, 1), width=width)
    layers = [keras.Input((size, size, 1)), keras.layers.Flatten(), keras.layers.Dense(32, "relu")]
    return keras.Sequential(layers, name="tiny")


@dataclasses.dataclass
class Training:
    """What came of a training.

    Attributes:
        model: The trained method.
        row: Figures at the end, for results.csv.
        history: One dict a look: `step`, and the centre norms of the encoder's features, of the
            projector's embeddings and, where there is a predictor, of its predictions. The row has
            it as `looks`, which `run.py` writes into centers.csv.
        logs: What `fit` logged, name to a list over epochs.
    """

    model: object
    row: dict
    history: list
    logs: dict


def train(build, setting, learning_rate=0.05, weight_decay=None, prepare=None, train_set=None):
    """Trains `build(encoder)`, a method of the library.

    Args:
        build: Function of an encoder.
        setting: The experiment's setting; its `"scale"` and `"seed"` are used.
        learning_rate: Of SGD with momentum .9.
        weight_decay: Decoupled, of the same optimizer.
        prepare: Called with the method before training.
        train_set: Images in place of the setting's.

    Returns:
        A `Training`.
    """
    scale, seed = SCALES[setting["scale"]], setting["seed"]
    keras.backend.clear_session()
    keras.utils.set_random_seed(seed)
    train_set = images(setting["scale"])[0] if train_set is None else train_set
    model = build(encoder(setting["scale"]))
    if prepare is not None:
        prepare(model)
    model.compile(keras.optimizers.SGD(learning_rate, momentum=0.9, weight_decay=weight_decay))
    before = accuracies(lambda x: model.encoder(x, training=False), setting["scale"])
    batches = kcs.data.multi_view(train_set, views(setting["scale"]), 64, seed=seed)
    steps = int(batches.cardinality())
    watch = Looks(setting["scale"], max(1, steps * scale.epochs // scale.looks))
    # One iterator for all epochs: making one takes longer than an epoch of so few steps.
    fitted = model.fit(
        batches.repeat(),
        epochs=scale.epochs,
        steps_per_epoch=steps,
        verbose=0,
        callbacks=[watch],
    )
    row = figures(model, setting["scale"])
    row |= dict(zip(("knn_untrained", "linear_untrained"), before, strict=True))
    row |= {**baselines(setting["scale"], model.feature_dim), "looks": watch.history}
    return Training(model, row, watch.history, fitted.history)


def embed(model, scale):
    """Embeddings and features of the two held-out views, in inference mode."""
    features = [model.encoder(view, training=False) for view in held_out(scale)]
    embeddings = [model.projector(f, training=False) for f in features]
    return [[keras.ops.convert_to_numpy(z) for z in pair] for pair in (embeddings, features)]


def projected(model, x):
    """Embeddings of images, in inference mode."""
    return model.projector(model.encoder(x, training=False), training=False)


def predicted(model, embeddings):
    """The predictor's outputs for embeddings, `None` where a method has no predictor."""
    if getattr(model, "predictor", None) is None:
        return None
    # SimSiam's may have no weights, and is a function of its own then.
    predict = getattr(model, "predict_view", model.prediction_head)
    return [keras.ops.convert_to_numpy(predict(z, training=False)) for z in embeddings]


def figures(model, scale):
    """Geometry and verdict of the embeddings, and k-NN accuracies."""
    embeddings, features = embed(model, scale)
    if not all(np.isfinite(z).all() for z in (*embeddings, *features)):
        return {name: float("nan") for name in FIGURES} | {"verdict": "diverged"}
    report = kcs.diagnose(*embeddings)
    knn, linear = accuracies(lambda x: model.encoder(x, training=False), scale)
    return {
        "center_norm": kcs.geometry.center_norm(*embeddings),
        "encoder_center_norm": kcs.geometry.center_norm(*features),
        "positive_cosine": kcs.geometry.positive_cosine(*embeddings),
        "between_variance": kcs.geometry.between_variance(*embeddings),
        "participation_ratio": kcs.geometry.participation_ratio(embeddings[0]),
        "knn": accuracy(lambda x: projected(model, x), scale),
        "knn_features": knn,
        "linear_features": linear,
        "verdict": report.verdict,
    }


FIGURES = (
    "center_norm",
    "encoder_center_norm",
    "positive_cosine",
    "between_variance",
    "participation_ratio",
    "knn",
    "knn_features",
    "linear_features",
)


def accuracy(embedding, scale):
    """k-NN accuracy of a function of images; 0 where an embedding is not finite, or zero."""
    parts = _labelled(embedding, scale)
    return kcs.evaluation.knn_accuracy(*parts) if parts else 0.0


def accuracies(embedding, scale):
    """k-NN accuracy and linear probe of a function of images; 0 as in `accuracy`."""
    parts = _labelled(embedding, scale)
    if parts is None:
        return 0.0, 0.0
    return kcs.evaluation.knn_accuracy(*parts), kcs.evaluation.linear_probe(*parts)


@functools.cache
def baselines(scale, dimensions):
    """Accuracies of the pixels, as they are and whitened to so many dimensions."""
    found = {}
    functions = kcs.evaluation.pixel_baselines(images(scale)[0].images, dimensions)
    for name, function in functions.items():
        found[f"knn_{name}"], found[f"linear_{name}"] = accuracies(function, scale)
    return found


def _labelled(embedding, scale):
    """Embeddings and labels of training and test images; `None` where some have no direction."""
    sets = images(scale)
    # Called as it is: tracing it would take longer than embedding these few images.
    found = [keras.ops.convert_to_numpy(embedding(part.images)) for part in sets]
    if not all(np.isfinite(f).all() and np.abs(f).sum(axis=1).all() for f in found):
        return None
    return found[0], sets[0].labels, found[1], sets[1].labels


class Looks(keras.callbacks.Callback):
    """The centre of everything on held-out views, at first and every so often."""

    def __init__(self, scale, every):
        super().__init__()
        self.scale, self.every, self.step, self.history = scale, every, 0, []

    def on_train_begin(self, logs=None):
        self._look()

    def on_train_batch_end(self, batch, logs=None):
        self.step += 1
        if self.step % self.every == 0:
            self._look()

    def _look(self):
        embeddings, features = embed(self.model, self.scale)
        predictions = predicted(self.model, embeddings)
        found = {
            "center_norm": embeddings,
            "encoder_center_norm": features,
            "predictor_center_norm": predictions,
        }
        norms = {name: _center_norm(z) for name, z in found.items()}
        self.history.append({"step": self.step, **norms})


def _center_norm(pair):
    """The centre norm of two views, NaN where there are none, or none that is finite."""
    if pair is None or not all(np.isfinite(z).all() for z in pair):
        return float("nan")
    return kcs.geometry.center_norm(*pair)
