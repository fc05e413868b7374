"""Parts of the service that need no web framework."""

import asyncio
import io
import pathlib
import threading

import numpy as np
import pytest
from PIL import Image

from keras_center_ssl.errors import InputError
from keras_center_ssl.service.batches import Batches
from keras_center_ssl.service.encoders import open_encoders
from keras_center_ssl.service.limits import Limits
from keras_center_ssl.service.metrics import Metrics
from keras_center_ssl.service.neighbors import Neighbors
from keras_center_ssl.service.pool import Busy, Pool

ENCODER = pathlib.Path(__file__).parents[2] / "zoo" / "quickstart-fashion-mnist" / "encoder.onnx"


def test_neighbours_by_brute_force(tmp_path, rng):
    features = rng.standard_normal((50, 4)).astype("float32")
    np.savez(tmp_path / "set.npz", features=features, indices=np.arange(50))
    found = Neighbors(tmp_path / "set.npz", 4).nearest(features[:3] * 9, 5)
    for row, ask in zip(found, features, strict=False):
        cosines = features @ ask / np.linalg.norm(features, axis=1) / np.linalg.norm(ask)
        assert [each["index"] for each in row] == np.argsort(-cosines)[:5].tolist()
        assert [each["cosine"] for each in row] == pytest.approx(
            np.sort(cosines)[::-1][:5], abs=1e-5
        )
        assert set(row[0]) == {"index", "cosine"}
    assert len(Neighbors(tmp_path / "set.npz", 4).nearest(features[:1], 99)[0]) == 50


def test_files_that_cannot_be_searched(tmp_path):
    np.savez(tmp_path / "other.npz", vectors=np.ones((2, 4)))
    np.savez(tmp_path / "set.npz", features=np.ones((2, 4)))
    (tmp_path / "damaged.npz").write_bytes(b"PK")
    for file, dim, words in (
        ("other.npz", 4, "no array `features`"),
        ("set.npz", 5, "features of 4 dimensions, and the encoder gives 5"),
        ("damaged.npz", 4, "cannot be read"),
        ("none.npz", 4, "no file"),
    ):
        with pytest.raises(InputError, match=words):
            Neighbors(tmp_path / file, dim)


def test_encoders_by_name(tmp_path):
    assert list(open_encoders([ENCODER])) == ["quickstart-fashion-mnist"]
    assert list(open_encoders([ENCODER.parent])) == ["quickstart-fashion-mnist"]
    assert list(open_encoders([f"a={ENCODER}", f"b={ENCODER.parent}"])) == ["a", "b"]
    np.savez(tmp_path / "set.npz", features=np.ones((2, 256), "float32"))
    assert len(open_encoders([f"a={ENCODER}"], [tmp_path / "set.npz"])["a"].neighbors) == 2
    for places, neighbors, words in (
        ([], [], "No encoder is named"),
        ([ENCODER, ENCODER], [], "Two encoders are called"),
        ([f"a={ENCODER}"], ["b=x.npz"], r"name of an encoder \(a\)"),
        ([tmp_path / "none.onnx"], [], "There is no file"),
        ([f"a={ENCODER}", f"b={ENCODER}"], ["x.npz"], "NAME=FILE"),
    ):
        with pytest.raises(InputError, match=words):
            open_encoders(places, neighbors)


def test_limits_are_whole_numbers():
    assert Limits(waiting=0).waiting == 0
    for name in ("workers", "images", "pixels", "body_bytes"):
        with pytest.raises(InputError, match=f"`{name}` is a whole number from 1"):
            Limits(**{name: 0})


def test_the_pool_works_beside_the_loop_and_refuses_beyond_its_room():
    async def scene():
        pool, go_on = Pool(1, 1), threading.Event()
        jobs = [asyncio.ensure_future(pool.run(go_on.wait, 30)) for _ in range(2)]
        await asyncio.sleep(0.01)
        assert pool.pending == 2
        with pytest.raises(Busy):
            await pool.run(int)
        go_on.set()
        assert await asyncio.gather(*jobs) == [True, True]
        with pytest.raises(ZeroDivisionError):
            await pool.run(lambda: 1 / 0)
        assert await pool.run(int, "7") == 7
        while pool.pending:  # a job is done a moment before it is counted off
            await asyncio.sleep(0.01)
        pool.close()

    asyncio.run(scene())


def test_metrics_in_the_format_of_prometheus():
    metrics = Metrics()
    for seconds in (0.003, 0.2, 99.0):
        metrics.request('a"b', 200, seconds)
    metrics.images('a"b', 5)
    text = metrics.text(2)
    for line in (
        'center_ssl_requests_total{encoder="a\\"b",status="200"} 3',
        'center_ssl_images_total{encoder="a\\"b"} 5',
        'center_ssl_request_seconds_bucket{encoder="a\\"b",le="0.005"} 1',
        'center_ssl_request_seconds_bucket{encoder="a\\"b",le="0.25"} 2',
        'center_ssl_request_seconds_bucket{encoder="a\\"b",le="+Inf"} 3',
        'center_ssl_request_seconds_sum{encoder="a\\"b"} 99.203000',
        "center_ssl_pending_requests 2",
    ):
        assert line in text.splitlines()
    types = [line.split()[2:] for line in text.splitlines() if line.startswith("# TYPE")]
    assert ["center_ssl_request_seconds", "histogram"] in types


class Recorded:
    """A function that waits until it is let go, and tells what it was called with."""

    def __init__(self):
        self.calls, self.begun, self.go = [], threading.Semaphore(0), threading.Event()

    def __call__(self, rows):
        self.calls.append(rows[:, 0].tolist())
        self.begun.release()
        self.go.wait(10)
        if (rows < 0).any():
            raise ValueError("a row below 0")
        return 2 * rows


def test_what_comes_during_a_batch_is_the_next_one():
    function = Recorded()
    together = Batches(function, most=4)
    answers = {}

    def ask(*values):
        answers[values] = together(np.array(values, "float32")[:, None])[:, 0].tolist()

    threads = [threading.Thread(target=ask, args=(1.0,))]
    threads[0].start()
    assert function.begun.acquire(timeout=10)
    for number, values in enumerate([(2.0,), (3.0, 4.0), (5.0, 6.0, 7.0), (8.0,)], start=1):
        threads.append(threading.Thread(target=ask, args=values))
        threads[-1].start()
        while len(together._waiting) < number:
            pass
    function.go.set()
    for thread in threads:
        thread.join(10)
    # In the order they came, four at most, and none is split.
    assert function.calls == [[1], [2, 3, 4], [5, 6, 7, 8]]
    assert answers == {values: [2 * v for v in values] for values in answers} and len(answers) == 5


def test_an_error_is_for_those_whose_rows_were_in_the_call():
    function = Recorded()
    function.go.set()
    together = Batches(function, most=2)
    with pytest.raises(ValueError, match="below 0"):
        together(np.array([[-1.0]]))
    assert together(np.array([[1.0], [2.0], [3.0]])).tolist() == [[2], [4], [6]]  # more than most


def test_encoders_answer_the_same_in_batches(rng):
    (single,) = open_encoders([f"a={ENCODER}"]).values()
    (batched,) = open_encoders([f"a={ENCODER}"], batch=8).values()
    files = [png(rng.integers(0, 256, (28, 28), "uint8")) for _ in range(6)]
    expected = single.embed(files, 10**6)
    found = [None] * len(files)

    def ask(number):
        found[number] = batched.embed([files[number]], 10**6)[0]

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(len(files))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)
    assert Limits(batch=8).workers == 8 and Limits(workers=9, batch=8).workers == 9
    with pytest.raises(InputError, match="`batch` is a whole number from 1 on"):
        Limits(batch=0)


def png(pixels):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()
