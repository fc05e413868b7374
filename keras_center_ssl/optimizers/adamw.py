"""AdamW whose weight decay may follow a schedule."""

import keras

_Schedule = keras.optimizers.schedules.LearningRateSchedule


@keras.saving.register_keras_serializable(package="keras_center_ssl")
class AdamW(keras.optimizers.AdamW):
    """Keras' AdamW with a weight decay that may change over the training.

    DINO raises it on a cosine from .04 to .4 (Caron et al., arXiv 2104.14294, section 3.2): the
    later, the more a large weight has to be worth.

    Args:
        learning_rate: A float or a schedule.
        weight_decay: A float, or a schedule such as `WarmupCosine(0.04, steps,
            final_learning_rate=0.4)`, called with the number of the step.
        **kwargs: As in `keras.optimizers.AdamW`.
    """

    def __init__(self, learning_rate=0.001, weight_decay=0.004, name: str = "adamw", **kwargs):
        if isinstance(weight_decay, dict):  # a saved schedule
            weight_decay = keras.saving.deserialize_keras_object(weight_decay)
        super().__init__(learning_rate, weight_decay=weight_decay, name=name, **kwargs)

    @property
    def weight_decay(self):
        """The decay of the current step: Keras reads it where it applies it."""
        decay = self._decay
        return decay(self.iterations) if isinstance(decay, _Schedule) else decay

    @weight_decay.setter
    def weight_decay(self, decay):
        self._decay = decay

    def get_config(self):
        config = super().get_config()
        decay = self._decay
        scheduled = isinstance(decay, _Schedule)
        config["weight_decay"] = keras.saving.serialize_keras_object(decay) if scheduled else decay
        return config
