"""The peer's encoders: training step and inference, eager and in channels_last."""

import torch
from timing import repeated

from peer import networks


def training_step(network, batch_size, size=32, channels=3, **options):
    """Forward and backward pass."""
    encoder, images = _encoder_and_images(network, batch_size, size, channels, options)

    def call():
        encoder.zero_grad()
        encoder(images).mean().backward()

    return repeated(call, batch_size, {"parameters": networks.parameters(encoder)}, least=2)


def inference(network, batch_size, size=32, channels=3, **options):
    """Forward pass of the eager encoder."""
    encoder, images = _encoder_and_images(network, batch_size, size, channels, options)
    encoder.eval()

    @torch.inference_mode()
    def call():
        encoder(images)

    return repeated(call, batch_size, least=10)


def _encoder_and_images(network, batch_size, size, channels, options):
    torch.manual_seed(0)
    encoder = getattr(networks, network)(channels=channels, **options)
    images = torch.rand(batch_size, channels, size, size)
    layout = torch.channels_last
    return encoder.to(memory_format=layout), images.to(memory_format=layout)
