"""Training steps on a GPU in PyTorch: bfloat16 by autocast, channels_last, compiled."""

import torch
from timing import repeated

from peer import networks, ssl

STEPS = 10  # in one unit of work: a training loop does not wait for every step's end


def step(method, arguments, network, batch_size, size):
    """One training step; its two views lie on the device. See `ours/accelerator.py`."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.manual_seed(0)
    name, options = network
    model = getattr(ssl, method)(getattr(networks, name)(**options), **arguments)
    model = model.to(device, memory_format=torch.channels_last).train()
    loss_of = torch.compile(model)
    views = [
        torch.rand(batch_size, 3, size, size).to(device, memory_format=torch.channels_last)
        for _ in range(2)
    ]
    trained = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.SGD(trained, lr=0.03, momentum=0.9)

    def call():
        for _ in range(STEPS):
            with torch.autocast(device, torch.bfloat16):
                loss = loss_of(views)
            optimizer.zero_grad()
            loss.backward()
            model.clip()
            optimizer.step()
            model.after_step()
        loss.item()

    prepared = repeated(call, STEPS * batch_size)
    used = torch.cuda.max_memory_allocated() if device == "cuda" else 0
    prepared.facts = {"parameters": networks.parameters(model), "GiB": used / 2**30}
    return prepared
