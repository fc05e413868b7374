"""What is compared with what: a list of `Comparison`s, each timed in turn.

To add one, write the task for each side (a function in `ours/`, `peer/` or `kerascv/` that returns
a `timing.Prepared`) and a `Comparison` here; a ratio that the table should show goes to
`ratios.py`.
"""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Contestant:
    """`name` in the tables; `task` is `module.function` in the folder `side`."""

    name: str
    side: str
    task: str
    options: dict


@dataclasses.dataclass(frozen=True)
class Comparison:
    """Contestants that do the same work. `lone`: each in a fresh process, one repetition.

    `needs` is a task of ours that fails where this machine has nothing to compare: all contestants
    are left out then, for its reason.
    """

    section: str
    case: str
    contestants: list
    lone: bool = False
    needs: str = ""


# The heads of training/recipes/*-fashion-mnist.yaml, in the arguments both sides take.
METHODS = {
    "CenterSSL": dict(center_weight=1.0, decorrelation_weight=1.0, hidden_dim=256, output_dim=128),
    "SimCLR": dict(temperature=0.2, hidden_dim=256, output_dim=128),
    "BYOL": dict(momentum=0.98, hidden_dim=512, output_dim=128, predictor_dim=512),
    "SwAV": dict(num_prototypes=128, frozen_epochs=0.5, hidden_dim=256, output_dim=64),
    "SimSiam": dict(hidden_dim=256, output_dim=256, predictor_dim=64),
    "BarlowTwins": dict(redundancy_weight=5e-3, hidden_dim=256, output_dim=256),
    "DINO": dict(
        momentum=0.99,
        teacher_temperature_epochs=3,
        hidden_dim=256,
        bottleneck_dim=64,
        output_dim=1024,
        batch_norm=True,
    ),
    "Triplet": dict(margin=1.0, hidden_dim=256, output_dim=128),
    "VICReg": dict(hidden_dim=256, output_dim=256),
    "MoCo": dict(
        temperature=0.2,
        queue_size=4096,
        momentum=0.99,
        symmetric=True,
        hidden_dim=256,
        output_dim=128,
    ),
}
SMALL = {"network": "resnet_small", "width": 16}
LARGE = {"network": "resnet18", "stem": "small"}


def on_the_cpu(threads, quick=False):
    """All comparisons, or fewer of each kind."""
    batch = 256
    found = [
        _views(*case, threads)
        for case in (
            ((32, 3, batch), (28, 1, batch))
            if quick
            else ((32, 3, batch), (28, 1, batch), (96, 3, 128), (224, 3, 32))
        )
    ]
    found.append(_folder(224, 256, 32, threads))
    networks = [(SMALL, 128)] if quick else [(SMALL, 128), (SMALL, 256), (LARGE, 128)]
    found += [_encoder(network, size) for network, size in networks]
    found += [_step(method, batch) for method in METHODS]
    some = ("SimCLR", "BYOL") if quick else METHODS
    found += [_end_to_end(method, batch, threads) for method in some]
    found += [_bfloat16("step", method, batch) for method in some]
    found.append(_bfloat16("fit", "SimCLR", batch, threads))
    found += [
        _inference(network, size, threads)
        for network in ([SMALL] if quick else [SMALL, LARGE])
        for size in (1, 64)
    ]
    found.append(_compiled("SimCLR", batch))
    found += [_memory(method, batch) for method in some]
    return found


def _views(size, channels, batch_size, threads):
    options = {"size": size, "channels": channels, "batch_size": batch_size}
    contestants = [
        Contestant("ours", "ours", "views.multi_view", options),
        Contestant("torchvision", "peer", "views.data_loader", {**options, "workers": threads}),
    ]
    if channels == 3:  # KerasCV's colour jitter takes colour images only
        contestants.append(Contestant("KerasCV", "kerascv", "views.batched", options))
    kind = "colour" if channels == 3 else "grey"
    return Comparison("views", f"{size} px, {kind}, batch {batch_size}", contestants)


def _folder(size, image_size, batch_size, threads):
    options = {"size": size, "batch_size": batch_size}
    contestants = [
        Contestant("ours", "ours", "views.folder", {**options, "image_size": image_size}),
        Contestant("torchvision", "peer", "views.folder", {**options, "workers": threads}),
    ]
    return Comparison("folder", f"JPEGs of 500 x 375 to {size} px, batch {batch_size}", contestants)


def _encoder(network, batch_size):
    options = {**network, "batch_size": batch_size}
    contestants = [
        Contestant("ours", "ours", "encoders.training_step", options),
        Contestant(
            "Keras' BatchNormalization",
            "ours",
            "encoders.training_step",
            {**options, "normalization": "stock"},
        ),
        Contestant("PyTorch", "peer", "encoders.training_step", options),
    ]
    return Comparison("encoder", f"{network['network']}, batch {batch_size}", contestants)


def _step(method, batch_size):
    options = {"method": method, "arguments": METHODS[method], "batch_size": batch_size}
    contestants = [
        Contestant("ours", "ours", "methods.step", options),
        Contestant("encoder alone", "ours", "methods.encoder_passes", options),
        Contestant("centre tracking alone", "ours", "methods.tracking", options),
        Contestant("PyTorch", "peer", "methods.step", options),
        Contestant(
            "PyTorch, contiguous",
            "peer",
            "methods.step",
            {**options, "layout": "contiguous_format"},
        ),
    ]
    return Comparison("step", method, contestants)


def _end_to_end(method, batch_size, threads):
    options = {"method": method, "arguments": METHODS[method], "batch_size": batch_size}
    contestants = [
        Contestant("ours", "ours", "methods.fit", options),
        Contestant("fit on views made before", "ours", "methods.fit", {**options, "cached": True}),
        Contestant("PyTorch", "peer", "methods.fit", {**options, "workers": threads}),
    ]
    return Comparison("end to end", method, contestants)


def _bfloat16(task, method, batch_size, workers=None):
    """Both sides in bfloat16 and in float32: a step, or `fit` with its views."""
    options = {"method": method, "arguments": METHODS[method], "batch_size": batch_size}
    peers = options if workers is None else {**options, "workers": workers}
    mixed = {"precision": "mixed_bfloat16"}
    contestants = [
        Contestant("ours", "ours", f"methods.{task}", {**options, **mixed}),
        Contestant("ours, float32", "ours", f"methods.{task}", options),
        Contestant("PyTorch", "peer", f"methods.{task}", {**peers, **mixed}),
        Contestant("PyTorch, float32", "peer", f"methods.{task}", peers),
    ]
    case = f"{'step' if task == 'step' else 'end to end'}, {method}"
    return Comparison("bfloat16", case, contestants, needs="methods.fast_bfloat16")


def _inference(network, batch_size, threads):
    options = {**network, "batch_size": batch_size}
    contestants = [
        Contestant("ours", "ours", "encoders.onnx", {**options, "threads": threads}),
        Contestant("Keras' predict", "ours", "encoders.predict", options),
        Contestant("PyTorch", "peer", "encoders.inference", options),
    ]
    return Comparison("exported", f"{network['network']}, batch {batch_size}", contestants)


def _compiled(method, batch_size):
    options = {"method": method, "arguments": METHODS[method], "batch_size": batch_size}
    contestants = [
        Contestant("ours", "ours", "methods.step", {**options, "jit_compile": False}),
        Contestant("jit_compile=True", "ours", "methods.step", {**options, "jit_compile": True}),
    ]
    return Comparison("compiled", method, contestants)


def _memory(method, batch_size):
    options = {"method": method, "arguments": METHODS[method], "batch_size": batch_size}
    contestants = [
        Contestant("ours", "ours", "methods.memory", options),
        Contestant("PyTorch", "peer", "methods.memory", options),
    ]
    return Comparison("memory", method, contestants, lone=True)
