"""Collapse, seen while it happens."""

import dataclasses
import math
import textwrap
import warnings

import keras
import numpy as np

from keras_center_ssl import diagnosis, geometry
from keras_center_ssl.callbacks.collapse_causes import likely_causes
from keras_center_ssl.callbacks.embedding_probe import Probe
from keras_center_ssl.diagnosis.rules import FEW_SAMPLES
from keras_center_ssl.errors import CollapseError, CollapseWarning, InputError, one_of

ACTIONS = ("warn", "stop", "raise")

# A verdict does not count while its figure would be healthy after this many checks at its pace.
PATIENT_CHECKS = 10
# Up to here the whole spectrum costs milliseconds; beyond, the leading eigenvalues do.
_EXACT_DIMENSIONS = 512
# Above this share of zero vectors there is not enough left to measure.
_MOST_ZEROS = 0.5
_LOGGED = (
    "center_norm",
    "positive_cosine",
    "between_variance",
    "normalized_std",
    "participation_ratio",
    "dimensions_99",
    "effective_rank",
)


@dataclasses.dataclass(frozen=True)
class CollapseFinding:
    """A verdict that has held for some time.

    Attributes:
        verdict: A verdict of `kcs.diagnose`, or `"diverged"`: loss or embeddings are not finite.
        step: Step of training at which it was certain, counted from 1 over all epochs.
        since: Step of the first check of the streak.
        reasons: Sentences that explain the verdict.
        causes: What usually causes it for this method, the most likely first.
        figures: Name to float.
        source: Where the figures come from, in words.
    """

    verdict: str
    step: int
    since: int
    reasons: list
    causes: list
    figures: dict
    source: str

    def __str__(self):
        title = self.verdict.replace("_", " ").capitalize()
        lines = [f"{title} at step {self.step}, seen since step {self.since} ({self.source})."]
        lines += [_item(reason) for reason in self.reasons]
        lines += ["What usually causes it:", *(_item(cause) for cause in self.causes)]
        return "\n".join(lines)


class CollapseMonitor(keras.callbacks.Callback):
    """Says during training whether the representation collapses, since when, and why.

    On the methods of this package it needs no arguments: every `every` steps it reads the sums
    that the method keeps anyway, and judges the embeddings of the steps since the last check by
    the rule of `kcs.diagnose`. Sums hold no neighbours, so a collapse to a few tight groups shows
    as a *dimensional* collapse there; and they are of training mode, in which batch norm spreads
    what is left of a collapse. With `data` it looks at the embeddings of a fixed set of views
    instead, in inference mode and with all rules: later steps pay one forward pass each check.

    On any other `keras.Model` pass `embeddings` and `data`.

    Untrained encoders look collapsed, and leave that state within some steps. So a verdict is
    certain only after `patience` checks without a healthy one between, and a check does not count
    while its figure is on the way out: better than ever in the streak, and healthy within 10
    more checks at that pace.

    Logged from the first check on, at every step and epoch: `collapsed` (1 from when a collapse is
    certain until a check is healthy again, else 0), and under `recent_` (sums) or `probe_`
    (`data`) the figures of the last check, such as `probe_center_norm`. Callbacks *behind* this
    one in `fit(callbacks=[...])` see them: put it before `CSVLogger` and `TensorBoard`.

    Args:
        every: Steps between checks; `None`: at epoch ends only. Each check waits for the device.
        on_collapse: `"warn"`, `"stop"` the training, or `"raise"` a `kcs.CollapseError`. The first
            two warn with `CollapseWarning`, once for each verdict.
        patience: Checks that have to agree that something is collapsed.
        data: A fixed set of views: an array, two arrays (two views of the same images), or a
            dataset, as `kcs.data.multi_view` gives it, whose first batches are kept.
        embeddings: For models of other kinds: `embeddings(model, batch)` that returns `(B, D)`
            embeddings, or two of them for two views; or the name of a layer, whose output is taken.
            `batch` is what `data` gives, or a slice of the arrays.
        samples: How many samples of `data` are used. 64 at least for a verdict.
        log_dir: Folder for TensorBoard. Writes at every check the figures, and histograms of the
            covariance's eigenvalues (log10 of their share) and, with `data`, of all pairwise
            cosines. Needs TensorFlow.

    Attributes:
        finding: The last `CollapseFinding`, or `None`.
        history: One dict a check: `step`, `epoch`, `verdict`, `certain`, `reasons`, `figures`.
        critical_center_weight: With two views in `data`, on a `CenterSSL`: the estimate before
            training, see `kcs.critical_center_weight`. A centre weight below it is warned of.

    Example:

    >>> model.fit(dataset, epochs=100, callbacks=[kcs.callbacks.CollapseMonitor()])
    """

    def __init__(
        self,
        every=10,
        on_collapse="warn",
        *,
        patience=3,
        data=None,
        embeddings=None,
        samples=512,
        log_dir=None,
    ):
        super().__init__()
        if on_collapse not in ACTIONS:
            raise one_of("on_collapse", on_collapse, ACTIONS)
        if (every is not None and every < 1) or patience < 1:
            raise InputError(
                "every and patience are 1 or more (every=None: at epoch ends only); received "
                f"every={every} and patience={patience}."
            )
        if embeddings is not None and data is None:
            raise InputError(
                "Received embeddings without data. Pass data=, a fixed set of images or views "
                "that the embeddings are taken of; held-out images are best."
            )
        self.every = every
        self.on_collapse = on_collapse
        self.patience = patience
        self.log_dir = log_dir
        self._probe = None if data is None else Probe(data, embeddings, samples)
        self._prefix = "recent_" if data is None else "probe_"
        self.finding = None
        self.history = []
        self.critical_center_weight = None
        self._step = self._epoch_start = 0
        self._writer = None

    # What Keras calls.

    def on_train_begin(self, logs=None):
        if self._probe is None and not getattr(self.model, "trackers", None):
            raise InputError(
                "CollapseMonitor() reads the running sums of this package's methods, and "
                f"{type(self.model).__name__} keeps none. Pass data= (a fixed set of images) and "
                "embeddings= (a function of model and batch, or the name of a layer)."
            )
        self._streak = _Streak(self.patience)
        self._announced = set()
        self._logged, self._loss = {}, 0.0
        if self._probe is not None:
            self._probe.connect(self.model)
            self._estimate_critical_weight()

    def on_epoch_begin(self, epoch, logs=None):
        self._epoch, self._epoch_start = epoch, self._step
        # The method's sums start anew.
        self._snapshot, self._snapshot_step = None, self._step

    def on_train_batch_end(self, batch, logs=None):
        before, self._step = self._step, self._epoch_start + batch + 1
        self._loss = (logs or {}).get("loss", 0.0)
        # Not `step % every`: with `steps_per_execution` several steps have passed.
        if self.every is not None and before // self.every < self._step // self.every:
            self._check()
        if logs is not None:
            logs.update(self._logged)

    def on_epoch_end(self, epoch, logs=None):
        if not self.history or self.history[-1]["step"] < self._step:
            self._check()
        if logs is not None:
            # CSVLogger takes its columns from the first epoch.
            logs.update({"collapsed": 0.0, **self._logged})

    def on_train_end(self, logs=None):
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    # What `Checkpoint` saves: a resumed training goes on with the same streaks and windows.

    def checkpoint_state(self):
        sums = {} if self._snapshot is None else self._snapshot.sums
        return {
            "step": self._step,
            "epoch_start": self._epoch_start,
            "snapshot_step": self._snapshot_step,
            "streak": vars(self._streak),
            "announced": sorted(self._announced),
            "logged": self._logged,
            "history": self.history,
            "finding": self.finding and dataclasses.asdict(self.finding),
            **{f"sum_{name}": value for name, value in sums.items()},
        }

    def restore_state(self, state):
        self._step, self._epoch_start = state["step"], state["epoch_start"]
        self._snapshot_step = state["snapshot_step"]
        vars(self._streak).update(state["streak"])
        self._announced, self._logged = set(state["announced"]), dict(state["logged"])
        self.history = list(state["history"])
        self.finding = state["finding"] and CollapseFinding(**state["finding"])
        sums = {k.removeprefix("sum_"): v for k, v in state.items() if k.startswith("sum_")}
        self._snapshot = None
        if sums:
            tracker = next(iter(self.model.trackers.values()))
            self._snapshot = tracker.snapshot_of(sums)

    # A check.

    def _check(self):
        if hasattr(self.model, "jax_state_sync"):
            self.model.jax_state_sync()
        report = self._report_of_sums() if self._probe is None else self._report_of_probe()
        if report is None:
            return
        certain = self._streak.add(self._step, report)
        self.history.append(
            {
                "step": self._step,
                "epoch": self._epoch,
                "verdict": report.verdict,
                "certain": certain,
                "reasons": report.reasons,
                "figures": report.figures,
            }
        )
        figures = {name: report.figures[name] for name in _LOGGED if name in report.figures}
        self._logged = {
            "collapsed": float(certain),
            **{self._prefix + name: value for name, value in figures.items()},
        }
        self._write_scalars()
        if report.healthy:
            self._announced.clear()
        elif certain and report.verdict not in self._announced:
            self._announced.add(report.verdict)
            self._announce(report)

    def _announce(self, report):
        self.finding = CollapseFinding(
            verdict=report.verdict,
            step=self._step,
            since=self._streak.since,
            reasons=report.reasons,
            causes=likely_causes(self.model, report.verdict, self.critical_center_weight),
            figures=report.figures,
            source=report.name,
        )
        if self.on_collapse == "raise":
            raise CollapseError(self.finding)
        warnings.warn(CollapseWarning(str(self.finding)), stacklevel=2)
        if self.on_collapse == "stop":
            self.model.stop_training = True

    def _report_of_sums(self):
        """The verdict on the steps since the last check, or `None` where they are too few."""
        tracker = next(iter(self.model.trackers.values()))
        now = tracker.snapshot()
        window, steps = now.since(self._snapshot), self._step - self._snapshot_step
        # The covariance is centred within each step, which costs one degree of freedom a step.
        count = window.covariance_count - steps if tracker.tracks_covariance else window.count
        if count < FEW_SAMPLES:
            return None
        self._snapshot, self._snapshot_step = now, self._step
        figures = tracker.step_figures(window)
        figures["center_norm_squared"] = figures["center_norm"] ** 2
        figures["augmentation_noise"] = 1.0 - figures["positive_cosine"]
        covariance = tracker.covariance(window)
        limits = diagnosis.thresholds(int(count), tracker.dim)
        if covariance is not None and np.isfinite(covariance).all():
            spectrum = _spectrum(covariance, limits["dimensions_99"])
            none = tracker.no_variance(window)
            figures["participation_ratio"] = _participation_ratio(covariance, none)
            figures["dimensions_99"] = float(diagnosis.dimensions_99_of(spectrum, none))
            self._write_histogram("spectrum", _log_shares(spectrum))
        finite = all(map(math.isfinite, (float(self._loss), *figures.values())))
        return _report(
            figures if finite else {},
            limits,
            not_finite=not finite,
            zero=window.zero_share,
            samples=int(window.count),
            dimension=tracker.dim,
            name=f"embeddings of the last {steps} steps",
        )

    def _report_of_probe(self):
        """The verdict on the fixed set of views."""
        embeddings = self._probe.embed(self.model)
        n, d = embeddings[0].shape
        name = f"embeddings of {n} fixed samples"
        finite = np.all([np.isfinite(z).all(axis=1) for z in embeddings], axis=0)
        zero = np.any([~z.any(axis=1) for z in embeddings], axis=0)
        all_finite = finite.all() and math.isfinite(float(self._loss))
        if not all_finite or zero.mean() > _MOST_ZEROS or (~zero).sum() < 2:
            return _report(
                {},
                diagnosis.thresholds(n, d),
                not_finite=not all_finite,
                zero=zero.mean(),
                samples=n,
                dimension=d,
                name=name,
            )
        kept = [z[~zero].astype("float64") for z in embeddings]
        if self.log_dir is not None:
            self._write_histogram("spectrum", _log_shares(geometry.covariance_spectrum(kept[0])))
            self._write_histogram("pairwise_cosine", geometry.pairwise_cosines(kept[0]))
        return diagnosis.diagnose(*kept, name=name)

    def _estimate_critical_weight(self):
        """Warns before the first step of a centre weight that will not hold."""
        if not getattr(self.model, "penalizes_center", False):
            return
        features = self._probe.features(self.model)
        if features is None:
            return
        self.critical_center_weight = found = diagnosis.critical_center_weight(*features)
        if found.says(self.model.center_weight) == "collapses":
            warnings.warn(
                CollapseWarning(
                    f"center_weight={self.model.center_weight:g} is below the critical weight that "
                    f"the untrained encoder shows, {float(found):.2f} ({found.low:.2f} to "
                    f"{found.high:.2f}): expect all embeddings to fall into one point."
                ),
                stacklevel=2,
            )

    # TensorBoard.

    def _write_scalars(self):
        if self.log_dir is None:
            return
        from keras_center_ssl.engine.tensorflow_when_used import tf

        with self._tensorboard().as_default():
            for name, value in self._logged.items():
                tf.summary.scalar(f"collapse/{name}", value, step=self._step)

    def _write_histogram(self, name, values):
        if self.log_dir is None:
            return
        from keras_center_ssl.engine.tensorflow_when_used import tf

        with self._tensorboard().as_default():
            tf.summary.histogram(f"collapse/{self._prefix}{name}", values, step=self._step)

    def _tensorboard(self):
        if self._writer is None:
            from keras_center_ssl.engine.tensorflow_when_used import tf

            self._writer = tf.summary.create_file_writer(str(self.log_dir))
        return self._writer


class _Streak:
    """Checks without a healthy one between, and whether there are enough to be certain."""

    def __init__(self, patience):
        self.patience = patience
        self.reset()

    def reset(self):
        self.since, self._counted, self._best = None, 0, -math.inf

    def add(self, step, report):
        """Takes a check into account; returns whether a collapse is certain."""
        if report.healthy:
            self.reset()
            return False
        if self.since is None:
            self.since = step
        health = _health(report)
        pace = health - self._best
        if not (math.isfinite(pace) and pace > 0 and (1.0 - health) / pace <= PATIENT_CHECKS):
            self._counted += 1
        self._best = max(self._best, health)
        return report.verdict == diagnosis.DIVERGED or self._counted >= self.patience


def _health(report):
    """How near the figure behind a verdict is to its limit: 0 to 1, where 1 is healthy."""
    figures, limits = report.figures, report.thresholds
    if not figures:
        return 0.0
    if report.verdict == "complete_collapse":
        if "between_variance" in figures:
            health = figures["between_variance"] / limits["between_variance"]
        else:
            health = (1.0 - figures["center_norm_squared"]) / (1.0 - limits["center_norm_squared"])
    elif report.verdict == "cluster_collapse":
        names = ("within_group_share", "distinct_share")
        health = min(figures[name] / limits[name] for name in names if name in figures)
    else:
        names = ("participation_ratio", "dimensions_99")
        health = min(figures[name] / limits[name] for name in names)
    return min(max(health, 0.0), 1.0)


def _report(figures, limits, *, not_finite, zero, samples, dimension, name):
    """A report on embeddings some of which may be unfit to measure."""
    if not_finite:
        verdict = diagnosis.DIVERGED
        reasons = ["The loss or embeddings are NaN or infinite: the training diverged."]
    elif zero > _MOST_ZEROS:
        verdict = "complete_collapse"
        reasons = [
            f"{100 * zero:.0f} % of the embeddings are zero vectors, which have no direction: the "
            "encoder's last units are dead, or its outputs overflow."
        ]
    else:
        verdict, reasons = diagnosis.judge(figures, limits, samples, dimension)
    return diagnosis.CollapseReport(
        verdict=verdict,
        reasons=reasons,
        figures=figures,
        thresholds=limits,
        warnings=[],
        samples=samples,
        dimension=dimension,
        views=2,
        name=name,
    )


def _participation_ratio(covariance, no_variance=geometry.NO_VARIANCE):
    trace = np.trace(covariance)
    if trace < no_variance:
        return 0.0
    return float(trace**2 / np.sum(np.square(covariance)))


def _spectrum(covariance, limit):
    """Eigenvalues, largest first: all, or of a large matrix enough to say whether 99 % of the
    variance lie within `limit` directions; what they do not hold is one more entry at the end.
    """
    d = len(covariance)
    if d <= _EXACT_DIMENSIONS:
        return np.linalg.eigvalsh(covariance)[::-1].clip(min=0)
    # Subspace iteration from a seeded start (Halko et al., 2011).
    count = math.ceil(limit) + 16
    basis = np.random.default_rng(0).normal(size=(d, count))
    for _ in range(4):
        basis = np.linalg.qr(covariance @ basis)[0]
    leading = np.linalg.eigvalsh(basis.T @ covariance @ basis)[::-1].clip(min=0)
    return np.append(leading, max(np.trace(covariance) - leading.sum(), 0.0))


def _log_shares(spectrum):
    shares = spectrum / max(spectrum.sum(), 1e-12)
    return np.log10(np.maximum(shares, 1e-8))


def _item(sentence):
    return textwrap.fill(sentence, 92, initial_indent="- ", subsequent_indent="  ")
