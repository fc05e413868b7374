"""Folders of images: every file once, the same batches from the same seed, nothing fatal."""

import os

import numpy as np
import pytest
import tensorflow as tf

from keras_center_ssl import data
from keras_center_ssl.data import batches, load, multi_view, open_source
from keras_center_ssl.data.folder_source import list_folder
from keras_center_ssl.errors import InputError
from keras_center_ssl.images import memory


def png(value, shape=(8, 8, 1)):
    return tf.io.encode_png(np.full(shape, value, "uint8")).numpy()


def put(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def fill(root, count=40, classes=("a", "b")):
    """Images that show their own number; number i lies in class i % 2."""
    for i in range(count):
        put(root / classes[i % len(classes)] / "deeper" / f"{i:03}.png", png(i))
    return root


BAD = {
    "cut.png": png(200)[:40],
    "cut.jpg": tf.io.encode_jpeg(np.zeros((64, 64, 3), "uint8")).numpy()[:200],
    "empty.jpg": b"",
    "text.jpg": b"hello",
}


def same(images):
    return images, images


def numbers(images):
    return np.rint(np.asarray(images)[:, 0, 0, 0] * 255).astype(int)


def orders(dataset):
    return [numbers(views[0]) for views, *_ in dataset]


def test_listing_is_sorted_recursive_and_labelled(tmp_path):
    fill(tmp_path, 6, ("zwei Wörter", "Ein_s"))
    put(tmp_path / "Ein_s" / "x.JPEG", png(9))
    for ignored in ("Ein_s/notes.txt", ".hidden/1.png", "Ein_s/._x.png", "none/readme.md"):
        put(tmp_path / ignored, b"")
    found = open_source(tmp_path)
    assert found.class_names == ("Ein_s", "zwei Wörter") and found.count == 7
    assert [found.paths[n] for n in range(7)] == [
        "Ein_s/x.JPEG",
        *(f"Ein_s/deeper/00{n}.png" for n in (1, 3, 5)),
        *(f"zwei Wörter/deeper/00{n}.png" for n in (0, 2, 4)),
    ]
    kept = load(str(tmp_path))
    assert numbers(kept.images / 255).tolist() == [9, 1, 3, 5, 0, 2, 4]
    assert kept.labels.tolist() == [0] * 4 + [1] * 3
    assert kept.skipped == {} and kept.name == str(tmp_path)


def test_no_labels_from_one_folder_or_from_loose_files(tmp_path):
    assert not open_source(fill(tmp_path / "one", 4, ("only",))).has_labels
    put(fill(tmp_path / "two", 4) / "loose.png", png(1))
    assert not open_source(tmp_path / "two").has_labels
    with pytest.raises(InputError, match="needs labels"):
        multi_view(tmp_path / "two", same, 2, with_labels=True)


def test_splits(tmp_path, monkeypatch):
    fill(tmp_path / "set" / "train", 8)
    with pytest.raises(InputError, match=r"none for the split 'test'.*val"):
        open_source(tmp_path / "set", "test")
    fill(tmp_path / "set" / "val", 4)
    monkeypatch.chdir(tmp_path)
    assert [open_source("set", split).count for split in ("train", "test")] == [8, 4]
    assert [open_source("set", split).name for split in ("train", "test")] == [
        "set/train",
        "set/val",
    ]
    # Without a folder `train` there is one set.
    assert open_source("set/val", "test").count == 4


@pytest.mark.parametrize("cache_bytes", [0, 2**30])
def test_every_image_once_an_epoch_whatever_is_unreadable(tmp_path, cache_bytes):
    fill(tmp_path)
    dataset = multi_view(tmp_path, same, 8, with_labels=True, cache_bytes=cache_bytes)
    assert int(dataset.cardinality()) == 5
    assert dataset.element_spec[0][0].shape == (8, 8, 8, 1)
    seen = []
    for _ in range(2):
        epoch = [(numbers(views[0]), labels.numpy()) for views, labels in dataset]
        seen.append(np.concatenate([batch for batch, _ in epoch]))
        assert sorted(seen[-1]) == list(range(40))
        np.testing.assert_array_equal(np.concatenate([x for _, x in epoch]), seen[-1] % 2)
    assert (seen[0] != seen[1]).any()


def test_unreadable_files_are_skipped_counted_and_listed(tmp_path):
    fill(tmp_path)
    for name, content in BAD.items():
        put(tmp_path / "a" / name, content)
    os.symlink("nowhere", tmp_path / "a" / "gone.png")
    kept = load(tmp_path)
    assert sorted(numbers(kept.images / 255)) == list(range(40))
    np.testing.assert_array_equal(kept.labels, numbers(kept.images / 255) % 2)
    words = {
        "a/cut.png": "damaged (Invalid PNG",
        "a/cut.jpg": "damaged (",
        "a/empty.jpg": "an empty file",
        "a/text.jpg": "no image of a known format",
        "a/gone.png": "No such file",
    }
    assert set(kept.skipped) == set(words)
    for file, start in words.items():
        assert kept.skipped[file].startswith(start)
    report = kept.report()
    assert report["images"] == 40
    assert [entry["file"] for entry in report["skipped"]] == sorted(words)
    # Read batch by batch, other images take their places, and no image is twice in a batch.
    dataset = multi_view(tmp_path, same, 9, with_labels=True, cache_bytes=0)
    found = [(numbers(views[0]), labels.numpy()) for views, labels in dataset]
    assert [len(set(batch)) for batch, _ in found] == [9] * 5
    for batch, labels in found:
        np.testing.assert_array_equal(labels, batch % 2)
    assert dataset.skipped == kept.skipped
    plain = [images for images in batches(tmp_path, 16)]
    assert [len(images) for images in plain] == [16, 16, 8]
    np.testing.assert_array_equal(np.concatenate(plain), kept.images / np.float32(255))
    source = open_source(tmp_path)
    list(batches(source, 16))
    np.testing.assert_array_equal(source.labels, kept.labels)


def test_batches_depend_on_seed_and_position_only(tmp_path):
    fill(tmp_path)
    for name, content in BAD.items():
        put(tmp_path / "a" / name, content)

    def make(**options):
        return multi_view(tmp_path, same, 8, cache_bytes=0, **options)

    straight = make()
    epochs = orders(straight) + orders(straight)
    for parallel in (1, 3):
        np.testing.assert_array_equal(orders(make(num_parallel_calls=parallel)), epochs[:5])
    resumed = make()
    resumed.position.set(0, 3)  # nothing is known of the files that were skipped before
    np.testing.assert_array_equal(orders(resumed), epochs[3:8])
    assert (np.concatenate(orders(make(seed=1))) != np.concatenate(epochs[:5])).any()
    (ordered, *_) = orders(make(shuffle=False))
    assert ordered.tolist() == list(range(0, 16, 2))


def test_loops_of_links_end(tmp_path):
    fill(tmp_path, 6)
    os.symlink("..", tmp_path / "a" / "round")
    os.symlink(tmp_path / "a", tmp_path / "b" / "across")
    os.symlink(tmp_path / "b", tmp_path / "a" / "back")
    assert sorted(numbers(load(tmp_path).images / 255)) == list(range(6))


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may read everything")
def test_a_folder_without_permission_is_listed(tmp_path):
    fill(tmp_path, 6)
    (tmp_path / "a").chmod(0)
    try:
        assert open_source(tmp_path).skipped == {"a/": "Permission denied"}
    finally:
        (tmp_path / "a").chmod(0o755)


def test_a_folder_that_cannot_be_opened_is_listed(tmp_path, monkeypatch):
    fill(tmp_path, 6)
    scandir = os.scandir

    def closed(path):
        if os.path.basename(os.path.normpath(path)) == "a":
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", closed)
    found = open_source(tmp_path)
    assert found.skipped == {"a/": "Permission denied"} and found.count == 3
    monkeypatch.setattr(os, "scandir", lambda path: closed("a"))
    with pytest.raises(InputError, match="cannot be read: Permission denied"):
        open_source(tmp_path)


def test_mixed_sizes_need_image_size(tmp_path):
    fill(tmp_path, 6)
    put(tmp_path / "a" / "large.png", png(77, (30, 20, 3)))
    words = r"'a/large.png' is 30 x 20 and 'a/deeper/000.png' is 8 x 8.*`image_size=`"
    with pytest.raises(InputError, match=words):
        open_source(tmp_path)
    kept = load(tmp_path, image_size=16)
    assert kept.images.shape == (7, 16, 16, 3)
    assert sorted(numbers(kept.images / 255)) == [0, 1, 2, 3, 4, 5, 77]
    assert load(tmp_path, image_size=(4, 6), channels=1).images.shape == (7, 4, 6, 1)
    opened = open_source(tmp_path, image_size=16)
    dataset = multi_view(opened, same, 7, cache_bytes=0)
    assert dataset.element_spec[0][0].shape == (7, 16, 16, 3)
    assert sorted(orders(dataset)[0]) == [0, 1, 2, 3, 4, 5, 77]


def test_another_size_found_while_reading_is_named(tmp_path):
    fill(tmp_path, 200)
    put(tmp_path / "a" / "deeper" / "001x.png", png(77, (9, 9, 1)))
    with pytest.raises(InputError, match=r"'a/deeper/001x.png'.* is 9 x 9 .*`image_size=`"):
        load(tmp_path)
    dataset = multi_view(tmp_path, same, 8, cache_bytes=0)
    with pytest.raises(InputError, match="is 9 x 9"), data.input_errors():
        list(dataset)


def test_grey_folders_stay_grey_and_sixteen_bits_stay_fine(tmp_path):
    steps = np.arange(4096, dtype="uint16").reshape(64, 64, 1)
    put(tmp_path / "wide.png", tf.io.encode_png(steps).numpy())
    put(tmp_path / "narrow.png", png(51, (64, 64, 2)))
    kept = load(tmp_path)
    assert kept.images.shape == (2, 64, 64, 1) and kept.images.dtype == np.float32
    np.testing.assert_allclose(kept.images[0], 0.2, atol=1e-6)
    np.testing.assert_allclose(kept.images[1], steps / 65535, atol=1e-6)
    colour = load(tmp_path, channels=3).images
    np.testing.assert_array_equal(colour, np.repeat(kept.images, 3, axis=-1))


def test_sixteen_bits_of_colour_in_a_batch(tmp_path, rng):
    pixels = rng.integers(0, 2**16, (4, 8, 8, 3), "uint16")
    for number, image in enumerate(pixels):
        put(tmp_path / f"{number}.png", tf.io.encode_png(image).numpy())
    np.testing.assert_array_equal(load(tmp_path).images, pixels / np.float32(65535))
    # What is found later, in a folder of 8 bits, keeps the upper ones.
    for number in range(4, 200):
        put(tmp_path / f"{number:03}.png", png(number, (8, 8, 3)))
    (tmp_path / "000.png").write_bytes((tmp_path / "004.png").read_bytes())
    os.replace(tmp_path / "1.png", tmp_path / "0041.png")
    for number in (0, 2, 3):
        (tmp_path / f"{number}.png").unlink()
    found = load(tmp_path)
    assert found.images.dtype == np.uint8
    np.testing.assert_array_equal(found.images[found.files.index("0041.png")], pixels[1] >> 8)


def test_files_of_the_rows(tmp_path):
    fill(tmp_path, 6)
    put(tmp_path / "a" / "broken.png", b"x")
    kept = load(tmp_path)
    assert kept.files == tuple(f"{'ab'[i % 2]}/deeper/{i:03}.png" for i in (0, 2, 4, 1, 3, 5))
    dataset = batches(tmp_path, 4)
    rows = np.concatenate([numbers(images) for images in dataset])
    assert [int(file[-7:-4]) for file in dataset.source.files] == rows.tolist()
    assert load(kept, limit=2).files == kept.files[:2]


def test_animations_are_their_first_frame_and_what_blocks_is_skipped(tmp_path, capfd):
    from PIL import Image

    fill(tmp_path, 6)
    frames = [Image.fromarray(np.full((8, 8), value, "uint8")) for value in (77, 0, 200)]
    for ending in ("webp", "gif", "png"):
        frames[0].save(
            tmp_path / "a" / f"moving.{ending}", save_all=True, append_images=frames[1:], lossless=1
        )
    os.mkfifo(tmp_path / "a" / "pipe.jpg")
    put(tmp_path / "b" / "cut.jpg", BAD["cut.jpg"])
    kept = load(tmp_path)
    assert sorted(numbers(kept.images / 255)) == [0, 1, 2, 3, 4, 5, 77, 77, 77]
    assert set(kept.skipped) == {"a/pipe.jpg", "b/cut.jpg"}
    dataset = multi_view(tmp_path, same, 9, cache_bytes=0)
    assert sorted(orders(dataset)[0]) == [0, 1, 2, 3, 4, 5, 77, 77, 77]
    assert capfd.readouterr().err == ""


def test_limit_is_spread_over_the_classes(tmp_path):
    kept = load(fill(tmp_path), limit=10)
    assert np.bincount(kept.labels).tolist() == [5, 5]


def test_fingerprint_is_of_names_sizes_and_samples(tmp_path):
    first, second = fill(tmp_path / "first"), fill(tmp_path / "second")
    fingerprint = open_source(first).fingerprint
    os.utime(second / "a" / "deeper" / "000.png", (0, 0))
    assert open_source(second).fingerprint == fingerprint and len(fingerprint) == 16
    put(second / "a" / "deeper" / "000.png", png(99))
    changed = open_source(second).fingerprint
    put(second / "a" / "deeper" / "000.png", png(0))
    (second / "a" / "deeper" / "000.png").rename(second / "a" / "deeper" / "999.png")
    assert len({fingerprint, changed, open_source(second).fingerprint}) == 3


def test_many_paths_are_listed_once_and_kept_small(tmp_path, monkeypatch):
    for number in range(20):
        (tmp_path / f"class_{number:02}").mkdir()
        for file in range(500):
            (tmp_path / f"class_{number:02}" / f"{file:06}.jpg").touch()
    listed = []
    scandir = os.scandir
    monkeypatch.setattr(os, "scandir", lambda path: listed.append(path) or scandir(path))
    found = list_folder(tmp_path, "many")
    assert found.count == 10_000 and len(listed) == len(set(listed)) == 21
    assert found.paths[9_999] == "class_19/000499.jpg"
    assert len(found.paths.text) == 10_000 * len("class_19/000499.jpg")
    np.testing.assert_array_equal(found.labels, np.arange(10_000) // 500)


def test_what_does_not_fit_into_memory_is_refused(tmp_path, monkeypatch):
    fill(tmp_path, 6)
    monkeypatch.setattr(memory, "available_memory", lambda: 2**30)
    words = r"take 1.3 GiB in memory, and 1.0 GiB are available.*batches.*image_size"
    with pytest.raises(InputError, match=words):
        load(tmp_path, image_size=15000)
    assert open_source(tmp_path, image_size=15000).image_shape == (15000, 15000, 1)


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({}, "has no images in it"),
        ({"a/notes.txt": b"x", "b.tif": b"x"}, r"no file ends in one of .jpg.*2 other file"),
        ({"a.jpg": b"x", "b.png": b""}, r"no readable images: of 2 files.*'a.jpg', no image of"),
    ],
)
def test_folders_without_images_are_refused(tmp_path, files, words):
    (tmp_path / "set").mkdir()
    for name, content in files.items():
        put(tmp_path / "set" / name, content)
    with pytest.raises(InputError, match=words) as caught:
        open_source(tmp_path / "set")
    assert "\n" not in str(caught.value)


def test_one_image_is_no_batch(tmp_path):
    put(tmp_path / "a.png", png(3))
    assert load(tmp_path).images.shape == (1, 8, 8, 1)
    with pytest.raises(InputError, match="4 images cannot be made of 1"):
        multi_view(tmp_path, same, 4)


def test_too_few_readable_files_for_a_batch(tmp_path):
    fill(tmp_path, 2)
    for name, content in BAD.items():
        put(tmp_path / "a" / name, content)
    with pytest.raises(InputError, match="5 images cannot be made of 2"):
        multi_view(tmp_path, same, 5)
    dataset = multi_view(tmp_path, same, 5, cache_bytes=0)
    with pytest.raises(InputError, match="Only 2 of the 6 files"), data.input_errors():
        list(dataset)


def test_paths_that_do_not_exist(tmp_path, monkeypatch):
    fill(tmp_path / "imagenet100", 2)
    put(tmp_path / "images.zip", b"x")
    monkeypatch.chdir(tmp_path)
    for name in ("imagenet10", "imagnet100/train"):
        with pytest.raises(InputError, match=r"neither a known name nor a path.*'imagenet100'"):
            open_source(name)
    with pytest.raises(InputError, match=r"'images.zip' is a file of a kind"):
        open_source("images.zip")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"image_size": 0}, "`image_size`"),
        ({"image_size": (8,)}, "`image_size`"),
        ({"image_size": "8"}, "`image_size`"),
        ({"channels": 2}, "`channels`"),
    ],
)
def test_wrong_options_are_refused(options, words):
    with pytest.raises(InputError, match=words):
        load("digits", **options)
