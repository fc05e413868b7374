"""Zoos made by hand, small and without Keras."""

import hashlib
import json

import numpy as np
import onnx
from onnx import TensorProto, helper

CARD = """---
license: mit
---

# {name}

Some **words**, [the paper](https://example.org/paper), <script>alert(1)</script>.

![A plot](plots/one.png) ![elsewhere](https://example.org/tracker.png) [bad](javascript:alert(1))

| figure | value |
| --- | --- |
| k-NN | 0.75 |
"""


def tiny_encoder(path, shape=(8, 8, 1), features=4):
    """An ONNX encoder: a fixed random projection of the pixels."""
    pixels = int(np.prod(shape))
    matrix = np.random.default_rng(0).normal(size=(pixels, features)).astype("float32")
    nodes = [
        helper.make_node("Flatten", ["images"], ["flat"]),
        helper.make_node("MatMul", ["flat", "matrix"], ["features"]),
    ]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, ["batch", *shape])],
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["batch", features])],
        [helper.make_tensor("matrix", TensorProto.FLOAT, matrix.shape, matrix.ravel())],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    onnx.save(model, path)
    return matrix


def record(name="tiny", shape=(8, 8, 1), features=4, **more):
    """The content of a `metrics.json`."""
    return {
        "schema_version": 1,
        "name": name,
        "method": "SimSiam",
        "dataset": "noise",
        "encoder": "projection",
        "parameters": 1234,
        "input": {"shape": list(shape), "range": [0.0, 1.0]},
        "feature_dim": features,
        "license": "mit",
        "description": "A <small> one.",
        "evaluation": {"knn_accuracy": {"trained": 0.75, "raw_pixels": 0.5}},
        "collapse": {
            "verdict": "healthy",
            "figures": {"effective_rank": 3.5, "center_norm": 0.25},
        },
        **more,
    }


def bundle(folder, name="tiny", shape=(8, 8, 1), features=4, **more):
    """A bundle of `tiny_encoder`, with a card, a picture and a record."""
    (folder / "plots").mkdir(parents=True)
    (folder / "README.md").write_text(CARD.format(name=name))
    content = record(name, shape, features, **more)
    (folder / "metrics.json").write_text(json.dumps(content))
    (folder / "plots" / "one.png").write_bytes(PNG)
    tiny_encoder(folder / "encoder.onnx", shape, features)
    return folder


def write_index(zoo, models):
    """Writes an index: name -> summary; the files are those of the entry's folder."""
    content = {}
    for name, summary in models.items():
        files = {
            path.relative_to(zoo / name).as_posix(): {
                "size": path.stat().st_size,
                "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
            }
            for path in sorted((zoo / name).rglob("*"))
            if path.is_file()
        }
        content[name] = {**summary, "files": files}
    (zoo / "index.json").write_text(json.dumps({"schema_version": 1, "models": content}))
    return zoo


def _png():
    import io

    from PIL import Image

    stream = io.BytesIO()
    Image.new("L", (4, 4)).save(stream, "PNG")
    return stream.getvalue()


PNG = _png()
