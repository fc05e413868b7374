"""What usually causes a collapse: for each method, which of its settings to look at first."""

COMPLETE, DIMENSIONAL, CLUSTER = "complete_collapse", "dimensional_collapse", "cluster_collapse"
ANY = (COMPLETE, DIMENSIONAL, CLUSTER)
FEW_DIMENSIONS = (DIMENSIONAL, CLUSTER)

# Method -> (verdicts, whether its settings are the cause, what to say of the model `m`).
_BY_SETTING = {
    "CenterSSL": [
        (
            (COMPLETE,),
            lambda m: m.center_weight < 1,
            "center_weight={m.center_weight:g} may be under the critical weight, below which the "
            "attraction of the views wins. 1 is always above it; kcs.critical_center_weight "
            "estimates how low it may be.",
        ),
        (
            FEW_DIMENSIONS,
            lambda m: not m.decorrelation_weight,
            "decorrelation_weight=0: the centre term keeps the centre short, but half the samples "
            "at v and half at -v have no centre either. Set decorrelation_weight=1.",
        ),
    ],
    "SimSiam": [
        (
            ANY,
            lambda m: not m.stop_gradient,
            "stop_gradient=False: both views run towards each other, and nothing holds them apart. "
            "Set stop_gradient=True.",
        ),
        (
            ANY,
            lambda m: m.predictor is None,
            "predictor=None: without a predictor the views attract each other directly. Set "
            'predictor="mlp".',
        ),
        (
            ANY,
            lambda m: m.predictor not in (None, "mlp"),
            'predictor={m.predictor!r} is an ablation. Set predictor="mlp".',
        ),
        (
            ANY,
            lambda m: not m.last_batch_norm,
            "last_batch_norm=False: the batch norm at the projector's end keeps every dimension "
            "from becoming constant. Set last_batch_norm=True.",
        ),
        (
            ANY,
            lambda m: not m.constant_predictor_rate,
            "constant_predictor_rate=False: the predictor has to keep up with the projector. Set "
            "constant_predictor_rate=True.",
        ),
    ],
    "BYOL": [
        (
            ANY,
            lambda m: m.predictor is None,
            "predictor=None: without a predictor the student is drawn to its own past. Set "
            'predictor="mlp".',
        ),
        (
            ANY,
            lambda m: m.momentum < 0.9,
            "momentum={m.momentum:g}: the teacher follows the student at once, so that both run "
            "towards each other. Published: 0.996 (0.99 for short trainings).",
        ),
    ],
    "BarlowTwins": [
        (
            FEW_DIMENSIONS,
            lambda m: not m.redundancy_weight,
            "redundancy_weight=0: nothing keeps the dimensions apart, and all may carry the same. "
            "Published: 5e-3.",
        ),
        (
            ANY,
            lambda m: not m.batch_norm,
            "batch_norm=False: it is the standardisation over the batch that takes the centre "
            "away. Set batch_norm=True.",
        ),
        (
            FEW_DIMENSIONS,
            lambda m: m.redundancy_weight,
            "redundancy_weight={m.redundancy_weight:g} may be too small for {m.output_dim} "
            "dimensions: the off-diagonal has to weigh against the diagonal.",
        ),
    ],
    "VICReg": [
        (
            ANY,
            lambda m: not m.variance_weight,
            "variance_weight=0: nothing keeps the dimensions from becoming constant. Published: "
            "25.",
        ),
        (
            FEW_DIMENSIONS,
            lambda m: not m.covariance_weight,
            "covariance_weight=0: all dimensions may carry the same. Published: 1.",
        ),
        (
            ANY,
            lambda m: m.variance_weight and m.invariance_weight > 2 * m.variance_weight,
            "invariance_weight={m.invariance_weight:g} outweighs variance_weight="
            "{m.variance_weight:g}. Published: 25 and 25.",
        ),
    ],
    "SwAV": [
        (
            ANY,
            lambda m: not m.sinkhorn,
            "sinkhorn=False: nothing keeps all samples from being assigned to one prototype. Set "
            "sinkhorn=True.",
        ),
        (
            ANY,
            lambda m: m.sinkhorn and (m.epsilon > 0.1 or m.iterations < 1),
            "epsilon={m.epsilon:g} with {m.iterations} iterations: the assignments are nearly "
            "uniform, and hardly tell samples apart. Published: 0.05 and 3.",
        ),
        (
            FEW_DIMENSIONS,
            lambda m: m.num_prototypes < 2 * m.output_dim,
            "{m.num_prototypes} prototypes are few for {m.output_dim} dimensions. Published: some "
            "ten times as many as there are classes.",
        ),
    ],
    "DINO": [
        (
            ANY,
            lambda m: not m.centering,
            "centering=False: one prototype may take all samples. Set centering=True.",
        ),
        (
            ANY,
            lambda m: not m.sharpening,
            "sharpening=False: the teacher's assignments become uniform. Set sharpening=True.",
        ),
        (
            ANY,
            lambda m: m.sharpening and m.teacher_temperature >= m.student_temperature,
            "teacher_temperature={m.teacher_temperature:g} is not below student_temperature="
            "{m.student_temperature:g}: the teacher does not sharpen. Published: 0.04 to 0.07, and "
            "0.1.",
        ),
        (
            ANY,
            lambda m: m.centering and m.center_momentum > 0.99,
            "center_momentum={m.center_momentum:g}: the teacher's centre follows too slowly. "
            "Published: 0.9.",
        ),
        (
            ANY,
            lambda m: m.momentum < 0.9,
            "momentum={m.momentum:g}: the teacher follows the student at once. Published: 0.996.",
        ),
    ],
    "SimCLR": [
        (
            ANY,
            lambda m: m.temperature > 0.7,
            "temperature={m.temperature:g}: all negatives repel alike, so that only the centre is "
            "repelled, and few dimensions are used. Published: 0.1 to 0.5.",
        ),
        (
            (COMPLETE,),
            lambda m: m.temperature < 0.05,
            "temperature={m.temperature:g}: only the nearest negative repels. Published: 0.1 to "
            "0.5.",
        ),
    ],
    "MoCo": [
        (
            ANY,
            lambda m: m.temperature > 0.7,
            "temperature={m.temperature:g}: all keys repel alike, so that only the centre is "
            "repelled, and few dimensions are used. Published: 0.07 to 0.2.",
        ),
        (
            (COMPLETE,),
            lambda m: m.temperature < 0.05,
            "temperature={m.temperature:g}: only the nearest key repels. Published: 0.07 to 0.2.",
        ),
        (
            ANY,
            lambda m: m.momentum < 0.9,
            "momentum={m.momentum:g}: the keys in the queue come from encoders that differ too "
            "much. Published: 0.99 to 0.999.",
        ),
    ],
    "Triplet": [
        (
            FEW_DIMENSIONS,
            lambda m: m.margin is None,
            "margin=None: without a hinge this is CenterSSL at center_weight=1, which falls to a "
            "few dimensions. Set margin=1.",
        ),
        (
            ANY,
            lambda m: m.margin is not None and m.margin < 0.2,
            "margin={m.margin:g}: negatives stop repelling when they are hardly apart. Set "
            "margin=1.",
        ),
    ],
}

_BY_VERDICT = {
    COMPLETE: "Views so different that no feature agrees between them: then only a constant does. "
    "Weaken the augmentation (larger crops, less jitter).",
    DIMENSIONAL: "Views that differ in one feature only, or a batch too small for the number of "
    "dimensions: strengthen the augmentation, or take a larger batch.",
    CLUSTER: "Many copies of few images in the data, or too few prototypes or classes to tell "
    "samples apart.",
}


def likely_causes(model, verdict, critical=None):
    """What to look at for a verdict, the most likely first.

    Args:
        model: The model that was trained. Settings are read of the methods of this package; of any
            other model only the learning rate.
        verdict: A verdict of `kcs.diagnose`, or `"diverged"`.
        critical: A `CriticalCenterWeight` for this model, where there is one.

    Returns:
        List of sentences, the ones that quote the model's own settings first.
    """
    name = type(model).__name__
    causes = [
        f"{name}: {text.format(m=model)}"
        for verdicts, applies, text in _BY_SETTING.get(name, ())
        if verdict in verdicts and applies(model)
    ]
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
