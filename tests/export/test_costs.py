"""Bytes and times of a bundle's files: of the files that are there, and as the card has them."""

import json
import pathlib
import time

import numpy as np

import keras_center_ssl as kcs
from keras_center_ssl.export import costs, model_card


def test_every_file_of_a_bundle_is_weighed_and_timed(tmp_path, monkeypatch):
    monkeypatch.setattr(costs, "_LONGEST", float("inf"))  # a loaded machine leaves nothing out
    encoder = kcs.encoders.resnet_small((8, 8, 1), width=4)
    bundle = kcs.export.export_bundle(encoder, tmp_path / "bundle")
    record = json.loads((bundle / "metrics.json").read_text("utf-8"))
    found = record["costs"]
    assert set(found["formats"]) == set(record["formats"]) and found["cpu"] and found["cores"] > 0
    assert found["formats"]["onnx"]["bytes"] == (bundle / "encoder.onnx").stat().st_size
    whole = sum(f.stat().st_size for f in (bundle / "saved_model").rglob("*") if f.is_file())
    assert found["formats"]["saved_model"]["bytes"] == whole
    card = (bundle / "README.md").read_text("utf-8")
    for name, cost in found["formats"].items():
        assert set(cost["milliseconds"]) == {"1", "64"}
        assert all(ms > 0 for ms in cost["milliseconds"].values())
        times = " | ".join(f"{ms:.3g}" for ms in cost["milliseconds"].values())
        assert f"| `{record['formats'][name]}` | {cost['bytes']:,} | {times} |" in card


def test_times_are_medians_and_long_batches_are_left_out(tmp_path, monkeypatch):
    (tmp_path / "file").write_bytes(b"12345")
    calls = []

    def predict(images):
        calls.append(len(images))
        now[0] += 0.010 if len(images) == 1 else 0.5

    now = [0.0]
    monkeypatch.setattr(time, "perf_counter", lambda: now[0])
    found = costs.measure({"a": (predict, tmp_path / "file")}, np.zeros((1, 2, 2, 1)))
    assert found["formats"]["a"] == {"bytes": 5, "milliseconds": {"1": 10.0, "64": 500.0}}
    assert calls == [1] * (1 + costs.TURNS) + [64] * (1 + costs.TURNS)
    monkeypatch.setattr(costs, "_LONGEST", 0.5)
    found = costs.measure({"a": (predict, tmp_path / "file")}, np.zeros((1, 2, 2, 1)))
    assert found["formats"]["a"]["milliseconds"] == {"1": 10.0, "64": None}


def test_a_record_of_before_has_a_card_without_them():
    published = pathlib.Path(__file__).parents[2] / "zoo" / "quickstart-fashion-mnist"
    record = json.loads((published / "metrics.json").read_text("utf-8"))
    record.pop("costs", None)
    assert "## Costs" not in model_card.render(record)
