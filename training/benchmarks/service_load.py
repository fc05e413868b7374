"""32 clients ask `center-ssl serve` for features: nothing may be lost, and how long they wait.

    python training/benchmarks/service_load.py [ENCODER ...] [--clients 32] [--seconds 20]

Clients and server share the machine's cores. Each client keeps its connection, and every tenth
request is bad on purpose (no image, half an image, a wrong address): it has to get a clear 4xx. An
answer 503 is tried again after its Retry-After, as a client should. Needs the extra `service`.
"""

import argparse
import collections
import http.client
import io
import itertools
import json
import pathlib
import random
import socket
import subprocess
import sys
import threading
import time

import numpy as np
from PIL import Image

ROOT = pathlib.Path(__file__).resolve().parents[2]
PUBLISHED = ROOT / "zoo" / "quickstart-fashion-mnist" / "encoder.onnx"
BAD = {"no image": 415, "half an image": 422, "wrong address": 404}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("encoders", nargs="*", default=[PUBLISHED], type=pathlib.Path)
    parser.add_argument("--clients", type=int, default=32)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--batch", type=int, nargs="+", default=[1], help="of serve, in turn")
    arguments = parser.parse_args()
    titles = ("encoder", "requests/s", "p50, ms", "p99, ms", "answered", "4xx", "503, tried again")
    print("| " + " | ".join(titles) + " |\n" + "|---" * len(titles) + "|")
    lost = 0
    for encoder, batch in itertools.product(arguments.encoders, arguments.batch):
        found = load(encoder, arguments.clients, arguments.seconds, batch)
        lost += found["lost"]
        waits = sorted(found["seconds"])
        p50, p99 = (1000 * waits[int(len(waits) * share)] for share in (0.5, 0.99))
        cells = (
            f"{encoder.parent.name or encoder.stem}, --batch {batch}",
            f"{len(waits) / arguments.seconds:,.0f}",
            f"{p50:.0f}",
            f"{p99:.0f}",
            f"{len(waits)} of {len(waits) + found['lost']}",
            f"{found['refused']} of {found['bad']}",
            found["busy"],
        )
        print("| " + " | ".join(map(str, cells)) + " |", flush=True)
    sys.exit(bool(lost))


def load(encoder, clients, seconds, batch=1):
    """Counts and waiting times of all clients together."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "keras_center_ssl.cli", "serve", f"it={encoder}"]
    server = subprocess.Popen(
        [*command, "--port", str(port), "--batch", str(batch)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_until_ready(port, server)
        shape = json.loads(ask(port, "GET", "/encoders", b"")[1])[0]["input_shape"]
        images = [png(shape, seed) for seed in range(8)]
        total = collections.Counter()
        waits = []
        end = time.monotonic() + seconds
        threads = [
            threading.Thread(target=client, args=(port, images, end, number, total, waits))
            for number in range(clients)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        server.terminate()
        server.wait(60)
    return {"seconds": waits, **{k: total[k] for k in ("lost", "bad", "refused", "busy")}}


def client(port, images, end, seed, total, waits):
    """Asks until the end; `total` and `waits` are of all clients (appending is atomic)."""
    rng = random.Random(seed)
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    own = collections.Counter()
    while time.monotonic() < end:
        image, address, expected = rng.choice(images), "/encoders/it/features", 200
        if rng.random() < 0.1:
            kind = rng.choice(sorted(BAD))
            expected = BAD[kind]
            own["bad"] += 1
            spoiled = {"no image": b"hello", "half an image": image[: len(image) // 2]}
            image = spoiled.get(kind, image)
            address = "/encoders/other/features" if kind == "wrong address" else address
        began = time.perf_counter()
        try:
            status, headers, body = request(connection, address, image)
            while status == 503:
                own["busy"] += 1
                time.sleep(float(headers["Retry-After"]) * rng.uniform(0.05, 0.2))
                status, headers, body = request(connection, address, image)
        except OSError:
            own["lost"] += 1
            connection.close()
            continue
        if expected == 200 and (status != 200 or "features" not in json.loads(body)):
            own["lost"] += 1
        elif expected != 200:
            own["refused"] += 400 <= status < 500 and bool(json.loads(body))
        if expected == 200:
            waits.append(time.perf_counter() - began)
    total.update(own)


def request(connection, address, body):
    connection.request("POST", address, body, {"Content-Type": "image/png"})
    answer = connection.getresponse()
    return answer.status, answer.headers, answer.read()


def ask(port, method, address, body):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    connection.request(method, address, body)
    answer = connection.getresponse()
    return answer.status, answer.read()


def wait_until_ready(port, server):
    for _ in range(300):
        if server.poll() is not None:
            sys.exit("center-ssl serve ended; is the extra 'service' installed?")
        try:
            if ask(port, "GET", "/readyz", b"")[0] == 200:
                return
        except OSError:
            pass
        time.sleep(0.1)
    sys.exit("center-ssl serve was not ready after 30 seconds")


def png(shape, seed):
    height, width, channels = (size or 64 for size in shape)
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, channels), "uint8")
    file = io.BytesIO()
    Image.fromarray(pixels.squeeze()).save(file, "PNG")
    return file.getvalue()


if __name__ == "__main__":
    main()
