"""Features of images from an exported encoder, with TensorFlow alone: no training code.

    python embed.py saved_model images.npy features.npy

`images.npy`: (N, H, W, C), floats in [0, 1] or 8-bit pixels. `features.npy`: (N, D), of length 1.
"""

import sys

import numpy as np
import tensorflow as tf


def embed(folder, images, batch_size=64):
    """Features (N, D), L2-normalised."""
    model = tf.saved_model.load(folder)  # the signatures live as long as this does
    pixels = images.dtype == np.uint8
    run = model.signatures["serving_uint8" if pixels else "serving_default"]
    images = images if pixels else images.astype(np.float32)
    parts = [
        run(images=tf.constant(images[start : start + batch_size]))["features"].numpy()
        for start in range(0, len(images), batch_size)
    ]
    features = np.concatenate(parts)
    return features / np.linalg.norm(features, axis=1, keepdims=True)


if __name__ == "__main__":
    np.save(sys.argv[3], embed(sys.argv[1], np.load(sys.argv[2])))
