"""`encoder_int8.onnx`: 8-bit weights and activations, by ONNX Runtime's static quantisation.

Operators between pairs of QuantizeLinear and DequantizeLinear (QDQ), which every runtime of ONNX
reads; activations unsigned, weights signed, one scale per output channel, ranges of activations the
smallest and largest values on the images (MinMax). Batch norms are in the convolutions by then, so
that ONNX Runtime's own preparation (`quant_pre_process`) has nothing to do.

Weights stay within 7 of their 8 bits. Processors without VNNI add two products of 8 bits in a
register of 16, which clips: with all 8 bits the published encoders' centred cosine to their float32
was .92 to .96 on an AVX2 processor; with 7, which no processor clips, it is .985 to .989.
"""

import logging

import onnx
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantFormat,
    QuantType,
    quantize_static,
)

from keras_center_ssl.errors import InputError
from keras_center_ssl.export.ends import INPUT
from keras_center_ssl.export.inference_graph import quiet
from keras_center_ssl.export.onnx_file import OPSETS, kept_in_float32

# The first operator set in which a scale per channel can be said.
LOWEST_OPSET = 13
_AT_A_TIME = 16


def check_opset(opset):
    """Raises `InputError` for an operator set that has no scale per channel."""
    if opset < LOWEST_OPSET:
        raise InputError(
            f"8-bit ONNX needs opset {LOWEST_OPSET} to {OPSETS[-1]}; received opset={opset}. Leave "
            "'onnx_int8' out of formats=, or raise opset=."
        )


def write(made, path, images):
    """Writes the ONNX file `made` in 8 bits, calibrated on `images`."""
    root = logging.getLogger()
    level = root.level
    try:
        root.setLevel(logging.ERROR)  # it advises its own preparation
        with quiet():
            quantize_static(
                str(made),
                str(path),
                _Batches(images),
                quant_format=QuantFormat.QDQ,
                per_channel=True,
                reduce_range=True,  # weights of 7 bits
                activation_type=QuantType.QUInt8,
                weight_type=QuantType.QInt8,
                calibrate_method=CalibrationMethod.MinMax,
                nodes_to_exclude=kept_in_float32(onnx.load(made)),
            )
    finally:
        root.setLevel(level)
    onnx.checker.check_model(str(path), full_check=True)


class _Batches(CalibrationDataReader):
    """Images for the calibration, a few at a time."""

    def __init__(self, images):
        self._batches = (
            {INPUT: images[start : start + _AT_A_TIME]}
            for start in range(0, len(images), _AT_A_TIME)
        )

    def get_next(self):
        return next(self._batches, None)
