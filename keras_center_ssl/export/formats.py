"""One function per export format: it writes the file and returns a function that runs that file.

Each function takes an encoder and a path, writes there, reads back what it wrote, and returns
`predict`, a function from images `(B, H, W, C)` to features `(B, D)` that runs the *written* file.
The parity check (`parity.py`) calls it. To add a format, write one more such function here under
`@export_format`.
"""

import contextlib
import dataclasses
import logging
import warnings
from collections.abc import Callable

import keras
import numpy as np

from keras_center_ssl.encoders.walk import all_layers
from keras_center_ssl.engine.keras_internals import frozen, let_inline
from keras_center_ssl.errors import InputError, one_of
from keras_center_ssl.export import on_tensorflow
from keras_center_ssl.export.older_keras import leave_out_new_defaults

INPUT = "images"
OUTPUT = "features"

# What tf2onnx 1.17 writes and ONNX Runtime runs; the ends of the range are in the tests.
OPSETS = range(11, 19)


@dataclasses.dataclass(frozen=True)
class Format:
    """An export format: its name, the file or folder it makes, and the function that makes it."""

    name: str
    file: str
    write: Callable


FORMATS = {}


def export_format(name, file):
    """Registers a function `(encoder, path, opset, properties) -> predict` as a format."""

    def register(write):
        FORMATS[name] = Format(name, file, write)
        return write

    return register


def chosen(names):
    """The `Format`s called `names`, in the order given and each once."""
    names = [names] if isinstance(names, str) else list(names)
    if not names:
        raise InputError(f"No export format is named. Accepted: {', '.join(FORMATS)}.")
    for name in names:
        if name not in FORMATS:
            raise one_of("export format", name, FORMATS)
    return [FORMATS[name] for name in dict.fromkeys(names)]


@export_format("keras", "encoder.keras")
def write_keras(encoder, path, *, opset, properties):
    """Keras' own format: loads with `keras.saving.load_model`, on every backend, and trains on."""
    encoder.save(path)
    leave_out_new_defaults(path)
    try:
        reloaded = keras.saving.load_model(path, compile=False)
    except (TypeError, ValueError) as error:
        raise InputError(
            f"Keras cannot read back the encoder {encoder.name!r}: {last_line(error)} Give your "
            "own layers and models a get_config and @keras.saving.register_keras_serializable, or "
            "leave 'keras' out of formats=."
        ) from error
    return lambda images: np.asarray(
        keras.ops.convert_to_numpy(reloaded(images, training=False)), "float32"
    )


def last_line(error):
    """What was wrong, of a message of Keras on an object that cannot be read back."""
    # Keras puts the cause behind "Exception encountered:", and the whole config behind that.
    text = str(error).split("Exception encountered: ")[-1].split(" Full object config:")[0]
    return text.strip().splitlines()[0] if text.strip() else type(error).__name__


@export_format("saved_model", "saved_model")
def write_saved_model(encoder, path, *, opset, properties):
    """A TensorFlow SavedModel: `serving_default` maps `images` to `{"features": ...}`.

    Not `model.export`: Keras 3.15 writes every variable twice into the folder.
    """
    import tensorflow as tf

    if _elsewhere():
        on_tensorflow.write("saved_model", encoder, path, opset=opset, properties=properties)
    else:
        function = _inference_function(tf, encoder, lambda features: {OUTPUT: features})
        module = tf.Module()
        module.serve = function
        module.weights = list(function.get_concrete_function().graph.variables)
        with _quiet():
            tf.saved_model.save(module, str(path), signatures={"serving_default": function})
    with _quiet():
        reloaded = tf.saved_model.load(str(path))

    def predict(images):
        serve = reloaded.signatures["serving_default"]
        return serve(**{INPUT: tf.constant(images)})[OUTPUT].numpy()

    return predict


def _inference_function(tf, encoder, shape_output=lambda features: features):
    """The encoder as a `tf.function` of `images`, any batch size, as at inference."""
    spec = tf.TensorSpec((None, *encoder.input_shape[1:]), tf.float32, name=INPUT)
    return tf.function(
        lambda images: shape_output(encoder(images, training=False)), input_signature=[spec]
    )


@export_format("onnx", "encoder.onnx")
def write_onnx(encoder, path, *, opset, properties):
    """ONNX, float32: `images` `(batch, H, W, C)` to `features` `(batch, D)`, any batch size."""
    import onnx
    import onnxruntime

    if opset not in OPSETS:
        raise InputError(
            f"ONNX opset {opset!r} is not supported; accepted: {OPSETS[0]} to {OPSETS[-1]}. "
            "Opset 17 is the default and runs on ONNX Runtime 1.12 and later."
        )
    if _elsewhere():
        on_tensorflow.write("onnx", encoder, path, opset=opset, properties=properties)
    else:
        model = _to_onnx(encoder, opset)
        _name_the_ends(model, encoder)
        for key, value in properties.items():
            entry = model.metadata_props.add()
            entry.key, entry.value = key, str(value)
        onnx.checker.check_model(model, full_check=True)
        onnx.save(model, str(path))
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return lambda images: session.run([OUTPUT], {INPUT: images})[0]


def _to_onnx(encoder, opset):
    """The encoder as an ONNX `ModelProto`, its ends not named yet.

    Not `model.export(format="onnx")`: Keras 3.15 leaves `training` open there, so that image
    augmentation layers put random operations into the graph, takes the constants of a
    `Normalization` layer for further inputs, and can translate neither GELU nor grouped
    convolutions.
    """
    import tensorflow as tf

    function = _inference_function(tf, encoder).get_concrete_function()
    _refuse_random_layers(function.graph, encoder)
    with _quiet():
        import tf2onnx

        constant = frozen(function)
        failed = None
        try:
            model, _ = tf2onnx.convert.from_graph_def(
                let_inline(constant.graph.as_graph_def()),
                name=encoder.name,
                input_names=[constant.inputs[0].name],
                output_names=[constant.outputs[0].name],
                opset=opset,
                custom_op_handlers={"Erfc": (_erfc, [])},
            )
        except (ValueError, RuntimeError, KeyError) as error:
            failed = error
    if failed is not None:
        raise InputError(
            f"The encoder {encoder.name!r} could not be converted to ONNX at opset {opset}: "
            f"{failed}. Leave 'onnx' out of formats=, or replace the layer."
        ) from failed
    foreign = sorted({node.op_type for node in model.graph.node} - _onnx_operators(opset))
    if foreign:
        raise InputError(
            f"The encoder {encoder.name!r} uses TensorFlow operations that have no counterpart in "
            f"ONNX opset {opset}: {', '.join(foreign)}. Leave 'onnx' out of formats=, or replace "
            "the layers that use them."
        )
    return model


def _erfc(context, node, name, args):
    """TensorFlow's `Erfc` (in its GELU) as `1 - Erf`; tf2onnx 1.17 has no translation of it."""
    import tf2onnx

    source, result = node.input[0], node.output[0]
    dtype, shape = context.get_dtype(result), context.get_shape(result)
    numpy_type = tf2onnx.utils.map_onnx_to_numpy_type(dtype)
    one = context.make_const(tf2onnx.utils.make_name("one"), np.array(1, dtype=numpy_type))
    context.remove_node(node.name)
    erf = context.make_node("Erf", [source], shapes=[shape], dtypes=[dtype])
    context.make_node(
        "Sub", [one.output[0], erf.output[0]], outputs=[result], shapes=[shape], dtypes=[dtype]
    )


def _onnx_operators(opset):
    import onnx

    return {
        schema.name
        for schema in onnx.defs.get_all_schemas_with_history()
        if schema.domain == "" and schema.since_version <= opset
    }


def _refuse_random_layers(graph, encoder):
    """Raises `InputError` when the inference graph still draws random numbers.

    Keras' augmentation, dropout and noise layers pass images on unchanged at inference and leave
    no such operation; only a layer that draws whatever `training` says is refused.
    """
    definition = graph.as_graph_def()
    nodes = [*definition.node, *(n for f in definition.library.function for n in f.node_def)]
    scopes = [node.name.split("/") for node in nodes if "Random" in node.op]
    if not scopes:
        return
    # A layer's operations are named .../layer_name/...; a second trace appends _1, _2.
    names = [layer.name for layer in all_layers(encoder)[1:]]
    guilty = [
        name
        for name in dict.fromkeys(names)
        if any(part == name or part.startswith(f"{name}_") for path in scopes for part in path)
    ] or sorted({"/".join(path[:-1]) or path[0] for path in scopes})
    raise InputError(
        f"The encoder {encoder.name!r} draws random numbers at inference, so that no two runs "
        f"agree and ONNX has no way to write it. Layers: {', '.join(guilty)}. Build the encoder "
        "without them (views belong in kcs.data.multi_view), or make them do nothing when "
        "training=False."
    )


def _name_the_ends(model, encoder):
    """Names input, output and the free dimensions; drops what tf2onnx leaves behind."""
    graph = model.graph
    renamed = {graph.input[0].name: INPUT, graph.output[0].name: OUTPUT}
    for node in graph.node:
        for names in (node.input, node.output):
            for position, name in enumerate(names):
                names[position] = renamed.get(name, name)
    image, features = graph.input[0], graph.output[0]
    for end, dimensions in ((image, ("batch", "height", "width", "")), (features, ("batch", ""))):
        end.name = renamed[end.name]
        for dimension, name in zip(end.type.tensor_type.shape.dim, dimensions, strict=True):
            if not dimension.HasField("dim_value"):
                dimension.dim_param = name
    features.type.tensor_type.shape.dim[1].dim_value = encoder.output_shape[-1]
    del graph.value_info[:]  # shapes of inner tensors, under tf2onnx's own dimension names
    graph.doc_string = "images in [0, 1] to features"
    used = {node.domain for node in graph.node}
    versions = [(entry.domain, entry.version) for entry in model.opset_import]
    del model.opset_import[:]
    for domain, version in versions:
        if domain in used or domain == "":
            entry = model.opset_import.add()
            entry.domain, entry.version = domain, version


def _elsewhere():
    """Whether TensorFlow's formats have to be written by another process."""
    return keras.backend.backend() != "tensorflow"


@contextlib.contextmanager
def _quiet():
    """Hides the converters' chatter: deprecation warnings and log lines below errors."""
    loggers = [logging.getLogger(name) for name in ("tensorflow", "tf2onnx", "tf2onnx.tfonnx")]
    levels = [logger.level for logger in loggers]
    try:
        for logger in loggers:
            logger.setLevel(logging.CRITICAL)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
