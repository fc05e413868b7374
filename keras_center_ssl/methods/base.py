"""`SSLModel`: what every method shares. A method adds its heads, and one function: `branches`."""

import inspect

import keras
from keras import ops

from keras_center_ssl import engine
from keras_center_ssl.data.graph_errors import input_errors
from keras_center_ssl.encoders import as_encoder
from keras_center_ssl.engine.keras_internals import begin_fit_at
from keras_center_ssl.errors import InputError
from keras_center_ssl.losses._similarity import unit
from keras_center_ssl.methods.center_tracker import CenterTracker, RunningMean
from keras_center_ssl.methods.clock import Clock
from keras_center_ssl.methods.fit_callbacks import FitCallback, ResumableFit


class SSLModel(engine.TrainStep, keras.Model):
    """Base class of the self-supervised methods.

    A method is a subclass whose constructor builds its heads, calls `self.track(name=dimension)`
    for the embeddings to watch, and which defines

        branches(views, training) -> loss, {name: (embeddings 1, embeddings 2)}

    with embeddings of shape `(B, D)`. Names that are not tracked may carry anything `after_step`
    needs. Optional hooks: `after_step(embeddings)`, once behind every optimizer step, and
    `gradient_transform(gradients, variables)`, on the gradients of the global batch. How far the
    training has come is in `self.clock` (`progress`, `epochs_done`).

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

    minimum_views = 2
    # Whether `branches` already contains the centre penalty.
    penalizes_center = False

    def __init__(
        self,
        encoder,
        *,
        center_weight: float = 0.0,
        global_batch: bool = True,
        name: str | None = None,
        **kwargs,
    ):
        super().__init__(name=name, **kwargs)
        if center_weight < 0:
            raise InputError(f"center_weight is 0 or more; received {center_weight}.")
        self.encoder = as_encoder(encoder)
        self.center_weight = center_weight
        self.global_batch = global_batch
        self.feature_dim = self.encoder.output_shape[-1]
        self.clock = Clock(name="clock")
        self._loss_mean = RunningMean(name="loss_mean")
        self._validation_loss_mean = RunningMean(name="validation_loss_mean")
        self._evaluating = False
        # All weights exist from here on: `fit` has nothing to build, on any strategy.
        self.built = True

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

    # What a method defines.

    def branches(self, views, training):
        """Loss and named embeddings of a tuple of views."""
        raise InputError(f"{type(self).__name__} must define branches(views, training).")

    def after_step(self, embeddings):
        """Runs behind the optimizer step: teacher, prototypes, queue."""

    def gradient_transform(self, gradients, variables):
        """Returns the gradients of the global batch, clipped or masked as the method needs."""
        return gradients

    # What `fit` runs.

    @property
    def transforms_gradients(self):
        return type(self).gradient_transform is not SSLModel.gradient_transform

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

    def objective(self, views, training):
        """`branches`, plus the centre penalty and the layers' own losses."""
        loss, embeddings = self.branches(views, training)
        if self.center_weight and not self.penalizes_center:
            z1, z2 = (unit(self.gather(z)) for z in embeddings[next(iter(self.trackers))])
            squared_center = ops.sum(ops.square(ops.mean((z1 + z2) / 2, axis=0)))
            loss = loss + self.center_weight * squared_center
        for extra in self.losses:
            loss = loss + ops.cast(extra, loss.dtype)
        return loss, embeddings

    def finish_step(self, loss, embeddings):
        """What follows the optimizer step: the method's hook, the clock, the figures."""
        self.after_step(embeddings)
        self.clock.tick()
        return self.update_figures(loss, embeddings)

    def update_figures(self, loss, embeddings):
        """Adds a step to the running figures and returns them, named as `fit` logs them."""
        evaluating = self._evaluating
        loss_mean = self._validation_loss_mean if evaluating else self._loss_mean
        loss_mean.update_state(loss)
        logs = {"loss": loss_mean.result()}
        trackers = self._validation_trackers if evaluating else self.trackers
        for branch, tracker in trackers.items():
            tracker.update_state(*embeddings[branch])
            logs.update(self.branch_names(branch, tracker.result()))
        return logs

    def branch_names(self, branch, figures):
        """Figures of a branch under the names they are logged by."""
        first = next(iter(self.trackers))
        return figures if branch == first else {f"{branch}_{k}": v for k, v in figures.items()}

    def unpack(self, data):
        """The tuple of views in what `fit` hands to a step; labels are left out."""
        inner = data[0] if isinstance(data, (tuple, list)) else data
        views = inner if isinstance(inner, (tuple, list)) else data
        views = tuple(views) if isinstance(views, (tuple, list)) else (views,)
        views = tuple(v for v in views if v is not None)
        shapes = [tuple(view.shape) for view in views]
        if len(views) < self.minimum_views or any(len(shape) != 4 for shape in shapes):
            raise InputError(
                f"{type(self).__name__} trains on batches of at least {self.minimum_views} views, "
                f"each (B, H, W, C); received tensors of shapes {shapes}. Make them with "
                "kcs.data.multi_view(images, views=kcs.views.simclr(size), batch_size=256)."
            )
        if shapes[0][0] == 1:
            raise InputError(
                f"{type(self).__name__} needs at least 2 samples in a batch: its statistics "
                "compare samples with each other. Received batches of 1; raise batch_size."
            )
        return tuple(_scaled(view) for view in views)

    def _check_first_batch(self, dataset):
        """Refuses a batch of one where only the data itself, not its type, tells the batch size."""
        specs = keras.tree.flatten(dataset.element_spec)
        # A dataset that is distributed already has specs without a shape.
        sizes = {spec.shape[0] for spec in specs if getattr(spec, "shape", None)}
        if None not in sizes:
            return
        position = getattr(dataset, "position", None)
        place = position and (position.epoch, position.step)
        first = next(iter(dataset.take(1)), None)
        if position:
            position.set(*place)
        if first is not None:
            self.unpack(first)

    def call(self, images, training=False):
        return self.encoder(_scaled(images), training=training)

    # Keras' own surface.

    def compile(self, optimizer="adam", *, jit_compile="auto", **kwargs):
        """Sets the optimizer. The loss is the method's own.

        Args:
            optimizer: A `keras.optimizers.Optimizer` or its name.
            jit_compile: Whether to compile the step with XLA. `"auto"`: as Keras decides, but not
                for TensorFlow on a CPU, where compiled convolutions take about twice the time,
                nor on several of its replicas, whose exchange XLA cannot hold in one program
                (a TPU's step is always compiled).
            **kwargs: `run_eagerly`, `steps_per_execution`, `auto_scale_loss`, as in Keras.
        """
        for name in ("loss", "loss_weights", "metrics", "weighted_metrics"):
            if kwargs.pop(name, None) is not None:
                raise InputError(
                    f"{type(self).__name__} brings its own loss and figures: compile() takes no "
                    f"{name}=. Pass optimizer= only; labelled figures come from callbacks and "
                    "kcs.evaluation."
                )
        self._compile_arguments = {"jit_compile": jit_compile, **kwargs}
        if jit_compile == "auto" and keras.backend.backend() == "tensorflow":
            several = self.distribute_strategy.num_replicas_in_sync > 1
            jit_compile = "auto" if engine.has_accelerator() and not several else False
        super().compile(optimizer=optimizer, jit_compile=jit_compile, **kwargs)
        # With its slots made here, the first step is traced once, and a model that was never
        # fitted saves and loads without a warning.
        self.optimizer.build(self.trainable_variables)

    def get_compile_config(self):
        optimizer = keras.saving.serialize_keras_object(self.optimizer)
        return {"optimizer": optimizer, **self._compile_arguments}

    def compile_from_config(self, config):
        optimizer = keras.saving.deserialize_keras_object(config["optimizer"])
        self.compile(**{**config, "optimizer": optimizer})

    def fit(self, x=None, *args, callbacks=None, **kwargs):
        """Trains on batches of views. Arguments and result are those of `keras.Model.fit`.

        Args:
            x: What `kcs.data.multi_view` gives, or any dataset with elements `(views,)`,
                `(views, labels)` or two image batches; labels never reach the loss.

        Returns:
            A `History`. Logged, for every tracked branch: `center_norm`, `positive_cosine`,
            `between_variance`, `normalized_std`, and at every epoch's end `effective_rank` and
            `participation_ratio`; all over the epoch, and over all replicas.
        """
        if len(getattr(x, "shape", ())) == 4:
            raise InputError(
                f"{type(self).__name__}.fit takes views of images, not the images themselves "
                f"(received an array of shape {tuple(x.shape)}). Make them with "
                "kcs.data.multi_view(images, views=kcs.views.simclr(size), batch_size=256)."
            )
        if hasattr(x, "element_spec"):
            self._check_first_batch(x)
        if not isinstance(x, (tuple, list)):
            # A dataset brings its own order; Keras warns where `shuffle` is left at its default.
            kwargs.setdefault("shuffle", False)
        first = FitCallback(self, kwargs.get("initial_epoch", 0))
        if isinstance(callbacks, keras.callbacks.CallbackList):
            callbacks.callbacks.insert(0, first)
        else:
            callbacks = [first, *keras.tree.flatten(callbacks or [])]
            if ResumableFit.wanted(x, callbacks):
                arguments = ResumableFit.arguments(self, x, *args, **kwargs)
                callbacks = ResumableFit(callbacks, self, arguments)
        try:
            with input_errors():
                return super().fit(x, *args, callbacks=callbacks, **kwargs)
        finally:
            # Keras leaves it set where a callback has resumed.
            begin_fit_at(self, None)

    def evaluate(self, *args, **kwargs):
        """Loss and centre figures on held-out views, as `keras.Model.evaluate`."""
        self._evaluating = True
        try:
            # Keras 3.12 returns tensors.
            return keras.tree.map_structure(float, super().evaluate(*args, **kwargs))
        finally:
            self._evaluating = False

    def reset_metrics(self):
        if self._evaluating:
            states = [self._validation_loss_mean, *self._validation_trackers.values()]
        else:
            states = [self._loss_mean, *self.trackers.values()]
        for state in states:
            state.reset_state()

    @property
    def metrics(self):
        # The figures come from the trackers, whose sums are exact under a strategy.
        return []

    def get_config(self):
        config = {"name": self.name}
        for name in _arguments(type(self)):
            value = getattr(self, name)
            config[name] = (
                keras.saving.serialize_keras_object(value)
                if isinstance(value, keras.Model)
                else value
            )
        return config

    @classmethod
    def from_config(cls, config, custom_objects=None):
        config = dict(config)
        config["encoder"] = keras.saving.deserialize_keras_object(
            config["encoder"], custom_objects=custom_objects
        )
        return cls(**config)

    def build_from_config(self, config):
        """Nothing to do: the constructor has created every weight."""


def _arguments(method):
    """Names of a method's constructor arguments, those of `SSLModel` last."""
    names = []
    for cls in (method, SSLModel):
        for parameter in inspect.signature(cls.__init__).parameters.values():
            keyword = parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
            if keyword and parameter.name not in ("self", "name", *names):
                names.append(parameter.name)
    return names


def _scaled(images):
    """Bytes as float32 in [0, 1]; other images as they are."""
    if keras.backend.standardize_dtype(images.dtype) == "uint8":
        return ops.cast(images, "float32") / 255.0
    return images
