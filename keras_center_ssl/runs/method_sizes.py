"""Sizes and time constants of a method, fitted to the data by the names in its signature."""

import inspect
import math


def parameters(target):
    """dict, keyword -> default, of a function, or of a class and of those it extends."""
    owners = [target]
    if inspect.isclass(target):
        owners = [cls.__init__ for cls in target.__mro__ if "__init__" in vars(cls)]
    found = {}
    for owner in owners:
        if getattr(owner, "__module__", "").partition(".")[0] in ("keras", "builtins"):
            continue
        try:
            signature = inspect.signature(owner)
        except (TypeError, ValueError):
            continue
        for parameter in signature.parameters.values():
            if parameter.default is not inspect.Parameter.empty:
                found.setdefault(parameter.name, parameter.default)
    return found


def method_arguments(takes, features, batch, count, epochs, steps, reasons):
    """The arguments of a method that depend on the data; what is not named keeps its default.

    Args:
        takes: What `parameters` gave for the method.
        features: Dimension of the encoder's features.
        batch, count, epochs, steps: Images of a step and of an epoch; epochs; steps of an epoch.
        reasons: Gets a sentence for each argument, under `"method.<name>"`.
    """
    found = {}

    def put(name, value, reason):
        if value != takes[name]:
            found[name] = value
            reasons[f"method.{name}"] = reason

    _head(takes, features, batch, put)
    _prototypes(takes, batch, count, put)
    _memory(takes, batch, count, put)
    _schedules(takes, epochs, epochs * steps, put)
    if _number(takes, "temperature") > 0.2 and batch >= 128:
        put("temperature", 0.2, "near negatives matter more; later work prefers it to the paper's")
    return found


def _head(takes, features, batch, put):
    """Widths of the heads: in proportion to the encoder's, as the defaults are for a ResNet-18."""
    if not _number(takes, "hidden_dim"):
        return
    default = takes["hidden_dim"]
    hidden = min(default, 4 * features)
    scale = hidden / default
    put("hidden_dim", hidden, f"four times the {features} dimensions of the features")
    # Where the head ends in prototypes, the embeddings are what stands before them.
    embeddings = "bottleneck_dim" if "bottleneck_dim" in takes else "output_dim"
    if _number(takes, embeddings):
        most = takes[embeddings]
        wanted = max(scale * most, hidden / 2)
        dim = int(max(32, min(most, wanted, 4 * batch)))
        few = dim < min(most, wanted)
        reason = (
            f"no more than a batch of {batch} can tell apart"
            if few
            else "in proportion to the features"
        )
        put(embeddings, min(most, dim), reason)
    if _number(takes, "predictor_dim"):
        put(
            "predictor_dim",
            max(32, int(scale * takes["predictor_dim"])),
            "in proportion to the features",
        )


def _prototypes(takes, batch, count, put):
    if _number(takes, "num_prototypes"):
        number = _power_of_two(min(batch // 2, count // 8))
        reason = f"so few that a batch of {batch} can be shared out among them"
        put("num_prototypes", min(takes["num_prototypes"], max(4, number)), reason)
    if "bottleneck_dim" in takes and _number(takes, "output_dim"):
        number = _power_of_two(min(4 * batch, count // 4))
        reason = f"prototypes: a quarter of the {count} images at most, and four times a batch"
        put("output_dim", min(takes["output_dim"], max(4, number)), reason)
        if takes.get("batch_norm") is False:
            put("batch_norm", True, "a fresh head gives all images nearly the same output without")


def _memory(takes, batch, count, put):
    """Queues, where the method has one by default."""
    if _number(takes, "queue_size"):
        number = max(batch, _power_of_two(min(16 * batch, count // 4)))
        reason = "keys of earlier steps, and never of an earlier epoch"
        put("queue_size", min(takes["queue_size"], number), reason)


def _schedules(takes, epochs, total, put):
    """What is counted in epochs, or averages over steps, has to fit into the training."""
    for name, default in takes.items():
        if not name.endswith(("_epochs", "_epoch")) or not _number(takes, name):
            continue
        share = 0.05 if name.startswith("frozen") else 0.3
        if name.startswith("queue") and not _number(takes, "queue_size"):
            continue
        limit = round(share * epochs, 2)
        if default > limit:
            put(name, limit, f"{share:.0%} of the {epochs} epochs; published for longer trainings")
    momentum = _number(takes, "momentum")
    if 0.9 <= momentum < 1:
        shorter = round(max(0.9, 1 - 20 / total), 4)
        if shorter < momentum:
            reason = f"an average over a twentieth of the {total:,} steps; published for more"
            put("momentum", shorter, reason)


def _number(takes, name):
    """The default of an argument that is a number; 0 where there is none."""
    default = takes.get(name)
    return default if isinstance(default, (int, float)) and not isinstance(default, bool) else 0


def _power_of_two(number):
    return 2 ** int(math.log2(max(1, number)))
