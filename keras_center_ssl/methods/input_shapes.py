"""What an encoder takes and what it was given, compared and put in words."""

from keras_center_ssl.errors import InputError


def fits(encoder, shape, any_size=False):
    """Whether a batch of `shape` goes into `encoder`; `any_size` looks at the last axis only."""
    if shape is None:
        return True
    first = len(shape) - 1 if any_size else 1
    pairs = zip(encoder.input_shape[first:], shape[first:], strict=True)
    return all(None in pair or pair[0] == pair[1] for pair in pairs)


def other_size(encoder, what, shape):
    """The error for a batch of `what` that does not."""
    size = tuple(shape[1:])
    if len(size) != 3:
        return InputError(
            f"The encoder {encoder.name!r} takes inputs of shape {encoder.input_shape[1:]}; the "
            f"{what} are of shape {size}. Build the encoder for them, with keras.Input({size})."
        )
    return InputError(
        f"The encoder {encoder.name!r} takes images of {size_of(encoder.input_shape[1:])}; the "
        f"{what} are of {size_of(size)}. Make {what} of the encoder's size, or build the encoder "
        f"for them, with input_shape={size}."
    )


def rank_of(model):
    """Axes of the encoder's input, the batch's among them: 4 for images."""
    return len(model.encoder.input_shape)


def axes_of(model):
    """The encoder's input in words."""
    sizes = ("any" if n is None else str(n) for n in model.encoder.input_shape[1:])
    return "(B, H, W, C)" if rank_of(model) == 4 else f"(B, {', '.join(sizes)})"


def kind_of(model):
    """What a batch holds, with its axes."""
    return f"{'images' if rank_of(model) == 4 else 'inputs'} {axes_of(model)}"


def size_of(shape):
    """The size of an image in words."""
    height, width, channels = ("any" if n is None else n for n in shape)
    return f"{height} x {width} pixels and {channels} channel{'' if channels == 1 else 's'}"


def shape_of(value):
    """The shape as a tuple; `None` where it is not known."""
    try:
        return tuple(value.shape)
    except (AttributeError, ValueError):
        return None


def described(value):
    """What was received, in words."""
    if isinstance(value, dict):
        return f"a dict with the keys {sorted(map(str, value))}"
    if isinstance(value, (tuple, list)):
        return f"a {type(value).__name__} of {len(value)}"
    if hasattr(value, "shape"):
        return f"a tensor of shape {shape_of(value)}"
    return repr(value) if value is None or isinstance(value, str) else type(value).__name__
