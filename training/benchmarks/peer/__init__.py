"""The peer's side: PyTorch, with the views and steps that users of its SSL libraries write."""


def limit_threads(count):
    """At most `count` threads for one operation; PyTorch runs one operation at a time."""
    import torch

    torch.set_num_threads(count)


def forget():
    """Nothing: PyTorch keeps no global state."""


def versions():
    """Versions of what does the work."""
    import PIL
    import torch

    from peer.views import TORCHVISION

    return {"torch": torch.__version__, "torchvision": TORCHVISION, "pillow": PIL.__version__}
