"""What the ends of an exported model are called, in every format that names them."""

INPUT = "images"
OUTPUT = "features"
EMBEDDINGS = "embeddings"


def ends_of(model):
    """Names of input and output: of an encoder, or of a projector `(B, D)` to `(B, P)`."""
    return (INPUT, OUTPUT) if len(model.input_shape) == 4 else (OUTPUT, EMBEDDINGS)
