"""`SSLModel`: what every method shares. A method adds its heads, and one function: `branches`."""

import keras
from keras import ops

from keras_center_ssl import engine
from keras_center_ssl.data.graph_errors import input_errors
from keras_center_ssl.encoders import as_encoder, encode
from keras_center_ssl.engine.keras_internals import begin_fit_at
from keras_center_ssl.errors import InputError
from keras_center_ssl.losses._similarity import unit
from keras_center_ssl.methods import compiling, constructor, fitting, inputs
from keras_center_ssl.methods.center_tracker import CenterTracker
from keras_center_ssl.methods.clock import Clock
from keras_center_ssl.methods.running_mean import RunningMean
from keras_center_ssl.methods.step_figures import StepFigures
from keras_center_ssl.methods.step_views import StepViews
from keras_center_ssl.numerics import all_finite, nan_unless


class SSLModel(engine.TrainStep, keras.Model):
    """Base class of the self-supervised methods.

    A method is a subclass whose constructor builds its heads, calls `self.track(name=dimension)`
    for the embeddings to watch, and which defines

        branches(views, training) -> loss, {name: (embeddings 1, embeddings 2)}

    with embeddings of shape `(B, D)`; `self.project(views, training)` gives those of its
    `self.projector`. Names that are not tracked may carry anything `after_step` needs. Optional
    hooks: `after_step(embeddings)`, once after every optimizer step;
    `gradient_transform(gradients, variables)`, on the gradients of the global batch; and
    `collapse_causes(verdict)`, settings to look at when it collapses. How far the training has
    come is in `self.clock` (`progress`, `epochs_done`).

    Every constructor argument is kept as an attribute of its own name; from them `get_config`
    writes the config. `model(images)` and `model.predict(images)` give the encoder's features.

    Args:
        encoder: A `keras.Model` from images `(B, H, W, C)` in [0, 1] to features `(B, D)` or
            feature maps `(B, H, W, D)`.
        center_weight: Adds `center_weight * ||c||^2` to the method's own loss, `c` the centre of
            the batch's unit embeddings: the penalty of arXiv 2402.14957 on top of any method.
        global_batch: Under a distribution strategy, whether samples of all replicas are compared
            with each other (then the result does not depend on the number of replicas), or each
            replica's with its own: less to exchange, fewer negatives, and a centre that rests on
            fewer samples. For `n` random unit vectors the squared length of their mean is `1 / n`,
            so that with W replicas the penalty's noise floor is W times that of the global batch.
            Batch norm, queues, DINO's centre and the figures stay those of the global batch.
    """

    # How many views of an image `branches` takes; `maximum_views = None` for any number.
    minimum_views = 2
    maximum_views = 2
    penalizes_center = False  # whether `branches` already contains the centre penalty
    # What each dimension's standard deviation is held at, by losses that do not normalise.
    embedding_std = None
    step_views = None  # what makes the views inside the step, where `compile` was given any
    # What `center-ssl train METHOD` begins with: views by the name that recipes know, and an
    # optimizer with the learning rate of a short training at batch 256.
    suggested_views = "simclr"
    suggested_optimizer = {"name": "adamw", "learning_rate": 1e-3, "weight_decay": 1e-4}

    def __init__(
        self,
        encoder: keras.Model,
        *,
        center_weight: float = 0.0,
        global_batch: bool = True,
        name: str | None = None,
        **kwargs,
    ):
        constructor.check_names(type(self), SSLModel, kwargs)
        super().__init__(name=name, **kwargs)
        if center_weight < 0:
            raise InputError(f"center_weight is 0 or more; received {center_weight}.")
        self.encoder = as_encoder(encoder)
        constructor.check_precision(self)
        self.center_weight = center_weight
        self.global_batch = global_batch
        self.feature_dim = self.encoder.output_shape[-1]
        self.clock = Clock(name="clock")
        # These attributes, and the trackers', are names in saved files.
        self._loss_mean = RunningMean(name="loss_mean")
        self._validation_loss_mean = RunningMean(name="validation_loss_mean")
        self.figures = StepFigures(self._loss_mean, self._validation_loss_mean)
        self.built = True  # all weights exist: `fit` has nothing to build

    def track(self, **dimensions):
        """Declares the embeddings to watch; the first is logged under the figures' bare names."""
        self.trackers = {
            n: CenterTracker(d, within_steps=True, name=f"{n}_center")
            for n, d in dimensions.items()
        }
        self._validation_trackers = {
            n: CenterTracker(d, covariance_every=None, name=f"{n}_validation_center")
            for n, d in dimensions.items()
        }
        self.figures.training.trackers = self.trackers
        self.figures.validation.trackers = self._validation_trackers

    def track_means(self, *names):
        """Declares scalars in what `branches` returns whose means over the steps are logged."""
        self._means = {n: RunningMean(name=n) for n in names}
        self._validation_means = {n: RunningMean(name=f"validation_{n}") for n in names}
        self.figures.training.means = self._means
        self.figures.validation.means = self._validation_means

    # What a method defines.

    def branches(self, views, training):
        """Loss and named embeddings of a tuple of views."""
        raise InputError(f"{type(self).__name__} must define branches(views, training).")

    def after_step(self, embeddings):
        """Runs after the optimizer step: teacher, prototypes, queue."""

    def gradient_transform(self, gradients, variables):
        """Returns the gradients of the global batch, clipped or masked as the method needs."""
        return gradients

    def collapse_causes(self, verdict):
        """Settings of this model that usually cause a collapse of this kind, likeliest first.

        Args:
            verdict: A verdict of `kcs.diagnose`.

        Returns:
            List of sentences. A method that extends another adds its own to `super()`'s.
        """
        return []

    def project(self, views, training):
        """The projector's embeddings `(B, D)` of every view, a list."""
        return [
            self.projector(encode(self.encoder, view, training=training), training=training)
            for view in views
        ]

    def gather(self, z):
        """The global batch's `z`, or this replica's where `global_batch` is off."""
        return engine.all_gather(z) if self.global_batch else z

    def replica_mean(self, mean, batch):
        """A mean over this replica's rows of `batch`, weighted by how many they are.

        For losses that do not compare samples: the replicas' mean of what this returns is the
        mean over the global batch, also where a last batch is not shared out evenly.
        """
        if engine.replica_count() == 1 or batch.shape[0] is not None:
            return mean
        rows = ops.cast(ops.shape(batch)[0], mean.dtype)
        share = rows * engine.replica_count() / engine.all_reduce_sum(rows)
        # The mean of no rows at all is NaN.
        return ops.where(rows > 0, mean * share, 0.0)

    # What `fit` runs.

    @property
    def transforms_gradients(self):
        return type(self).gradient_transform is not SSLModel.gradient_transform

    def objective(self, views, training):
        """`branches`, plus the centre penalty and the layers' own losses.

        Loss and tracked embeddings are NaN where a pixel or a weight is NaN or infinite. It would
        spread by itself, were it not for activations: on some processors ReLU turns NaN into 0.
        """
        if self.step_views is not None:
            views = self.step_views(views[0], self.clock.step if training else None)
            views = inputs.checked_views(self, views)
        loss, embeddings = self.branches(views, training)
        if self.center_weight and not self.penalizes_center:
            z1, z2 = (unit(self.gather(z)) for z in embeddings[next(iter(self.trackers))])
            squared_center = ops.sum(ops.square(ops.mean((z1 + z2) / 2, axis=0)))
            loss = loss + self.center_weight * squared_center
        for extra in self.losses:
            loss = loss + ops.cast(extra, loss.dtype)
        finite = all_finite([*views, *self.trainable_variables])
        tracked = {
            branch: tuple(nan_unless(finite, z) for z in embeddings[branch])
            for branch in self.trackers
        }
        return nan_unless(finite, loss), {**embeddings, **tracked}

    def finish_step(self, loss, embeddings):
        """What follows the optimizer step: the method's hook, the clock, the figures."""
        self.after_step(embeddings)
        self.clock.tick()
        return self.update_figures(loss, embeddings)

    def update_figures(self, loss, embeddings):
        """Adds a step to the running figures; returns them, named as `fit` logs them."""
        return self.figures.current.update(loss, embeddings)

    def unpack(self, data):
        """The views in what `fit` hands to a step, or the images that they are to be made of."""
        return inputs.unpack(self, data)

    def call(self, images, training=False):
        inputs.check_images(self, images)
        return self.encoder(inputs.scaled(images), training=training)

    # Keras' own surface.

    def compile(self, optimizer="adam", *, views=None, views_seed=0, jit_compile="auto", **kwargs):
        """Sets the optimizer. The loss is the method's own.

        Args:
            optimizer: A `keras.optimizers.Optimizer` or its name.
            views: A recipe such as `kcs.views.simclr(224)`: the step then makes the views itself,
                on the device that trains, of batches of images (`kcs.data.multi_view(...,
                views=None)` gives them, and an array will do). `None`: `fit` is given views.
            views_seed: Where their draws start. They are a function of it, of the step and of the
                row in the global batch, the same for any number of replicas.
            jit_compile: Whether to compile the step with XLA. `"auto"`: as Keras decides, but not
                for TensorFlow on a CPU, where compiled convolutions take about twice the time, nor
                on several of its replicas, whose exchange XLA cannot hold in one program.
            **kwargs: `run_eagerly`, `steps_per_execution`, `auto_scale_loss`, as in Keras.
        """
        compiling.refuse_losses(self, kwargs)
        self.step_views = None if views is None else StepViews(views, views_seed)
        self._compile_arguments = {"jit_compile": jit_compile, **kwargs}
        jit_compile = compiling.jit_compile(self, jit_compile)
        super().compile(optimizer=optimizer, jit_compile=jit_compile, **kwargs)
        # With its slots made here, the first step is traced once.
        self.optimizer.build(self.trainable_variables)

    def get_compile_config(self):
        return compiling.config_of(self, self._compile_arguments) if self.compiled else None

    def compile_from_config(self, config):
        self.compile(**compiling.arguments_from(config))

    def fit(self, x=None, y=None, *args, **kwargs):
        """Trains on batches of views. Arguments and result are those of `keras.Model.fit`.

        Args:
            x: What `kcs.data.multi_view` gives, or any dataset with elements `(views,)`,
                `(views, labels)` or two image batches, or a tuple of two arrays. Labels, here or
                as `y`, never reach the loss.

        Returns:
            A `History`. Logged, for every tracked branch: `center_norm`, `positive_cosine`,
            `between_variance`, `normalized_std`, and at every epoch's end `effective_rank` and
            `participation_ratio`; all over the epoch, and over all replicas.
        """
        arguments = fitting.arguments(self, x, y, *args, **kwargs)
        inputs.check_arguments(self, "fit", arguments)
        arguments["callbacks"] = fitting.callbacks(self, arguments)
        try:
            with input_errors():
                return super().fit(**arguments)
        finally:
            # Keras leaves it set where a callback has resumed.
            begin_fit_at(self, None)

    def evaluate(self, x=None, y=None, *args, **kwargs):
        """Loss and centre figures on held-out views, as `keras.Model.evaluate`."""
        if "_use_cached_eval_dataset" not in kwargs:  # `fit` has checked its validation data
            inputs.check_arguments(self, "evaluate", {"x": x, "y": y, **kwargs})
        with self.figures.evaluating():
            figures = super().evaluate(x, y, *args, **kwargs)
        return keras.tree.map_structure(float, figures)  # Keras 3.12 returns tensors.

    def predict(self, x, *args, **kwargs):
        """The encoder's features of images `(B, H, W, C)`, as `keras.Model.predict`."""
        inputs.check_prediction(self, x)
        return super().predict(x, *args, **kwargs)

    def train_on_batch(self, x, y=None, sample_weight=None, class_weight=None, **kwargs):
        """One step on a tuple of views, as `keras.Model.train_on_batch`; takes no weights."""
        weights = {"sample_weight": sample_weight, "class_weight": class_weight}
        inputs.check_arguments(self, "train_on_batch", {"x": x, "y": y, **weights})
        return super().train_on_batch(x, y, **kwargs)

    def test_on_batch(self, x, y=None, sample_weight=None, **kwargs):
        """Loss and figures of a tuple of views, as `keras.Model.test_on_batch`."""
        given = dict(x=x, y=y, sample_weight=sample_weight)
        inputs.check_arguments(self, "test_on_batch", given)
        with self.figures.evaluating():
            return super().test_on_batch(x, y, **kwargs)

    def reset_metrics(self):
        self.figures.reset()

    @property
    def metrics(self):
        return []  # the trackers' sums are exact under a strategy

    def get_config(self):
        return constructor.config_of(self, SSLModel)

    @classmethod
    def from_config(cls, config, custom_objects=None):
        return constructor.made(cls, constructor.arguments_from(config, custom_objects))

    def build_from_config(self, config):
        """Nothing to do: the constructor has created every weight."""
