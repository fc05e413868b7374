"""Features of images from an exported encoder, with OpenVINO, which reads ONNX files as they are.

    python embed.py encoder.onnx images.npy features.npy

`images.npy`: (N, H, W, C), floats in [0, 1] or 8-bit pixels. `features.npy`: (N, D), of length 1.
"""

import sys

import numpy as np
import openvino


def embed(file, images, batch_size=64):
    """Features (N, D), L2-normalised."""
    # Without the hint, CPUs that know bfloat16 compute in it, and features are off by percents.
    model = openvino.Core().compile_model(file, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    if images.dtype == np.uint8:
        images = images / np.float32(255)
    images = images.astype(np.float32)
    parts = [
        model({"images": images[start : start + batch_size]})["features"].copy()
        for start in range(0, len(images), batch_size)
    ]
    features = np.concatenate(parts)
    return features / np.linalg.norm(features, axis=1, keepdims=True)


if __name__ == "__main__":
    np.save(sys.argv[3], embed(sys.argv[1], np.load(sys.argv[2])))
