"""The running, replica-exact state behind every centre figure that `fit` logs."""

import keras
import numpy as np
from keras import ops

from keras_center_ssl import engine, geometry
from keras_center_ssl.methods.snapshot import Snapshot
from keras_center_ssl.numerics import at_least, full_precision, unit_length

LARGEST_COVARIANCE = 2048


@keras.saving.register_keras_serializable(package="keras_center_ssl")
class CenterTracker(keras.layers.Layer):
    """Sums over the embeddings of two views, from which every figure derives exactly.

    It keeps the number of samples, the sums of `z1`, of `z2`, of `<z1, z2>` and of the squares
    per dimension, and over every `covariance_every`-th sample the sum of `z1 z1'`, all of
    L2-normalised embeddings. The figures are the unbiased ones of `kcs.geometry`. Under a
    distribution strategy the sums are reduced over the replicas *before* anything is squared: W
    replicas of B/W samples give the figures of one replica with B samples (the mean of per-replica
    `||s||^2` would inflate the noise floor W-fold).

    The sums grow until `reset_state` (at every epoch's start, in `fit`). Beside them it keeps an
    exponential moving average of the batches' centres, which is never reset.

    Args:
        dim: Dimension of the embeddings.
        within_steps: What the figures are centred on. `False`: on the mean of all embeddings since
            the reset, as `kcs.geometry` does for the same embeddings in one array. `True`: on the
            mean of each step's batch, so that only embeddings that the same weights produced are
            compared. Training needs that: a collapsed centre that moves or flips its sign cancels
            in the mean over an epoch, and a collapse would look healthy.
        covariance_every: Which share of the samples enters the covariance, from which the two
            ranks derive: every 4th by default. `None` turns it off, as do more than 2,048
            dimensions.
        momentum: Of the moving average of the centre, in [0, 1).

    Example:

    >>> tracker = kcs.CenterTracker(dim=128)
    >>> tracker.update_state(z1, z2)
    >>> tracker.figures()["center_norm"]
    """

    def __init__(self, dim, within_steps=False, covariance_every=4, momentum=0.9, **kwargs):
        super().__init__(**{**kwargs, "trainable": False, "dtype": full_precision()})
        self.dim = dim
        self.within_steps = within_steps
        self.covariance_every = covariance_every
        self.momentum = momentum
        self.tracks_covariance = covariance_every is not None and dim <= LARGEST_COVARIANCE
        shapes = {
            "count": (),
            "pair_sum": (),
            "sum1": (dim,),
            "sum2": (dim,),
            "square_sum": (dim,),
            # Over steps: squared length of the batch's sum, pairs of embeddings of different
            # samples, and the squared sum per dimension over the batch's size.
            "step_square": (),
            "step_pairs": (),
            "step_square_sum": (dim,),
        }
        if self.tracks_covariance:
            shapes |= {"outer_count": (), "outer_center": (dim,), "outer_sum": (dim, dim)}
        self._sums = {name: self._state(name, shape) for name, shape in shapes.items()}
        self.ema_sum = self._state("ema_sum", (dim,))
        self.ema_weight = self._state("ema_weight", ())
        self._resets = 0
        self.built = True

    def _state(self, name, shape):
        # Every replica computes the same reduced value; "mean" keeps the copies one variable.
        return self.add_weight(
            name=name, shape=shape, initializer="zeros", trainable=False, aggregation="mean"
        )

    def update_state(self, z1, z2):
        """Adds a batch: two `(B, dim)` embeddings, of which this replica holds its part."""
        z1, z2 = (ops.stop_gradient(unit_length(ops.cast(z, full_precision()))) for z in (z1, z2))
        batch = {
            "count": ops.cast(ops.shape(z1)[0], full_precision()),
            "pair_sum": ops.sum(z1 * z2),
            "sum1": ops.sum(z1, axis=0),
            "sum2": ops.sum(z2, axis=0),
            "square_sum": ops.sum(ops.square(z1) + ops.square(z2), axis=0),
        }
        if self.tracks_covariance:
            batch |= self._co_moment(z1)
        batch = _reduce_together(batch)
        n, both = batch["count"], batch["sum1"] + batch["sum2"]
        # Of the (2 n)^2 pairs, 2 n are a vector with itself and 2 n a sample's two views.
        batch["step_square"] = ops.sum(ops.square(both)) - 2 * n - 2 * batch["pair_sum"]
        batch["step_pairs"] = 4 * n * (n - 1)
        batch["step_square_sum"] = ops.square(both) / (2 * n)
        if self.tracks_covariance and not self.within_steps:
            batch["outer_sum"] += self._between(batch)
        for name, value in batch.items():
            self._sums[name].assign(self._sums[name] + value)
        self.ema_sum.assign(self.momentum * self.ema_sum + (1 - self.momentum) * both / (2 * n))
        self.ema_weight.assign(self.momentum * self.ema_weight + (1 - self.momentum))

    def _co_moment(self, z):
        """Count and sum of this replica's rows for the covariance; their spread about the centre.

        The centre, which all replicas' rows share, is taken off before anything is squared. Of a
        collapsed batch the difference `E[z z'] - c c'` would leave what the processor rounds, which
        is far more where its matrix units take float32 for less.
        """
        rows, chosen = self._share(z)
        own = {"outer_count": ops.sum(chosen), "outer_center": ops.sum(rows * chosen, axis=0)}
        both = _reduce_together(own)
        spread = (rows - both["outer_center"] / ops.maximum(both["outer_count"], 1.0)) * chosen
        return {**own, "outer_sum": ops.matmul(ops.transpose(spread), spread)}

    def _between(self, batch):
        """What joins a batch's spread to the sums' (Chan, Golub & LeVeque 1983, eq. 2.1)."""
        before, now = self._sums["outer_count"], batch["outer_count"]
        center = self._sums["outer_center"] / ops.maximum(before, 1.0)
        shift = batch["outer_center"] / ops.maximum(now, 1.0) - center
        return before * now / ops.maximum(before + now, 1.0) * ops.outer(shift, shift)

    def _share(self, z):
        """Every `covariance_every`-th row of the global batch, as far as it is here.

        Returns:
            Rows `(b, dim)`, and `(b, 1)`: 1 for each that counts, 0 for any other.
        """
        every, rows = self.covariance_every, z.shape[0]
        if engine.replica_count() == 1 or (rows is not None and rows % every == 0):
            some = z[::every]
            return some, ops.ones_like(some[:, :1])
        place = ops.arange(ops.shape(z)[0], dtype="int32") + engine.rows_before(z)
        return z, ops.cast(place % every == 0, z.dtype)[:, None]

    def reset_state(self):
        """Empties the sums. The moving average of the centre stays."""
        for state in self._sums.values():
            state.assign(ops.zeros(state.shape))
        self._resets += 1

    @property
    def center(self):
        """Centre vector of all embeddings since the last reset, `(dim,)`."""
        return _center(self._sums)

    @property
    def ema_center(self):
        """Moving average of the batches' centres, `(dim,)`, free of the bias of its start at 0."""
        return self.ema_sum / ops.maximum(self.ema_weight, 1e-12)

    def result(self):
        """The figures that `fit` logs at every step, as a dict of scalar tensors."""
        return self._result(self._sums)

    def _result(self, sums):
        n = ops.maximum(sums["count"], 2.0)
        agreement = sums["pair_sum"] / n
        if self.within_steps:
            squared_center = sums["step_square"] / ops.maximum(sums["step_pairs"], 1.0)
            mean_square = sums["step_square_sum"] / (2 * n)
        else:
            center = _center(sums)
            squared_center = (2 * n * ops.sum(ops.square(center)) - 1 - agreement) / (2 * (n - 1))
            mean_square = ops.square(center)
        variance = sums["square_sum"] / (2 * n) - mean_square
        return {
            "center_norm": ops.sqrt(at_least(squared_center, 0.0)),
            "positive_cosine": agreement,
            "between_variance": agreement - squared_center,
            "normalized_std": ops.mean(ops.sqrt(at_least(variance, 0.0))) * self.dim**0.5,
        }

    def snapshot(self):
        """The sums as they stand, a `Snapshot`. The difference of two gives the steps between.

        >>> before = tracker.snapshot()
        >>> ...
        >>> tracker.figures(tracker.snapshot().since(before))
        """
        # Copies: what TensorFlow hands out may share memory with the variable.
        sums = {name: np.array(ops.convert_to_numpy(v)) for name, v in self._sums.items()}
        if self.tracks_covariance and not self.within_steps:
            # About 0, not about the centre: only then is the difference of two that of the steps.
            sums["outer_sum"] = sums["outer_sum"] + _about_zero(sums)
        return Snapshot(sums, self._resets)

    def snapshot_of(self, sums):
        """A `Snapshot` of sums that were saved since the last reset, to go on counting from."""
        return Snapshot(sums, self._resets)

    def figures(self, snapshot=None):
        """All figures as Python floats, ranks included: of a snapshot, or since the last reset."""
        snapshot = snapshot or self.snapshot()
        return {**self.step_figures(snapshot), **self.ranks(snapshot)}

    def step_figures(self, snapshot):
        """The figures of `result` for a snapshot, as Python floats."""
        sums = {k: v.astype("float64") for k, v in snapshot.sums.items() if "outer" not in k}
        return {k: float(ops.convert_to_numpy(v)) for k, v in self._result(sums).items()}

    def ranks(self, snapshot=None):
        """`effective_rank` and `participation_ratio` of a snapshot or since the reset, or `{}`.

        Both are of the centred embeddings, in float64 on the host; meant for epoch ends. NaN where
        the embeddings were.
        """
        covariance = self.covariance(snapshot)
        if covariance is None:
            return {}
        if not np.isfinite(covariance).all():
            return {"effective_rank": float("nan"), "participation_ratio": float("nan")}
        values = np.linalg.eigvalsh(covariance).clip(min=0)
        no_variance = self.no_variance(snapshot)
        return {
            "effective_rank": geometry.effective_rank_of(values, no_variance),
            "participation_ratio": geometry.participation_ratio_of(values, no_variance),
        }

    def no_variance(self, snapshot=None):
        """The trace of `covariance` below which the embeddings are one point: the rest is rounding.

        It follows from the precision of the sums and from their length: a sum over the samples of a
        step, then one over the steps.
        """
        snapshot = snapshot or self.snapshot()
        precision, batch = full_precision(), snapshot.mean_batch
        length = batch + snapshot.count / batch
        # The difference of two sums keeps what was rounded off either.
        carried = length * np.finfo(precision).eps * snapshot.carried
        return geometry.no_variance(precision, length) + float(
            carried / max(snapshot.covariance_count, 1.0)
        )

    def covariance(self, snapshot=None):
        """Covariance of the embeddings of a snapshot or since the reset, `(dim, dim)` float64.

        `None` where it is not tracked, or rests on fewer than two samples.
        """
        if not self.tracks_covariance:
            return None
        snapshot = snapshot or self.snapshot()
        count = snapshot.covariance_count
        if count < 2:
            return None
        covariance = snapshot.sums["outer_sum"].astype("float64") / count
        if not self.within_steps:
            covariance -= _about_zero(snapshot.sums) / count
        return covariance

    def get_config(self):
        return {
            **super().get_config(),
            "dim": self.dim,
            "within_steps": self.within_steps,
            "covariance_every": self.covariance_every,
            "momentum": self.momentum,
        }


def _center(sums):
    return (sums["sum1"] + sums["sum2"]) / ops.maximum(2 * sums["count"], 1.0)


def _about_zero(sums):
    """What the sum of outer products about 0 has more than that about the centre, in float64."""
    total = sums["outer_center"].astype("float64")
    return np.outer(total, total) / max(float(sums["outer_count"]), 1.0)


def _reduce_together(sums):
    """Sums each tensor of a dict over the replicas, in one collective."""
    if engine.replica_count() == 1:
        return sums
    sizes = np.cumsum([int(np.prod(t.shape)) for t in sums.values()])[:-1].tolist()
    flat = ops.concatenate([ops.reshape(t, (-1,)) for t in sums.values()])
    parts = ops.split(engine.all_reduce_sum(flat), sizes)
    return {
        name: ops.reshape(part, tensor.shape)
        for (name, tensor), part in zip(sums.items(), parts, strict=True)
    }
