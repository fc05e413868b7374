"""Features of images from an exported encoder, with ONNX Runtime and NumPy alone.

    python embed.py encoder.onnx cat.png dog.jpg --out features.npz

Prints the cosine similarity of every pair of images, and saves L2-normalised features `(N, D)` with
`--out`. Images: `.npy` arrays (H, W, C), (H, W) or a batch (N, H, W, C), floats in [0, 1] or 8-bit;
`.pgm` and `.ppm`; PNG, JPEG and the rest where Pillow is installed. No resizing: images of another
size than the encoder's are refused, since how to crop them is yours to decide.
"""

import argparse
import re
import sys
from pathlib import Path

import numpy as np
import onnxruntime


def open_encoder(path):
    """An ONNX Runtime session; its input is `images` (batch, H, W, C), its output `features`."""
    if not Path(path).is_file():
        raise ValueError(f"{path}: no such file")
    try:
        session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime's own classes, one per cause
        raise ValueError(f"{path}: not an ONNX model ({str(error).splitlines()[0]})") from error
    ends = [end.name for end in (*session.get_inputs(), *session.get_outputs())]
    if ends != ["images", "features"]:
        raise ValueError(f"{path}: its ends are {ends}; an exported encoder has images, features")
    return session


def read_netpbm(data):
    """A binary PGM (P5) or PPM (P6) of 8 bits per sample as a uint8 array (H, W, C)."""
    token = rb"(?:\s|#[^\n]*\n)+(\d+)"
    head = re.match(rb"P([56])" + 3 * token + rb"\s", data)
    if head is None or not 0 < int(head[4]) < 256:
        raise ValueError("not a binary PGM or PPM of 8 bits per sample")
    width, height, channels = int(head[2]), int(head[3]), 1 if head[1] == b"5" else 3
    pixels = np.frombuffer(data, np.uint8, offset=head.end())
    if pixels.size < height * width * channels:
        raise ValueError("the file ends early")
    pixels = pixels[: height * width * channels].reshape(height, width, channels)
    return np.rint(pixels * (255 / int(head[4]))).astype(np.uint8)


def pixels_of(image, channels):
    """The pixels of a Pillow image, grey or RGB: uint8, or of more bits floats in [0, 1]."""
    if not image.mode.startswith(("I", "F")):
        return np.asarray(image.convert("L" if channels == 1 else "RGB"))
    # 16 bits of grey: Pillow's `convert` would cut all values at 255, which makes the image white.
    if image.mode == "F" or np.max(image) > 65535:
        raise ValueError(f"pixels of Pillow's mode {image.mode}, not of 8 or 16 bits")
    grey = np.asarray(image, dtype=np.float32)[..., None] / 65535
    return np.repeat(grey, channels, axis=-1)


def read_images(path, shape):
    """The images of a file as float32 (N, H, W, C) in [0, 1], checked against the encoder."""
    path, channels = Path(path), shape[-1]
    if path.suffix.lower() == ".npy":
        images = np.load(path, allow_pickle=False)
    elif path.suffix.lower() in (".pgm", ".ppm"):
        images = read_netpbm(path.read_bytes())
    else:
        try:
            from PIL import Image
        except ImportError:
            raise ValueError("needs Pillow (pip install pillow); .npy, .pgm, .ppm do not") from None
        with Image.open(path) as image:
            images = pixels_of(image, channels)
    if images.ndim == 2:
        images = images[..., None]
    if images.ndim == 3:
        images = images[None]
    if images.dtype == np.uint8:
        images = images / 255
    if images.dtype.kind != "f" or not images.size:
        raise ValueError(f"{images.dtype} of shape {images.shape}, not images of floats or 8 bits")
    if not (images.min() >= 0 and images.max() <= 1):  # false for NaN too
        raise ValueError(f"values from {images.min()} to {images.max()}, not in [0, 1]")
    fits = images.ndim == 4 and all(
        not isinstance(size, int) or size == received
        for size, received in zip(shape[1:], images.shape[1:], strict=True)
    )
    if not fits:
        raise ValueError(f"shape {images.shape[1:]}, the encoder takes {tuple(shape[1:])}")
    return images.astype(np.float32)


def embed(session, images, batch_size=64):
    """L2-normalised features (N, D); a feature of length 0 stays 0."""
    parts = [
        session.run(["features"], {"images": images[start : start + batch_size]})[0]
        for start in range(0, len(images), batch_size)
    ]
    features = np.concatenate(parts)
    return features / np.maximum(np.linalg.norm(features, axis=1, keepdims=True), 1e-12)


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("encoder", help="encoder.onnx of an export bundle or a zoo entry")
    parser.add_argument("images", nargs="+", help=".npy, .pgm, .ppm; PNG and JPEG with Pillow")
    parser.add_argument("--out", help="file.npz for the arrays `features` and `names`")
    options = parser.parse_args(arguments)
    try:
        session = open_encoder(options.encoder)
        names, features = [], []
        for path in options.images:
            try:
                images = read_images(path, session.get_inputs()[0].shape)
            except (OSError, ValueError, EOFError) as error:
                raise ValueError(f"{path}: {error}") from error
            names += [path if len(images) == 1 else f"{path}[{i}]" for i in range(len(images))]
            features.append(embed(session, images))
        features = np.concatenate(features)
        if options.out:
            with open(options.out, "wb") as file:
                np.savez(file, features=features, names=np.array(names))
    except (OSError, ValueError) as error:
        print(f"embed.py: {error}", file=sys.stderr)
        return 1
    print(f"{len(features)} images, {features.shape[1]} features each; cosine similarity:")
    for name, row in zip(names, features @ features.T, strict=True):
        print(" ".join(f"{cosine:6.3f}" for cosine in row), name)
    return 0


if __name__ == "__main__":
    sys.exit(main())
