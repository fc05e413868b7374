"""LARS: a learning rate of its own for every layer, for training with large batches."""

import re

import keras
from keras import ops

from keras_center_ssl.engine.keras_internals import OwnWeightDecay, variable_index
from keras_center_ssl.errors import InputError


@keras.saving.register_keras_serializable(package="keras_center_ssl")
class LARS(OwnWeightDecay, keras.optimizers.Optimizer):
    """Layer-wise adaptive rate scaling (You et al., arXiv 1708.03888, algorithm 1).

    For a weight `w` with gradient `g`, learning rate `lr` and weight decay `beta`:

        trust = trust_coefficient * ||w|| / (||g|| + beta * ||w||)
        velocity = momentum * velocity + lr * trust * (g + beta * w)
        w = w - velocity

    Biases and the parameters of normalisation layers, which are the variables of rank 0 and 1, get
    `trust = 1` and no decay. So does any weight whose norm, or whose gradient's, is 0. As in the
    paper and in Keras' SGD, the velocity contains the learning rate; it is no Nesterov momentum.

    Args:
        learning_rate: A float or a schedule.
        momentum: In [0, 1).
        weight_decay: Inside the adaptation, as in the paper (not decoupled): 1e-6 to 1e-4.
        trust_coefficient: Called eta in the paper, which has .001; .02 in the CIFAR recipes, where
            it goes with `clip_trust`.
        clip_trust: Whether the rate `lr * trust` is replaced by `min(trust, lr)`, so that no layer
            learns faster than at the learning rate.
        exclude: Regular expressions; a weight whose path matches one is treated as a bias is.
        **kwargs: `clipnorm`, `use_ema`, `gradient_accumulation_steps` and the like, as in
            `keras.optimizers.Optimizer`.

    Raises:
        InputError: For a momentum outside [0, 1), a negative decay, or a coefficient that is not
            positive.
    """

    def __init__(
        self,
        learning_rate=0.3,
        momentum: float = 0.9,
        weight_decay: float = 0.0,
        trust_coefficient: float = 0.02,
        clip_trust: bool = False,
        exclude: tuple[str, ...] = (),
        name: str = "lars",
        **kwargs,
    ):
        if not 0 <= momentum < 1 or weight_decay < 0 or trust_coefficient <= 0:
            raise InputError(
                "LARS takes a momentum in [0, 1), a weight_decay of 0 or more and a positive "
                f"trust_coefficient; received momentum={momentum}, weight_decay={weight_decay}, "
                f"trust_coefficient={trust_coefficient}."
            )
        # Keras' own weight decay is decoupled, and acts outside `update_step`.
        super().__init__(learning_rate, weight_decay=None, name=name, **kwargs)
        self.weight_decay = weight_decay
        self.momentum = momentum
        self.trust_coefficient = trust_coefficient
        self.clip_trust = clip_trust
        self.exclude = tuple(exclude)

    def build(self, variables):
        if self.built:
            return
        super().build(variables)
        self._velocities = self.add_optimizer_variables(variables, "velocity")
        self._adapted = [self._adapts(variable) for variable in variables]

    def _adapts(self, variable):
        excluded = any(re.search(pattern, variable.path) for pattern in self.exclude)
        return len(variable.shape) > 1 and not excluded

    def update_step(self, gradient, variable, learning_rate):
        index = variable_index(self, variable)
        velocity = self._velocities[index]
        gradient = ops.cast(gradient, variable.dtype)
        rate = ops.cast(learning_rate, variable.dtype)
        if self._adapted[index]:
            weight = ops.convert_to_tensor(variable)
            gradient, rate = self._adapt(gradient, weight, rate)
        self.assign(velocity, self.momentum * velocity + rate * gradient)
        self.assign_sub(variable, ops.convert_to_tensor(velocity))

    def _adapt(self, gradient, weight, rate):
        """The decayed gradient and the layer's own rate."""
        weight_norm, gradient_norm = _norm(weight), _norm(gradient)
        moves = ops.logical_and(weight_norm > 0, gradient_norm > 0)
        decay = ops.where(moves, ops.cast(self.weight_decay, weight.dtype), 0)
        # The denominator is replaced, not only the result: 0 / 0 would be NaN on its way.
        denominator = ops.where(moves, gradient_norm + self.weight_decay * weight_norm, 1)
        trust = ops.where(moves, self.trust_coefficient * weight_norm / denominator, 1)
        adapted = ops.minimum(trust, rate) if self.clip_trust else rate * trust
        return gradient + decay * weight, ops.where(moves, adapted, rate)

    def get_config(self):
        return {
            **super().get_config(),
            "momentum": self.momentum,
            "weight_decay": self.weight_decay,
            "trust_coefficient": self.trust_coefficient,
            "clip_trust": self.clip_trust,
            "exclude": list(self.exclude),
        }


def _norm(x):
    return ops.sqrt(ops.sum(ops.square(x)))
