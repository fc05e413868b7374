"""Our side of `time_to_accuracy.py`: a training that ends when its time is up."""

import math
import time

import keras
import numpy as np
from timing import Prepared

import keras_center_ssl as kcs
from keras_center_ssl.runs.precision import fastest_precision
from keras_center_ssl.runs.recipe import parse_recipe
from keras_center_ssl.runs.recipe_model import Features


def train(images, recipe, seconds, seed, held_out, warm_up, features):
    """Trains what a recipe describes for `seconds`, and writes all images' features.

    Args:
        images: Path of a `.npy` file, `(N, H, W, C)` uint8; the last `held_out` are not trained on.
        recipe: Nested dicts. Its rate falls on half a cosine of the time that has passed.
        seconds: Of steps with their views, counted from the end of the step number `warm_up`.
        seed: Of weights and views.
        held_out: Images.
        warm_up: Steps at a rate of 0, while functions are traced and queues fill.
        features: Path of the `.npy` file to write, `(N, D)` float32, not whitened.
    """
    began = time.perf_counter()
    images = np.load(images)
    recipe = parse_recipe({**recipe, "seed": seed})
    constant = {"schedule": "constant", "warmup_epochs": 0}
    optimizer = recipe.optimizer.model_copy(update=constant)
    precision = fastest_precision()[0] if recipe.precision == "auto" else recipe.precision
    recipe = recipe.model_copy(update={"optimizer": optimizer, "precision": precision})
    shape = images.shape[1:]
    model = recipe.build_model(shape)
    model.compile(recipe.build_optimizer(1))
    clock = _Clock(seconds, warm_up, optimizer.learning_rate)
    dataset = recipe.build_dataset(images[: len(images) - held_out], shape)
    model.fit(dataset, epochs=10**6, verbose=0, callbacks=[clock])
    encoder = Features().apply(model.encoder, None)  # in float32, whatever it was trained in
    np.save(features, kcs.evaluation.embed(encoder, images))
    facts = {
        "seconds": clock.last - clock.began,
        "start_seconds": clock.began - began,
        "steps": clock.steps,
        "precision": precision,
        "parameters": sum(int(np.prod(w.shape)) for w in model.trainable_variables),
    }
    return Prepared(lambda seconds: seconds, recipe.batch_size, facts)


class _Clock(keras.callbacks.Callback):
    """Sets the rate for the time that has passed, and ends the training when it is over."""

    def __init__(self, seconds, warm_up, rate):
        super().__init__()
        self.seconds, self.warm_up, self.rate = seconds, warm_up, rate
        self.steps, self.began = -warm_up, math.inf

    def on_train_begin(self, logs=None):
        self.model.optimizer.learning_rate = 0.0
        if not self.warm_up:
            self._start()

    def on_train_batch_end(self, batch, logs=None):
        self.steps += 1
        self.last = time.perf_counter()
        if self.steps == 0:
            self._start()
        elif self.steps > 0:
            passed = (self.last - self.began) / self.seconds
            cosine = (math.cos(math.pi * min(passed, 1.0)) + 1) / 2
            self.model.optimizer.learning_rate = self.rate * cosine
            if passed >= 1:
                self.model.stop_training = True

    def _start(self):
        self.began = time.perf_counter()
        self.model.optimizer.learning_rate = self.rate
