"""The methods that `replicas.py` trains, with small arguments."""

HEADS = {"hidden_dim": 16, "output_dim": 8}
CASES = {
    "SimCLR": HEADS,
    "DCL": HEADS,
    "SimSiam": {**HEADS, "predictor_dim": 8},
    "SimSiam-mean": {**HEADS, "predictor": "mean"},
    "BYOL": {**HEADS, "predictor_dim": 8, "momentum": 0.9},
    "BarlowTwins": HEADS,
    "VICReg": HEADS,
    "LeJEPA": {**HEADS, "num_directions": 16},
    "VISReg": {**HEADS, "num_directions": 16},
    "Triplet": HEADS,
    "MoCo": {**HEADS, "queue_size": 32, "momentum": 0.9, "symmetric": True},
    "TiCo": {**HEADS, "momentum": 0.9, "symmetric": True},
    "TiCo-centered": {**HEADS, "momentum": 0.9, "centered": True},
    "SwAV": {**HEADS, "num_prototypes": 8, "frozen_epochs": 0, "queue_size": 32},
    "DINO": {
        "hidden_dim": 16,
        "bottleneck_dim": 8,
        "output_dim": 12,
        "frozen_epochs": 0,
        "gradient_clip": 0.3,
    },
    "SimDINO": {**HEADS, "momentum": 0.9},
    "CenterSSL": {**HEADS, "center": "ema", "unbiased": True, "center_weight": 2.0},
    # Its step makes the views itself.
    "SimCLR-views": HEADS,
    "SimCLR-penalized": {**HEADS, "center_weight": 1.5},
}
