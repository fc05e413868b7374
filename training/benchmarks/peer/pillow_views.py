"""SimCLR's recipe in Pillow alone, for machines without torchvision: the same operations.

Each is drawn as torchvision draws it, and calls what torchvision's calls for a PIL image.
"""

import math
import random

import numpy as np
import torch
from PIL import Image, ImageEnhance, ImageFilter


def simclr(
    size,
    area=(0.08, 1.0),
    aspect=(3 / 4, 4 / 3),
    flip=0.5,
    interpolation="bicubic",
    brightness=0.8,
    contrast=0.8,
    saturation=0.8,
    hue=0.2,
    jitter_probability=0.8,
    grey=0.2,
    blur=0.5,
    sigma=(0.1, 2.0),
):
    """A function from a PIL image to a tensor `(C, size, size)` in [0, 1]."""
    resampling = Image.Resampling[interpolation.upper()]
    enhancers = {
        ImageEnhance.Brightness: brightness,
        ImageEnhance.Contrast: contrast,
        ImageEnhance.Color: saturation,
    }

    def view(image):
        image = _crop(image, size, area, aspect, resampling)
        if random.random() < flip:
            image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        if random.random() < jitter_probability:
            image = _jitter(image, enhancers, hue)
        if random.random() < grey:
            image = image.convert("L").convert(image.mode)
        if random.random() < blur:
            image = image.filter(ImageFilter.GaussianBlur(random.uniform(*sigma)))
        return _tensor(image)

    return view


def _crop(image, size, area, aspect, resampling):
    width, height = image.size
    for _ in range(10):
        target = random.uniform(*area) * width * height
        ratio = math.exp(random.uniform(math.log(aspect[0]), math.log(aspect[1])))
        w, h = round(math.sqrt(target * ratio)), round(math.sqrt(target / ratio))
        if 0 < w <= width and 0 < h <= height:
            left, top = random.randint(0, width - w), random.randint(0, height - h)
            break
    else:
        w = h = min(width, height)
        left, top = (width - w) // 2, (height - h) // 2
    image = image.crop((left, top, left + w, top + h))
    return image.resize((size, size), resampling)


def _jitter(image, enhancers, hue):
    operations = [*enhancers.items(), (None, hue)]
    random.shuffle(operations)
    for enhancer, strength in operations:
        if not strength:
            continue
        if enhancer is not None:
            low = max(0.0, 1 - strength)
            image = enhancer(image).enhance(random.uniform(low, 1 + strength))
        elif image.mode != "L":
            image = _turn_hue(image, random.uniform(-hue, hue))
    return image


def _turn_hue(image, turn):
    hue, saturation, value = image.convert("HSV").split()
    turned = np.asarray(hue) + np.array(turn * 255).astype("int64").astype("uint8")
    hue = Image.fromarray(turned.astype("uint8"), "L")
    return Image.merge("HSV", (hue, saturation, value)).convert(image.mode)


def _tensor(image):
    array = np.array(image, dtype="uint8")
    array = array[..., None] if array.ndim == 2 else array
    return torch.from_numpy(array).permute(2, 0, 1).contiguous().float().div(255)
