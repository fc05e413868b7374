"""SimCLR on a GPU in PyTorch: automatic mixed precision in bfloat16, channels_last, eager."""

import torch
from timing import repeated

from peer import networks, ssl


def step(network, batch_size, size, **options):
    """One training step; views lie on the device."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.manual_seed(0)
    encoder = getattr(networks, network)(**options)
    model = ssl.SimCLR(encoder, temperature=0.5, hidden_dim=2048, output_dim=128)
    model = model.to(device, memory_format=torch.channels_last).train()
    views = [
        torch.rand(batch_size, 3, size, size).to(device, memory_format=torch.channels_last)
        for _ in range(2)
    ]
    optimizer = torch.optim.SGD(model.parameters(), lr=0.03, momentum=0.9)

    def call():
        with torch.autocast(device, torch.bfloat16):
            loss = model(views)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        loss.item()

    facts = {"parameters": networks.parameters(model), "device": device}
    return repeated(call, 2 * batch_size, facts, least=10)
