"""What usually causes a collapse: the method's settings, then what holds for any model."""

from keras_center_ssl.methods.verdicts import COLLAPSES, COMPLETE

_BY_VERDICT = {
    "complete_collapse": "Views so different that no feature agrees between them: then only a "
    "constant does. Weaken the augmentation (larger crops, less jitter).",
    "dimensional_collapse": "Views that differ in one feature only, or a batch too small for the "
    "number of dimensions: strengthen the augmentation, or take a larger batch.",
    "cluster_collapse": "Many copies of few images in the data, or too few prototypes or classes "
    "to tell samples apart.",
}


def likely_causes(model, verdict, critical=None):
    """What to look at for a verdict, the most likely first.

    Args:
        model: The model that was trained. Its `collapse_causes(verdict)`, which every `SSLModel`
            has, names its own settings; of any other model only the learning rate is read.
        verdict: A verdict of `kcs.diagnose`, or `"diverged"`.
        critical: A `CriticalCenterWeight` for this model, where there is one.

    Returns:
        List of sentences, the ones that quote the model's own settings first.
    """
    name = type(model).__name__
    causes = []
    if verdict in COLLAPSES and hasattr(model, "collapse_causes"):
        causes += [f"{name}: {cause}" for cause in model.collapse_causes(verdict)]
    if verdict == COMPLETE and critical is not None:
        causes.append(
            f"Before training, the critical weight was estimated as {float(critical):.2f} "
            f"({critical.low:.2f} to {critical.high:.2f})."
        )
    rate = learning_rate(model)
    if rate is not None:
        causes.append(
            f"The learning rate, {rate:.3g} at this step: when too high, it throws the encoder "
            "into a constant within some steps. Try a tenth of it, and a warm-up."
        )
    if verdict in _BY_VERDICT:
        causes.append(_BY_VERDICT[verdict])
    if verdict == COMPLETE and not getattr(model, "penalizes_center", True):
        causes.append(
            f"As a remedy, {name}(center_weight=1) adds the penalty on the common centre to the "
            "method's own loss."
        )
    return causes


def learning_rate(model):
    """The optimizer's learning rate at this step, or `None`."""
    optimizer = getattr(model, "optimizer", None)
    return None if optimizer is None else float(optimizer.learning_rate)
