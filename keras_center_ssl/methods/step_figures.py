"""What a step adds to: the running loss and figures, one set for training, one for validation."""

import contextlib


class RunningFigures:
    """The mean loss, the trackers of the branches and further means, over the steps of a pass.

    Args:
        loss: A `RunningMean`.

    Attributes:
        trackers: dict of branch name to `CenterTracker`, the first logged under bare names.
        means: dict of log name to `RunningMean`, of scalars that the method calls by that name.
    """

    def __init__(self, loss):
        self.loss = loss
        self.trackers = {}
        self.means = {}

    def update(self, loss, embeddings):
        """Adds a step; returns all figures so far, named as `fit` logs them."""
        self.loss.update_state(loss)
        logs = {"loss": self.loss.result()}
        for branch, tracker in self.trackers.items():
            tracker.update_state(*embeddings[branch])
            logs.update(self.names(branch, tracker.result()))
        for name, mean in self.means.items():
            mean.update_state(embeddings[name])
            logs[name] = mean.result()
        return logs

    def names(self, branch, figures):
        """Figures of a branch under the names they are logged by."""
        first = next(iter(self.trackers))
        return figures if branch == first else {f"{branch}_{k}": v for k, v in figures.items()}

    def reset(self):
        for state in (self.loss, *self.trackers.values(), *self.means.values()):
            state.reset_state()


class StepFigures:
    """The figures of training and of validation, and which of them a step adds to.

    An evaluation in the middle of a training must not touch the training's figures.

    Attributes:
        training, validation: `RunningFigures`.
        current: One of them.
    """

    def __init__(self, training, validation):
        self.training = self.current = RunningFigures(training)
        self.validation = RunningFigures(validation)

    @contextlib.contextmanager
    def evaluating(self):
        """Steps in this block add to the figures of validation."""
        self.current = self.validation
        try:
            yield
        finally:
            self.current = self.training

    def reset(self):
        """Empties the figures of validation, and outside of an evaluation those of training."""
        self.validation.reset()
        self.current.reset()
