"""What `SSLModel.compile` takes, and how it is kept in a saved file."""

import keras

from keras_center_ssl import engine
from keras_center_ssl.errors import InputError


def refuse_losses(model, arguments):
    """Takes Keras' arguments for losses and metrics out of `arguments`; raises for any given."""
    for name in ("loss", "loss_weights", "metrics", "weighted_metrics"):
        if arguments.pop(name, None) is not None:
            raise InputError(
                f"{type(model).__name__} brings its own loss and figures: compile() takes no "
                f"{name}=. Pass optimizer= only. Figures that need labels come from "
                "kcs.evaluation, such as knn_accuracy and linear_probe."
            )


def jit_compile(model, wanted):
    """`"auto"` as it is best for this model on this machine; other values as they are."""
    if wanted != "auto" or keras.backend.backend() != "tensorflow":
        return wanted
    several = model.distribute_strategy.num_replicas_in_sync > 1
    return "auto" if engine.has_accelerator() and not several else False


def config_of(model, arguments):
    """The arguments of `compile` as a saved file holds them."""
    config = {"optimizer": keras.saving.serialize_keras_object(model.optimizer), **arguments}
    if model.step_views is not None:
        config["views"] = keras.saving.serialize_keras_object(model.step_views.views)
        config["views_seed"] = model.step_views.seed
    return config


def arguments_from(config):
    """The arguments of `compile` from what `config_of` gave."""
    objects = {name: config[name] for name in ("optimizer", "views") if name in config}
    return {**config, **{n: keras.saving.deserialize_keras_object(o) for n, o in objects.items()}}
