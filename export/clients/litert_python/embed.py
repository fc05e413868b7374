"""Features of images from an exported encoder, with LiteRT (formerly TensorFlow Lite).

    python embed.py encoder.tflite images.npy features.npy

`images.npy`: (N, H, W, C), floats in [0, 1] or 8-bit pixels. `features.npy`: (N, D), of length 1.
"""

import sys

import numpy as np
from ai_edge_litert.interpreter import Interpreter


def embed(file, images, batch_size=64):
    """Features (N, D), L2-normalised."""
    interpreter = Interpreter(file)
    run = interpreter.get_signature_runner("serving_default")  # sets the batch size by itself
    if images.dtype == np.uint8:
        images = images / np.float32(255)
    images = images.astype(np.float32)
    parts = [
        run(images=images[start : start + batch_size])["features"].copy()
        for start in range(0, len(images), batch_size)
    ]
    features = np.concatenate(parts)
    return features / np.linalg.norm(features, axis=1, keepdims=True)


if __name__ == "__main__":
    np.save(sys.argv[3], embed(sys.argv[1], np.load(sys.argv[2])))
