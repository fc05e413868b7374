"""The peer's methods: one step, and a loop over a DataLoader with its views."""

import itertools
import time

import torch
from timing import Prepared, per_step, repeated, resident

from peer import networks, ssl
from peer.views import loader

SKIPPED = 4  # steps until views and steps have settled to a common pace


def step(
    method,
    arguments,
    batch_size,
    size=32,
    width=16,
    layout="channels_last",
    precision="float32",
):
    """One training step on views that are there already."""
    model, update = _training(method, arguments, width, layout, precision)
    views = [torch.rand(batch_size, 3, size, size) for _ in range(2)]
    facts = {"parameters": networks.parameters(model)}
    return repeated(lambda: update(views), 2 * batch_size, facts)


def fit(method, arguments, batch_size, workers, size=32, width=16, precision="float32"):
    """A step of a training, views included, from images in memory."""
    _, update = _training(method, arguments, width, precision=precision)

    def stamps(steps):
        # Workers that live on would fill their queues while another contestant is timed. And they
        # have work to the end: idle ones would leave the cores to the last steps.
        batches = loader(size, 3, batch_size, workers, steps + 4 * workers)
        found = []
        for views in itertools.islice(batches, steps):
            update(views)
            found.append(time.perf_counter())
        return found

    pace = per_step(stamps(SKIPPED + 3), SKIPPED)

    def run(seconds):
        return per_step(stamps(SKIPPED + 1 + max(3, round(seconds / pace))), SKIPPED)

    return Prepared(run, 2 * batch_size)


def memory(method, arguments, batch_size, size=32, width=16, steps=5):
    """Peak memory of a few steps. In a process of its own: a peak never falls."""
    before = resident("VmRSS")
    contestant = step(method, arguments, batch_size, size, width)
    for _ in range(steps):
        contestant.run(0.0)
    contestant.facts |= {"peak": resident("VmHWM"), "before": before}
    return contestant


def _training(method, arguments, width, layout="channels_last", precision="float32"):
    layout = getattr(torch, layout)
    # Automatic mixed precision: weights stay in float32, products are in bfloat16.
    mixed = precision == "mixed_bfloat16"
    torch.manual_seed(0)
    encoder = networks.resnet_small(width)
    model = getattr(ssl, method)(encoder, **arguments).train()
    model = model.to(memory_format=layout)
    trained = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.SGD(trained, lr=0.03, momentum=0.9)

    def update(views):
        views = [view.to(memory_format=layout) for view in views]
        with torch.autocast("cpu", torch.bfloat16, enabled=mixed):
            loss = model(views)
        optimizer.zero_grad()
        loss.backward()
        model.clip()
        optimizer.step()
        model.after_step()
        return loss.item()

    return model, update
