"""The service over HTTP, on the published encoder: answers, refusals, figures."""

import asyncio
import base64
import io
import pathlib
import threading

import numpy as np
import pytest
from PIL import Image

from keras_center_ssl.embedded import Embedded
from keras_center_ssl.onnx_encoder import OnnxEncoder
from keras_center_ssl.service.encoders import ServedEncoder, open_encoders
from keras_center_ssl.service.limits import Limits

pytest.importorskip("fastapi", reason="the extra 'service' (FastAPI) is not installed")
pytest.importorskip("httpx", reason="FastAPI's TestClient needs httpx, which is not installed")
from fastapi.testclient import TestClient

from keras_center_ssl.service.app import create_app

PATH = pathlib.Path(__file__).parents[2] / "zoo" / "quickstart-fashion-mnist" / "encoder.onnx"
LIMITS = Limits(body_bytes=40_000, images=3, pixels=10_000, neighbors=5)
FEATURES = "/encoders/clothes/features"
NEIGHBORS = "/encoders/clothes/neighbors"


def png(pixels, kind="PNG"):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind)
    return file.getvalue()


def in_json(*files):
    return {"images": [base64.b64encode(file).decode() for file in files]}


@pytest.fixture(scope="module")
def pixels():
    return np.random.default_rng(0).integers(0, 256, (8, 28, 28), dtype="uint8")


@pytest.fixture(scope="module")
def encoders(tmp_path_factory, pixels):
    file = tmp_path_factory.mktemp("service") / "set.npz"
    Embedded(
        OnnxEncoder(PATH).embed(pixels),
        tuple(f"{number}.png" for number in range(8)),
        np.arange(8) % 2,
        ("shirt", "shoe"),
    ).save(file)
    return open_encoders([f"clothes={PATH}", f"alone={PATH}"], [f"clothes={file}"])


@pytest.fixture
def client(encoders):
    with TestClient(create_app(encoders, LIMITS)) as client:
        yield client


def test_one_image_as_it_is(client, pixels):
    expected = OnnxEncoder(PATH).embed(pixels[:1])
    answer = client.post(FEATURES, content=png(pixels[0]), headers={"content-type": "image/png"})
    assert answer.status_code == 200 and answer.json()["encoder"] == "clothes"
    np.testing.assert_allclose(answer.json()["features"], expected, rtol=1e-5, atol=1e-6)
    answer = client.post(FEATURES, content=png(pixels[0]), params={"normalize": True})
    assert np.linalg.norm(answer.json()["features"]) == pytest.approx(1)


def test_several_images_of_several_kinds(client, pixels):
    large = np.repeat(np.repeat(pixels[1], 2, 0), 3, 1)
    wide = pixels[0].astype("uint16") * 257
    answer = client.post(FEATURES, json=in_json(png(pixels[0]), png(large, "BMP"), png(wide)))
    features = np.array(answer.json()["features"])
    assert answer.status_code == 200 and features.shape == (3, 256)
    np.testing.assert_allclose(features[0], features[2], rtol=1e-4, atol=1e-5)


def test_neighbours_are_found_and_named(client, pixels):
    answer = client.post(NEIGHBORS, json=in_json(*map(png, pixels[[3, 6]])), params={"count": 3})
    lists = answer.json()["neighbors"]
    assert [len(found) for found in lists] == [3, 3]
    assert lists[0][0]["cosine"] == pytest.approx(1, abs=1e-5)
    assert [found[0]["path"] for found in lists] == ["3.png", "6.png"]
    assert lists[0][0]["label"] == 1 and lists[0][0]["class_name"] == "shoe"
    cosines = [row["cosine"] for row in lists[0]]
    assert cosines == sorted(cosines, reverse=True)


def test_the_encoders_are_described(client):
    first, second = client.get("/encoders").json()
    assert first["name"] == "clothes" and first["input_shape"] == [28, 28, 1]
    assert first["feature_dim"] == 256 and first["neighbors"] == 8
    assert first["metadata"]["method"] == "CenterSSL"
    assert second["name"] == "alone" and second["neighbors"] is None


BLACK = png(np.zeros((9, 9), "uint8"))
REFUSED = {
    "unknown": ("/encoders/cloths/features", {"content": b"x"}, 404, "Did you mean 'clothes'"),
    "no set": (
        "/encoders/alone/neighbors",
        {"content": png(np.zeros((9, 9), "uint8"))},
        404,
        "no set",
    ),
    "empty": (FEATURES, {"content": b""}, 422, "body is empty"),
    "text": (FEATURES, {"content": b"hello"}, 422, "Image 0 cannot be read: no image"),
    "cut": (FEATURES, {"content": png(np.zeros((99, 99), "uint8"))[:60]}, 422, "damaged"),
    "pixels": (FEATURES, {"content": png(np.zeros((101, 100), "uint8"))}, 422, "10,000"),
    "body": (FEATURES, {"content": bytes(40_001)}, 413, "40,000 bytes"),
    "chunks": (FEATURES, {"content": iter([bytes(30_000)] * 2)}, 413, "40,000 bytes"),
    "count": (FEATURES, {"json": {"images": ["eA=="] * 4}}, 413, "at most 3"),
    "no list": (FEATURES, {"json": {"images": "eA=="}}, 422, "base64"),
    "no images": (FEATURES, {"json": {"images": []}}, 422, "at least one"),
    "no key": (FEATURES, {"json": {"image": []}}, 422, "base64"),
    "no base64": (FEATURES, {"json": {"images": ["?"]}}, 422, "base64"),
    "number": (FEATURES, {"json": {"images": [3]}}, 422, "base64"),
    "neighbours": (f"{NEIGHBORS}?count=6", {"content": b"x"}, 413, "At most 5"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_beyond_a_limit_or_no_image(client, case):
    path, body, status, words = REFUSED[case]
    answer = client.post(path, **body)
    assert answer.status_code == status and words in answer.json()["detail"]


def test_a_full_queue_says_when_to_come_again(encoders, pixels, monkeypatch):
    began, go_on = threading.Event(), threading.Event()

    def slow(self, files, max_pixels):
        began.set()
        assert go_on.wait(30)
        return np.zeros((len(files), 256), "float32")

    monkeypatch.setattr(ServedEncoder, "embed", slow)
    app = create_app(encoders, Limits(workers=1, waiting=0, retry_after=7))
    answers = []
    with TestClient(app) as client:
        first = threading.Thread(
            target=lambda: answers.append(client.post(FEATURES, content=png(pixels[0])))
        )
        first.start()
        assert began.wait(30)
        # The loop is free while a thread computes.
        assert client.get("/healthz").json() == {"status": "ok"}
        assert "center_ssl_pending_requests 1" in client.get("/metrics").text
        answer = client.post(FEATURES, content=png(pixels[0]))
        assert answer.status_code == 503 and answer.headers["retry-after"] == "7"
        go_on.set()
        first.join(30)
        assert answers[0].status_code == 200
        text = client.get("/metrics").text
    assert 'center_ssl_requests_total{encoder="clothes",status="503"} 1' in text
    assert 'center_ssl_images_total{encoder="clothes"} 1' in text


def test_readiness_ends_with_the_server(encoders):
    app = create_app(encoders)
    with TestClient(app) as client:
        assert client.get("/readyz").status_code == 200
        app.state.service.ready = False  # as the server does at SIGTERM
        assert client.get("/readyz").status_code == 503
    with pytest.raises(RuntimeError):  # its threads are gone
        asyncio.run(app.state.service.pool.run(int))


def test_metrics_and_the_page_of_the_interface(client, pixels):
    client.post(FEATURES, content=png(pixels[0]))
    answer = client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert 'center_ssl_request_seconds_count{encoder="clothes"} 1' in answer.text
    paths = client.get("/openapi.json").json()["paths"]
    body = paths["/encoders/{name}/features"]["post"]["requestBody"]["content"]
    assert set(body) == {"image/*", "application/json"}
    assert "swagger" in client.get("/docs").text
