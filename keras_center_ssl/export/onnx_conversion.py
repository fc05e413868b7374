"""From an encoder's TensorFlow graph to an ONNX model, by tf2onnx."""

import numpy as np

from keras_center_ssl.encoders.walk import all_layers
from keras_center_ssl.engine.keras_internals import frozen, let_inline
from keras_center_ssl.errors import InputError, needs
from keras_center_ssl.export.inference_graph import inference_function, quiet


def to_onnx(encoder, opset):
    """The encoder as an ONNX `ModelProto`, its ends not named yet.

    Not `model.export(format="onnx")`: Keras 3.15 leaves `training` open there, so that image
    augmentation layers put random operations into the graph, takes the constants of a
    `Normalization` layer for further inputs, and can translate neither GELU nor grouped
    convolutions.
    """
    function = inference_function(encoder).get_concrete_function()
    _refuse_random_layers(function.graph, encoder)
    with quiet():
        with needs("Export as ONNX", "tf2onnx"):
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
