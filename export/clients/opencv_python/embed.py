"""Features of images from an exported encoder, with OpenCV's DNN module.

    python embed.py encoder.onnx images.npy features.npy

`images.npy`: (N, H, W, C), floats in [0, 1] or 8-bit pixels. `features.npy`: (N, D), of length 1.
"""

import sys

import cv2
import numpy as np


def embed(file, images, batch_size=64):
    """Features (N, D), L2-normalised."""
    net = cv2.dnn.readNetFromONNX(file)
    if images.dtype == np.uint8:
        images = images / np.float32(255)
    images = images.astype(np.float32)
    parts = []
    for start in range(0, len(images), batch_size):
        part = images[start : start + batch_size]
        # As it is: `blobFromImages` would put the channels first, which this encoder does itself.
        net.setInput(part, "images")
        # OpenCV 4 gives (N, 1, D).
        parts.append(net.forward().reshape(len(part), -1))
    features = np.concatenate(parts)
    return features / np.linalg.norm(features, axis=1, keepdims=True)


if __name__ == "__main__":
    np.save(sys.argv[3], embed(sys.argv[1], np.load(sys.argv[2])))
