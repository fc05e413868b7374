"""The momentum teacher: a slow copy of the student that follows it by a moving average."""

import math

import keras
from keras import ops

from keras_center_ssl.encoders.sizes import encode
from keras_center_ssl.errors import InputError


@keras.saving.register_keras_serializable(package="keras_center_ssl")
class Teacher(keras.layers.Layer):
    """A copy of a chain of models whose weights are a moving average of the student's.

    It starts with the student's weights. The average covers the trainable weights only. The
    teacher's batch normalisation does not copy the student's running statistics: in training it
    works on the statistics of its own batches, and keeps running ones of its own (BYOL, arXiv
    2006.07733, and DINO, arXiv 2104.14294, train this way). Dropout and stochastic depth are off
    in the copy, as in DINO: targets are not drawn at random.

    The optimizer never sees its weights, and no gradient passes through it. Setting `trainable`
    on it, or on the model around it, does nothing: on a Keras layer that switch would also put
    batch normalisation into inference mode.

    Args:
        *students: The models to copy, encoder first; each is applied to the output of the one
            before.
    """

    def __init__(self, *students, **kwargs):
        super().__init__(**kwargs)
        self.models = [_copy(student) for student in students]
        for model in self.models:
            for weight in model.weights:
                weight.trainable = False
        self.built = True

    @property
    def trainable(self):
        return True

    @trainable.setter
    def trainable(self, value):
        """Ignored, see the class."""

    def call(self, images, training=False):
        """Images `(B, H, W, C)` to the last model's output, without gradient."""
        encoder, *heads = self.models
        outputs = encode(encoder, images, training=training)
        for head in heads:
            outputs = head(outputs, training=training)
        return ops.stop_gradient(outputs)

    def update(self, students, momentum):
        """`teacher = momentum * teacher + (1 - momentum) * student`, for all trainable weights.

        Args:
            students: The models that the teacher was copied from, in the same order.
            momentum: A number or scalar tensor in [0, 1]; 0 makes the teacher equal to the
                student, 1 leaves it where it is.
        """
        for copy, student in zip(self.models, students, strict=True):
            for mine, theirs in zip(copy.weights, student.weights, strict=True):
                if theirs.trainable:
                    kept, taken = (ops.cast(m, mine.dtype) for m in (momentum, 1.0 - momentum))
                    mine.assign(kept * mine + taken * theirs)


def cosine_momentum(momentum, final_momentum, progress):
    """The teacher's momentum on half a cosine from `momentum` to `final_momentum`.

    `1 - (1 - m) (cos(pi k / K) + 1) / 2` for a final momentum of 1 (BYOL, section 3.3).

    Args:
        momentum: At the start of the training.
        final_momentum: At its end; `None` for a momentum that stays as it is.
        progress: Share of the training that is done, 0 to 1; `SSLModel.clock.progress`.
    """
    if final_momentum is None:
        return momentum
    left = (ops.cos(math.pi * progress) + 1.0) / 2.0
    return final_momentum - (final_momentum - momentum) * left


def check_momentum(momentum, final_momentum):
    """Raises unless both are in [0, 1]; `final_momentum` may be `None`."""
    for name, value in (("momentum", momentum), ("final_momentum", final_momentum)):
        if value is not None and not 0 <= value <= 1:
            raise InputError(
                f"{name} is the share of the teacher that a step keeps, between 0 and 1; received "
                f"{value!r}. Published values are .99 to .9995, rising to 1."
            )


def _copy(model):
    """A model of the same layers and weights, without dropout."""

    def clone(layer):
        config = layer.get_config()
        if isinstance(layer, (keras.layers.Dropout, keras.layers.SpatialDropout2D)):
            config["rate"] = 0.0
        return layer.__class__.from_config(config)

    try:
        copy = keras.models.clone_model(model, clone_function=clone, recursive=True)
    except NotImplementedError as error:
        reason = str(error).strip().splitlines()[0]
        raise InputError(
            f"A momentum teacher is a copy of the student, and {model.name!r} cannot be copied: "
            f"{reason} Give your own layers a get_config()."
        ) from error
    copy.set_weights(model.get_weights())
    return copy
