"""Features of a collection of image files of any size, with Apache Beam and ONNX Runtime.

    python embed_collection.py encoder.onnx 'photographs/**' --out features \\
        [--runner DirectRunner ...any option of Beam's...]

Writes Parquet files `features-00000-of-0000N.parquet` with the columns `path` and `features`, and
`features-unread.csv` with the files that could not be read and why: one broken image among a
million ends nothing. Pattern and output may be of any file system that Beam knows (gs://, s3://,
hdfs://), and the runner any of its own. Images are cropped to the encoder's proportions about
their centre, and resized with a box filter.
"""

import argparse
import csv
import io

import apache_beam as beam
import numpy as np
import pyarrow
from apache_beam.io import fileio
from apache_beam.io.filesystems import FileSystems
from apache_beam.io.parquetio import WriteToParquet
from apache_beam.ml.inference.base import KeyedModelHandler, RunInference
from apache_beam.ml.inference.onnx_inference import OnnxModelHandlerNumpy
from apache_beam.options.pipeline_options import PipelineOptions


def input_shape(encoder):
    """`(height, width, channels)` that the encoder takes."""
    import onnxruntime

    with FileSystems.open(encoder) as file:
        session = onnxruntime.InferenceSession(file.read(), providers=["CPUExecutionProvider"])
    shape = session.get_inputs()[0].shape[1:]
    if not all(isinstance(size, int) for size in shape):
        raise SystemExit(f"{encoder} takes images of any size; give it one: --size 224")
    return tuple(shape)


class Decode(beam.DoFn):
    """Files to `(path, float32 (H, W, C) in [0, 1])`; those that are no images to `unread`."""

    def __init__(self, shape):
        self.shape = shape

    def process(self, file):
        from PIL import Image

        path = file.metadata.path
        try:
            with Image.open(io.BytesIO(file.read())) as image:
                yield path, self.pixels(image)
        except Exception as error:  # whatever a decoder can raise, about this file alone
            # Without the address of the buffer that Pillow speaks of.
            reason = str(error).split(" <_io")[0].split("\n")[0] or type(error).__name__
            yield beam.pvalue.TaggedOutput("unread", (path, reason))

    def pixels(self, image):
        from PIL import Image

        height, width, channels = self.shape
        if image.mode.startswith("I"):
            # 16 bits of grey: Pillow's `convert` would cut all values at 255.
            image = Image.fromarray((np.asarray(image, "float32") / 257).round().astype("uint8"))
        image = image.convert("L" if channels == 1 else "RGB")
        scale = min(image.width / width, image.height / height)
        side = (scale * width, scale * height)
        left, top = (image.width - side[0]) / 2, (image.height - side[1]) / 2
        box = (left, top, left + side[0], top + side[1])
        image = image.resize((width, height), Image.BOX, box=box)
        return np.asarray(image, "float32").reshape(self.shape) / 255


def as_line(row):
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(row)
    return line.getvalue()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("encoder", help="encoder.onnx of a bundle")
    parser.add_argument("pattern", help="files to read, for example 'photographs/**'")
    parser.add_argument("--out", required=True, help="what the names of the output begin with")
    parser.add_argument("--size", type=int, help="for encoders that take images of any size")
    parser.add_argument("--channels", type=int, default=3, help="with --size")
    parser.add_argument("--batch", type=int, default=64, help="most images in one call")
    given, of_beam = parser.parse_known_args()
    if given.size:
        shape = (given.size, given.size, given.channels)
    else:
        shape = input_shape(given.encoder)
    handler = KeyedModelHandler(
        OnnxModelHandlerNumpy(
            given.encoder,
            providers=["CPUExecutionProvider"],
            max_batch_size=given.batch,
        )
    )
    schema = pyarrow.schema(
        [("path", pyarrow.string()), ("features", pyarrow.list_(pyarrow.float32()))]
    )
    with beam.Pipeline(options=PipelineOptions(of_beam)) as pipeline:
        images = (
            pipeline
            | fileio.MatchFiles(given.pattern)
            | fileio.ReadMatches()
            | beam.ParDo(Decode(shape)).with_outputs("unread", main="read")
        )
        _ = (
            images.read
            | RunInference(handler)
            | beam.MapTuple(lambda path, found: {"path": path, "features": found.inference})
            | WriteToParquet(given.out, schema, file_name_suffix=".parquet")
        )
        _ = (
            images.unread
            | beam.Map(as_line)
            | beam.io.WriteToText(
                f"{given.out}-unread",
                file_name_suffix=".csv",
                header="path,reason",
                shard_name_template="",
            )
        )


if __name__ == "__main__":
    main()
