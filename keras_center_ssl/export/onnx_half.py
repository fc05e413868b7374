"""`encoder_fp16.onnx`: weights and arithmetic in float16, both ends in float32."""

import onnx
from onnxruntime.quantization.onnx_model import ONNXModel
from onnxruntime.transformers.float16 import convert_float_to_float16

from keras_center_ssl.export.inference_graph import quiet
from keras_center_ssl.export.onnx_file import kept_in_float32


def write(made, path):
    """Writes the ONNX file `made` in half precision."""
    model = onnx.load(made)
    with quiet():
        # Values beyond 65504 and below 6e-8, which float16 does not hold, are cut, with a warning.
        half = convert_float_to_float16(
            model, keep_io_types=True, node_block_list=kept_in_float32(model)
        )
    # The casts at the ends come last in the list of nodes, and the standard wants them in order.
    sorted_model = ONNXModel(half)
    sorted_model.topological_sort()
    onnx.checker.check_model(sorted_model.model, full_check=True)
    onnx.save(sorted_model.model, str(path))
