"""Encoders that suit images of a size, from the largest to the smallest, and what they cost."""

import dataclasses

# Stages of each network: blocks and width; multiplications per weight follow from them.
_RESNET18 = ((2, 64), (2, 128), (2, 256), (2, 512))


@dataclasses.dataclass(frozen=True)
class EncoderChoice:
    """An encoder at an image size.

    Attributes:
        name: As in a recipe.
        arguments: Its arguments in a recipe.
        size: Side of the views in pixels.
        channels: Of the images.
    """

    name: str
    arguments: dict
    size: int
    channels: int

    @property
    def stages(self):
        if self.name == "resnet18":
            return _RESNET18
        width = self.arguments["width"]
        return tuple((1, width * factor) for factor in (1, 2, 4))

    @property
    def features(self):
        """Dimension of its features."""
        return self.stages[-1][1]

    @property
    def stride(self):
        """How many pixels one place of the last feature map stands for."""
        stem = 4 if self.arguments.get("stem") == "standard" else 1
        return stem * 2 ** (len(self.stages) - 1)

    def operations(self, views):
        """Floating-point operations of a training step for each image, forward and backward.

        Each view is passed forward once and backward once, which costs twice as much; a
        multiplication with its addition counts as two.
        """
        side = self.size
        width = self.stages[0][1]
        if self.arguments.get("stem") == "standard":
            total = 49 * self.channels * width * (side / 2) ** 2
            side /= 4
        else:
            total = 9 * self.channels * width * side**2
        before = width
        for number, (blocks, width) in enumerate(self.stages):
            side /= 1 if number == 0 else 2
            inner = (2 * blocks - 1) * 9 * width * width
            total += (9 * before * width + inner) * side**2
            before = width
        return 2 * 3 * views * total


def candidates(shorter_side, count, channels):
    """Encoders and sizes for images, largest first; there is always one.

    Args:
        shorter_side: Of the images, in pixels.
        count: How many there are: large networks need many.
        channels: Of the images.
    """
    if shorter_side <= 64:
        size = max(8, shorter_side)
        pairs = [("resnet18", size), (64, size), (32, size), (16, size)]
        stem = "small"
    else:
        pairs = [("resnet18", 224), ("resnet18", 160), ("resnet18", 128)]
        pairs += [(64, 128), (64, 96), (32, 96), (32, 72), (16, 72)]
        pairs = [(kind, size) for kind, size in pairs if size <= shorter_side] or [(16, 65)]
        stem = "standard"
    found = []
    for kind, size in pairs:
        if kind == "resnet18" and (count < 10_000 or size < 24):
            continue
        if kind == 64 and (count < 200 or size < 16):
            continue
        name, arguments = (
            ("resnet18", {}) if kind == "resnet18" else ("resnet_small", {"width": kind})
        )
        found.append(EncoderChoice(name, {**arguments, "stem": stem}, size, channels))
    return found
