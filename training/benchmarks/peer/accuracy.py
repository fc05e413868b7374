"""The peer's side of `time_to_accuracy.py`: a training that ends when its time is up."""

import itertools
import math
import time

import numpy as np
import torch
from PIL import Image
from timing import Prepared
from torch import nn

from peer import networks, ssl
from peer.views import simclr

# Standard deviation of a normal distribution of deviation 1 that is cut at 2.
_TRUNCATED = 0.87962566


def train(
    images,
    network,
    method,
    views,
    optimizer,
    batch_size,
    seconds,
    seed,
    held_out,
    warm_up,
    features,
    workers,
    bfloat16,
):
    """Trains for `seconds`, and writes all images' features; see `ours/accuracy.py`.

    Args:
        images, seconds, seed, held_out, warm_up, features: As there.
        network: Arguments of `networks.resnet_small`.
        method: Name in `ssl`, with `loss`, and its arguments.
        views: Arguments of `views.simclr`.
        optimizer: Arguments of `torch.optim.SGD`.
        batch_size: Images in a step.
        workers: Processes that make views.
        bfloat16: Whether the network runs under autocast. The loss does not, as on our side.
    """
    began = time.perf_counter()
    images = np.load(images)
    torch.manual_seed(seed)
    encoder = nn.Sequential(Centred(), networks.resnet_small(**network, channels=images.shape[-1]))
    encoder.feature_dim = encoder[1].feature_dim
    name, arguments = method
    model = getattr(ssl, name)(encoder, **arguments)
    model.apply(as_in_keras)
    model.to(memory_format=torch.channels_last).train()
    sgd = torch.optim.SGD(model.parameters(), **optimizer)
    started = None
    for step, batch in enumerate(_batches(images, held_out, views, batch_size, workers), -warm_up):
        if step == 0:
            started = time.perf_counter()
            sgd.state.clear()  # momentum of the warm-up
        if step < 0:
            rate = 0.0
        else:
            passed = (time.perf_counter() - started) / seconds
            if passed >= 1:
                break
            rate = optimizer["lr"] * (math.cos(math.pi * passed) + 1) / 2
        sgd.param_groups[0]["lr"] = rate
        batch = [view.to(memory_format=torch.channels_last) for view in batch]
        with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
            embeddings = model.embed(batch)
        loss = model.loss(*(z.float() for z in embeddings))
        sgd.zero_grad()
        loss.backward()
        sgd.step()
        loss.item()
    ended = time.perf_counter()
    np.save(features, _embedded(encoder, images))
    facts = {
        "seconds": ended - started,
        "start_seconds": started - began,
        "steps": step,
        "precision": "bfloat16 (autocast)" if bfloat16 else "float32",
        "parameters": networks.parameters(model),
    }
    return Prepared(lambda seconds: seconds, batch_size, facts)


class Centred(nn.Module):
    """Pixels from [0, 1] to [-1, 1], as our encoders begin."""

    def forward(self, x):
        return x * 2 - 1


@torch.no_grad()
def as_in_keras(module):
    """Weights drawn as ours are: He's for convolutions, Glorot's for dense layers, biases 0."""
    if isinstance(module, nn.Conv2d):
        fan_in = module.weight[0].numel()
        deviation = math.sqrt(2 / fan_in) / _TRUNCATED
        nn.init.trunc_normal_(module.weight, std=deviation, a=-2 * deviation, b=2 * deviation)
    elif isinstance(module, nn.Linear):
        nn.init.xavier_uniform_(module.weight)
        if module.bias is not None:
            nn.init.zeros_(module.bias)


class TwoViews(torch.utils.data.Dataset):
    """The two views of every image, on PIL images."""

    def __init__(self, images, views):
        self.images = images[..., 0] if images.shape[-1] == 1 else images
        self.view = simclr(**views)

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        image = Image.fromarray(self.images[index])
        return self.view(image), self.view(image)


def _batches(images, held_out, views, batch_size, workers):
    """Epoch after epoch of batches; the processes that make them live on between epochs."""
    loader = torch.utils.data.DataLoader(
        TwoViews(images[: len(images) - held_out], views),
        batch_size,
        shuffle=True,
        num_workers=workers,
        drop_last=True,
        persistent_workers=workers > 0,
    )
    return itertools.chain.from_iterable(itertools.repeat(loader))


@torch.inference_mode()
def _embedded(encoder, images):
    encoder.eval()
    found = []
    for start in range(0, len(images), 256):
        batch = torch.from_numpy(images[start : start + 256]).permute(0, 3, 1, 2).float() / 255
        found.append(encoder(batch.contiguous(memory_format=torch.channels_last)).numpy())
    return np.concatenate(found)
