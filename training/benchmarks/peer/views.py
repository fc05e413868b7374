"""SimCLR's views on PIL images, in the worker processes of a DataLoader."""

import random
import sys
import time
import types

import numpy as np
import photographs
import torch
from PIL import Image, ImageFilter
from timing import Prepared


def _torchvision():
    """torchvision's transforms and its version, or `None` twice."""
    for module in ("", "torchvision._meta_registrations"):
        if module:
            # A torchvision that was built for another PyTorch lacks its compiled operations
            # (boxes, video). Its transforms of PIL images are Python, and work without them.
            sys.modules[module] = types.ModuleType(module)
        try:
            import torchvision
            from torchvision import transforms

            return transforms, torchvision.__version__
        except (ImportError, RuntimeError):
            sys.modules.pop("torchvision", None)
    return None, None


transforms, TORCHVISION = _torchvision()


class Blur:
    """Gaussian blur by Pillow, as SSL libraries for PyTorch have it."""

    def __init__(self, sigma):
        self.sigma = sigma

    def __call__(self, image):
        return image.filter(ImageFilter.GaussianBlur(random.uniform(*self.sigma)))


def simclr(size, **strengths):
    """SimCLR's recipe with the strengths of `kcs.views.simclr`, under its names."""
    if transforms is None:
        from peer.pillow_views import simclr as pillow_simclr

        return pillow_simclr(size, **strengths)
    return _simclr(size, **strengths)


def _simclr(
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
    t = transforms
    mode = t.InterpolationMode(interpolation)
    jitter = t.ColorJitter(brightness, contrast, saturation, hue)
    steps = [
        t.RandomResizedCrop(size, scale=area, ratio=aspect, interpolation=mode),
        t.RandomHorizontalFlip(flip),
        t.RandomApply([jitter], p=jitter_probability),
        t.RandomGrayscale(grey) if grey else None,
        t.RandomApply([Blur(sigma)], p=blur) if blur else None,
        t.ToTensor(),
    ]
    return t.Compose([step for step in steps if step is not None])


class TwoViews(torch.utils.data.Dataset):
    """`count` items: the two views of an image of a few that are held in memory."""

    def __init__(self, size, channels, count):
        images = np.random.default_rng(0).integers(0, 256, (256, size, size, channels), "uint8")
        self.images = images[..., 0] if channels == 1 else images
        self.count = count
        self.view = simclr(size)

    def __len__(self):
        return self.count

    def __getitem__(self, index):
        image = Image.fromarray(self.images[index % len(self.images)])
        return self.view(image), self.view(image)


class TwoViewsOfFiles(torch.utils.data.Dataset):
    """`count` items: the two views of a photograph, read as torchvision's ImageFolder does."""

    def __init__(self, size, count):
        self.files = sorted(photographs.folder().rglob("*.jpg"))
        self.count = count
        self.view = simclr(size)

    def __len__(self):
        return self.count

    def __getitem__(self, index):
        with open(self.files[index % len(self.files)], "rb") as file:
            image = Image.open(file).convert("RGB")
        return self.view(image), self.view(image)


def loader(size, channels, batch_size, workers, steps):
    """An iterator over `steps` batches of two views."""
    return _load(TwoViews(size, channels, steps * batch_size), batch_size, workers)


def _load(dataset, batch_size, workers):
    return iter(
        torch.utils.data.DataLoader(
            dataset, batch_size, shuffle=True, num_workers=workers, drop_last=True
        )
    )


def data_loader(size, channels, batch_size, workers):
    """The views alone; counted in views."""
    return _paced(
        lambda steps: loader(size, channels, batch_size, workers, steps), batch_size, workers
    )


def folder(size, batch_size, workers):
    """The same from JPEGs of 500 x 375 pixels."""

    def batches(steps):
        return _load(TwoViewsOfFiles(size, steps * batch_size), batch_size, workers)

    return _paced(batches, batch_size, workers)


def _paced(batches_of, batch_size, workers):
    def pace(steps):
        batches = batches_of(steps + 3)
        for _ in range(3):
            next(batches)
        start = time.perf_counter()
        for _ in batches:
            pass
        return (time.perf_counter() - start) / steps

    first = pace(3)

    def run(seconds):
        # Whole rounds of all workers, so that none is counted while it is idle.
        return pace(workers * max(2, round(seconds / first / workers)))

    return Prepared(run, 2 * batch_size, {"views": "torchvision" if TORCHVISION else "Pillow"})
