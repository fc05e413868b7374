"""Collapse, seen while it happens."""

import dataclasses
import warnings

import keras

from keras_center_ssl import diagnosis
from keras_center_ssl.callbacks.collapse_board import CollapseBoard
from keras_center_ssl.callbacks.collapse_causes import likely_causes
from keras_center_ssl.callbacks.collapse_finding import CollapseFinding
from keras_center_ssl.callbacks.embedding_probe import Probe
from keras_center_ssl.callbacks.streak import Streak
from keras_center_ssl.callbacks.training_reports import (
    diverged,
    report_of_embeddings,
    report_of_sums,
)
from keras_center_ssl.callbacks.weight_check import first_bad_weight
from keras_center_ssl.errors import CollapseError, CollapseWarning, InputError, one_of

ACTIONS = ("warn", "stop", "raise")
_LOGGED = (
    "center_norm",
    "positive_cosine",
    "between_variance",
    "normalized_std",
    "participation_ratio",
    "dimensions_99",
    "effective_rank",
    "embedding_std",
)


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
    (`data`) the figures of the last check, such as `probe_center_norm`. Callbacks *after* this
    one in `fit(callbacks=[...])` see them: put it before `CSVLogger` and `TensorBoard`.

    Args:
        every: Steps between checks; `None`: at epoch ends only. Each check waits for the device.
        on_collapse: `"warn"`, `"stop"` the training, or `"raise"` a `kcs.CollapseError`. The first
            two warn with `CollapseWarning`, once for each verdict, and say when it has passed.
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
        self._board = CollapseBoard(log_dir)

    # What Keras calls.

    def on_train_begin(self, logs=None):
        if self._probe is None and not getattr(self.model, "trackers", None):
            raise InputError(
                "CollapseMonitor() reads the running sums of this package's methods, and "
                f"{type(self.model).__name__} keeps none. Pass data= (a fixed set of images) and "
                "embeddings= (a function of model and batch, or the name of a layer)."
            )
        self._streak = Streak(self.patience)
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
        self._board.close()

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
        report, histograms = self._report()
        if report is None:
            return
        if not report.healthy and report.verdict != diagnosis.DIVERGED:
            weight = first_bad_weight(self.model)
            report = report if weight is None else diverged(report, weight)
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
        self._board.scalars(self._logged, self._step)
        for name, values in histograms.items():
            self._board.histogram(self._prefix + name, values, self._step)
        if report.healthy and self._announced:
            self._announced.clear()
            text = f"Healthy again at step {self._step}: the collapse seen before has passed."
            warnings.warn(CollapseWarning(text), stacklevel=2)
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

    def _report(self):
        """The verdict on what there is now, or `None`, and histograms by name."""
        loss = float(self._loss)
        if self._probe is not None:
            embeddings = self._probe.embed(self.model)
            held = None if self._probe.given else getattr(self.model, "embedding_std", None)
            return report_of_embeddings(embeddings, loss, held, self.log_dir is not None)
        tracker = next(iter(self.model.trackers.values()))
        now, steps = tracker.snapshot(), self._step - self._snapshot_step
        report, histograms = report_of_sums(tracker, now.since(self._snapshot), steps, loss)
        if report is not None:
            self._snapshot, self._snapshot_step = now, self._step
        return report, histograms

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
