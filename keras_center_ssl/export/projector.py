"""The projector beside the encoder, `heads=True`: a file of its own in every float32 format.

It takes the encoder's features `(B, D)` and gives the embeddings `(B, P)` that the training's loss
worked on. Of its own, and not a second output of the encoder's file: whoever wants features alone
then computes and loads no more than these, and encoder files look the same with and without it.
"""

from keras_center_ssl.encoders import plain
from keras_center_ssl.errors import InputError
from keras_center_ssl.export import configs, parity
from keras_center_ssl.export.ends import EMBEDDINGS, OUTPUT


def projector_of(model, selected):
    """The projector of a method, in float32, and the formats among `selected` it is written in.

    Raises:
        InputError: Where there is none, or no format for it.
    """
    projector = getattr(model, "projector", None)
    if projector is None:
        raise InputError(
            "heads=True exports a method's projector beside its encoder; received "
            f"{type(model).__name__}, which has none. Pass the method (model, not model.encoder), "
            "or heads=False."
        )
    formats = [each for each in selected if each.lowest_cosine is None]
    if not formats:
        raise InputError(
            "heads=True writes the projector in float32 formats; received "
            f"{', '.join(each.name for each in selected)}. Add 'keras' or 'onnx' to formats=."
        )
    return configs.in_float32(projector), formats


def write(projector, formats, folder, features, *, opset, properties):
    """Writes the projector and runs what was written on the encoder's `features`.

    Args:
        projector: As `projector_of` gives it.
        formats: The `Format`s to write.
        folder: The bundle's.
        features: Batches `(B, D)` of the encoder's features.
        opset: ONNX operator set.
        properties: What its ONNX file says of itself.

    Returns:
        Its part of the record: `input`, `output`, `embedding_dim`, `parameters`, `formats` and
        `parity`.
    """
    copy = plain(projector)
    expected = parity.features_of(projector, features)
    results = {}
    for each in formats:
        path = folder / each.projector_file
        predict = each.write(copy, path, opset=opset, properties=properties)
        results[each.name] = parity.compare(predict, features, expected)
    return {
        "input": {"name": OUTPUT, "shape": list(projector.input_shape[1:]), "dtype": "float32"},
        "output": EMBEDDINGS,
        "embedding_dim": int(projector.output_shape[-1]),
        "parameters": int(projector.count_params()),
        "formats": {each.name: each.projector_file for each in formats},
        "parity": results,
    }
