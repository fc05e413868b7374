"""`encoder.onnx`: float32, its ends named, its batch free, checked before it is kept."""

import onnx
import onnxruntime

from keras_center_ssl.encoders.whitening import LAYER as WHITENING
from keras_center_ssl.errors import InputError
from keras_center_ssl.export.ends import ends_of

# What tf2onnx 1.17 writes and ONNX Runtime runs; the ends of the range are in the tests.
OPSETS = range(11, 19)


def check_opset(opset):
    """Raises `InputError` for an operator set that is not written."""
    if opset not in OPSETS:
        raise InputError(
            f"ONNX opset {opset!r} is not supported; accepted: {OPSETS[0]} to {OPSETS[-1]}. "
            "Opset 17 is the default and runs on ONNX Runtime 1.12 and later."
        )


def write(encoder, path, opset, properties):
    """Writes the file; `properties` are what it says of itself."""
    # Here, not above: where another backend runs, a process of TensorFlow's own converts.
    from keras_center_ssl.export.onnx_conversion import to_onnx

    model = to_onnx(encoder, opset)
    _name_the_ends(model, encoder)
    for key, value in properties.items():
        entry = model.metadata_props.add()
        entry.key, entry.value = key, str(value)
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, str(path))


def read(path):
    """A function from images to features that runs the file with ONNX Runtime."""
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    (given,), (got,) = session.get_inputs(), session.get_outputs()
    return lambda images: session.run([got.name], {given.name: images})[0]


def kept_in_float32(model):
    """The nodes of a model that stay float32 where the others lose bits: those of a whitening.

    It subtracts a long mean and multiplies what is left by up to thousands. It costs nothing.
    """
    return [node.name for node in model.graph.node if f"/{WHITENING}" in f"/{node.name}"]


def _name_the_ends(model, encoder):
    """Names input, output and the free dimensions; drops what is of tf2onnx alone."""
    graph = model.graph
    given, got = ends_of(encoder)
    renamed = {graph.input[0].name: given, graph.output[0].name: got}
    for node in graph.node:
        for names in (node.input, node.output):
            for position, name in enumerate(names):
                names[position] = renamed.get(name, name)
    image, features = graph.input[0], graph.output[0]
    free = ("batch", "height", "width", "") if len(encoder.input_shape) == 4 else ("batch", "")
    for end, dimensions in ((image, free), (features, ("batch", ""))):
        end.name = renamed[end.name]
        for dimension, name in zip(end.type.tensor_type.shape.dim, dimensions, strict=True):
            if not dimension.HasField("dim_value"):
                dimension.dim_param = name
    features.type.tensor_type.shape.dim[1].dim_value = encoder.output_shape[-1]
    del graph.value_info[:]  # shapes of inner tensors, under tf2onnx's own dimension names
    graph.doc_string = f"{given}{' in [0, 1]' if len(free) == 4 else ''} to {got}"
    used = {node.domain for node in graph.node}
    versions = [(entry.domain, entry.version) for entry in model.opset_import]
    del model.opset_import[:]
    for domain, version in versions:
        if domain in used or domain == "":
            entry = model.opset_import.add()
            entry.domain, entry.version = domain, version
