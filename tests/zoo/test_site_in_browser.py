"""The pages of a zoo in Chromium: `make test-slow` where there is one.

It needs Chromium, Playwright and ONNX Runtime for browsers: `.ci/runtimes` gets them.
"""

import os
import re

import numpy as np
import pytest
from PIL import Image

import keras_center_ssl as kcs
from keras_center_ssl.images.reading import read_image
from tests.helpers import runtimes
from tests.helpers.zoos import bundle, tiny_encoder

pytestmark = pytest.mark.slow
SECONDS = 120


@pytest.fixture(scope="module")
def images():
    """Twenty pictures, each one bright spot on black."""
    images = np.zeros((20, 8, 8, 1), "uint8")
    for number in range(20):
        images[number, number // 4 : number // 4 + 3, number % 4 : number % 4 + 3] = 255
    return images


@pytest.fixture(scope="module")
def site(images, tmp_path_factory):
    folder = tmp_path_factory.mktemp("browser")
    kcs.zoo.publish(bundle(folder / "b"), folder / "zoo", name="tiny")
    kcs.zoo.add_gallery("tiny", folder / "zoo", images, labels=np.arange(20))
    other = bundle(folder / "c", shape=(8, 8, 3), evaluation={"knn_accuracy": {"trained": 0.9}})
    kcs.zoo.publish(other, folder / "zoo", name="color")
    kcs.zoo.build_site(
        folder / "site", folder / "zoo", runtime=runtimes.npm_package("onnxruntime-web")
    )
    return folder / "site"


@pytest.fixture(scope="module")
def address(site):
    with runtimes.served(site) as address:
        yield address


@pytest.fixture(scope="module")
def browser():
    with runtimes.browser() as browser:
        yield browser


@pytest.fixture
def open_page(browser, address):
    """Opens a page; afterwards it must not have asked elsewhere, nor have failed."""
    contexts, problems = [], []

    def opened(url, **options):
        context = browser.new_context(**options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(1000 * SECONDS)
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("console", lambda m: m.type == "error" and problems.append(m.text))
        page.on(
            "request",
            lambda r: (
                r.url.startswith((address, "data:", "blob:", "file:")) or problems.append(r.url)
            ),
        )
        page.goto(url)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert not problems


def said(page, pattern):
    from playwright.sync_api import expect

    expect(page.locator("#status")).to_contain_text(re.compile(pattern), timeout=1000 * SECONDS)


def nearest_to(image, images, count=8):
    """Cosines of the images nearest to one, `(8, 8, 1)` in [0, 1], by NumPy."""
    matrix = tiny_encoder(os.devnull)
    rows = images.reshape(len(images), -1).astype("float32") / 255 @ matrix
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    query = image.ravel() @ matrix
    cosines = rows @ query / np.linalg.norm(query)
    return sorted(cosines, reverse=True)[:count]


@pytest.mark.parametrize("alone", [False, True], ids=["served", "one file from disk"])
def test_it_finds_the_neighbours_that_numpy_finds(
    alone, open_page, address, site, images, tmp_path
):
    url = f"file://{site}/tiny/tiny.html" if alone else f"{address}/tiny/index.html"
    page = open_page(url)
    said(page, "Picture 1 of the gallery")  # without the runtime
    query = images[6]
    # Of another size and shape: it is cropped and resized as the library does it.
    large = np.pad(np.kron(query[..., 0], np.ones((7, 7), "uint8")), ((0, 0), (10, 10)))
    Image.fromarray(large).save(tmp_path / "query.png")
    page.set_input_files("#file", str(tmp_path / "query.png"))
    said(page, "4 features in .* ms, in this browser")
    lines = page.locator("#near li").all_inner_texts()
    found = [float(line.split()[-1]) for line in lines]
    read = read_image(tmp_path / "query.png", (8, 8), 1)
    np.testing.assert_allclose(found, nearest_to(read, images), atol=0.002)
    assert lines[0].startswith("class 6")


def test_drawing_runs_the_encoder(open_page, address):
    page = open_page(f"{address}/tiny/index.html")
    said(page, "Picture 1 of the gallery")
    page.locator("#clear").click()
    page.locator("#board").scroll_into_view_if_needed()
    box = page.locator("#board").bounding_box()
    page.mouse.move(box["x"] + 50, box["y"] + 50)
    page.mouse.down()
    page.mouse.move(box["x"] + 150, box["y"] + 150, steps=5)
    page.mouse.up()
    said(page, "4 features in")


def test_an_encoder_without_a_gallery_shows_its_features(open_page, address):
    page = open_page(f"{address}/color/index.html")
    box = page.locator("#board").bounding_box()
    page.mouse.click(box["x"] + 60, box["y"] + 60)
    said(page, "4 features in")


def test_a_page_from_disk_that_is_not_one_file_says_what_to_do(open_page, site):
    page = open_page(f"file://{site}/tiny/index.html")
    said(page, "Picture 1 of the gallery")
    assert page.locator("#near li").count() == 8
    box = page.locator("#board").bounding_box()
    page.mouse.click(box["x"] + 60, box["y"] + 60)
    said(page, "Open the one-file page, or serve the site")


def test_the_table_is_sorted_and_filtered(open_page, address):
    page = open_page(f"{address}/index.html")
    names = page.locator("#zoo tbody th")
    assert names.all_inner_texts() == ["color", "tiny"]
    page.locator("th[data-key=accuracy] button").click()
    assert names.all_inner_texts() == ["tiny", "color"]
    page.locator("th[data-key=name] button").click()
    assert names.all_inner_texts() == ["color", "tiny"]
    page.fill("#filter", "simsiam tin")
    assert [name.is_visible() for name in names.all()] == [False, True]


@pytest.mark.parametrize("page_of", ["index.html", "tiny/index.html"])
def test_a_phone_need_not_scroll_sideways(page_of, open_page, address):
    page = open_page(f"{address}/{page_of}", viewport={"width": 360, "height": 740})
    assert page.locator("html").evaluate("page => page.scrollWidth") <= 360
