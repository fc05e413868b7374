"""The same networks in PyTorch: layer for layer, so that the numbers of parameters are equal."""

import itertools

from torch import nn

from peer.vit import ViT


class BasicBlock(nn.Module):
    expansion = 1

    def __init__(self, channels, width, stride):
        super().__init__()
        self.body = nn.Sequential(
            *_conv_bn(channels, width, 3, stride), nn.ReLU(True), *_conv_bn(width, width, 3, 1)
        )
        self.shortcut = _shortcut(channels, width, stride)
        self.relu = nn.ReLU(True)

    def forward(self, x):
        return self.relu(self.body(x) + self.shortcut(x))


class Bottleneck(nn.Module):
    expansion = 4

    def __init__(self, channels, width, stride):
        super().__init__()
        self.body = nn.Sequential(
            *_conv_bn(channels, width, 1, 1),
            nn.ReLU(True),
            *_conv_bn(width, width, 3, stride),
            nn.ReLU(True),
            *_conv_bn(width, 4 * width, 1, 1),
        )
        self.shortcut = _shortcut(channels, 4 * width, stride)
        self.relu = nn.ReLU(True)

    def forward(self, x):
        return self.relu(self.body(x) + self.shortcut(x))


def resnet_small(width=16, blocks=1, channels=3, grid=1):
    widths = [width, 2 * width, 4 * width]
    return _resnet(BasicBlock, [blocks] * 3, widths, channels, "small", grid)


def resnet18(stem="small", channels=3):
    return _resnet(BasicBlock, [2, 2, 2, 2], [64, 128, 256, 512], channels, stem)


def resnet50(stem="standard", channels=3):
    return _resnet(Bottleneck, [3, 4, 6, 3], [64, 128, 256, 512], channels, stem)


def vit_small(depth=12, image_size=224, patch_size=16):
    return ViT(384, 6, depth, image_size, patch_size)


def vit_tiny(depth=12, image_size=224, patch_size=16):
    return ViT(192, 3, depth, image_size, patch_size)


def mlp(widths, batch_norm=True, last_batch_norm=None, last_bias=True, activation=nn.ReLU):
    """Linear, batch norm and activation, and a linear layer behind them; `widths` from input on."""
    layers = []
    for inputs, outputs in itertools.pairwise(widths[:-1]):
        layers.append(nn.Linear(inputs, outputs, bias=not batch_norm))
        if batch_norm:
            layers.append(nn.BatchNorm1d(outputs))
        layers.append(activation())
    layers.append(nn.Linear(*widths[-2:], bias=last_bias and last_batch_norm is None))
    if last_batch_norm is not None:
        layers.append(nn.BatchNorm1d(widths[-1], affine=last_batch_norm == "affine"))
    return nn.Sequential(*layers)


def parameters(module):
    """Number of parameters that are trained."""
    return sum(p.numel() for p in module.parameters() if p.requires_grad)


def _resnet(block, depths, widths, channels, stem, grid=1):
    layers = _conv_bn(channels, widths[0], *((3, 1) if stem == "small" else (7, 2)))
    layers.append(nn.ReLU(True))
    if stem == "standard":
        layers.append(nn.MaxPool2d(3, 2, 1))
    channels = widths[0]
    for stage, (depth, width) in enumerate(zip(depths, widths, strict=True)):
        for index in range(depth):
            layers.append(block(channels, width, 2 if stage > 0 and index == 0 else 1))
            channels = block.expansion * width
    network = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(grid), nn.Flatten())
    network.feature_dim = channels * grid**2
    return network


def _conv_bn(inputs, outputs, kernel, stride):
    conv = nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2, bias=False)
    return [conv, nn.BatchNorm2d(outputs)]


def _shortcut(inputs, outputs, stride):
    if stride == 1 and inputs == outputs:
        return nn.Identity()
    return nn.Sequential(*_conv_bn(inputs, outputs, 1, stride))
