"""The walk over a folder: which files are taken, and why the others are not."""

import os
import socket

import pytest

from keras_center_ssl.images.walk import Walk


def touch(*paths):
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def names(walk):
    return [os.fsdecode(path) for path in walk.files]


@pytest.fixture
def root(tmp_path):
    root = tmp_path / "root"
    touch(root / "a" / "1.png", root / "b" / "2.png")
    return root


def test_links_to_what_is_listed_anyway_are_skipped(root):
    os.symlink(root / "b", root / "a" / "b")  # all of b would be labelled a
    os.symlink(root / "b" / "2.png", root / "a" / "2.png")
    os.symlink("1.png", root / "a" / "again.png")
    found = Walk(root)
    assert names(found) == ["a/1.png", "b/2.png"] and found.labels == [0, 1]
    assert found.skipped == {
        "a/2.png": "a link to 'b/2.png', which is listed itself",
        "a/again.png": "a link to 'a/1.png', which is listed itself",
        "a/b/": "a link to 'b', which is listed itself",
    }


def test_links_out_of_the_folder_are_followed_once(root, tmp_path):
    store = tmp_path / "store"
    touch(store / "x.png", store / "set" / "y.png")
    os.symlink(store / "x.png", root / "a" / "x.png")
    os.symlink(store / "x.png", root / "b" / "x.png")
    os.symlink(store / "set", root / "a" / "set")
    os.symlink(store / "set", root / "b" / "set")
    os.symlink(store, root / "c")
    found = Walk(root)
    assert names(found) == ["a/1.png", "a/x.png", "a/set/y.png", "b/2.png", "c/x.png"]
    assert found.skipped == {
        "b/x.png": "a link to the same file as 'a/x.png'",
        "b/set/": "a link to the same as 'a/set/'",
        "c/set/": "a link to the same as 'a/set/'",
    }


def test_links_to_what_is_not_listed_are_followed(root):
    # As git-annex and other stores of content do it, in the folder itself.
    touch(root / ".store" / "x.png", root / "b" / "content")
    os.symlink(root / ".store" / "x.png", root / "a" / "x.png")
    os.symlink(root / "b" / "content", root / "b" / "y.png")
    found = Walk(root)
    assert names(found) == ["a/1.png", "a/x.png", "b/2.png", "b/y.png"]
    assert found.skipped == {}


def test_links_upwards_and_in_circles_end(root):
    os.symlink("..", root / "a" / "up")
    os.symlink("/", root / "a" / "everything")
    os.symlink(root.parent, root / "a" / "outside")
    os.symlink("circle.png", root / "a" / "circle.png")
    os.symlink("circle", root / "a" / "circle")
    os.symlink("nowhere", root / "a" / "gone.png")
    found = Walk(root)
    # Broken links are tried again when they are read.
    assert names(found) == ["a/1.png", "a/circle.png", "a/gone.png", "b/2.png"]
    above = "a link to a folder above"
    assert found.skipped == {
        "a/up/": above,
        "a/everything/": above,
        "a/outside/": above,
        "a/circle.png": "Too many levels of symbolic links",
        "a/gone.png": "No such file or directory",
    }


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_regular_files_only(root, monkeypatch):
    os.mkfifo(root / "a" / "pipe.jpg")
    (root / "a" / "folder.jpg").mkdir()
    os.symlink("/dev/zero", root / "a" / "zero.png")
    os.symlink("pipe.jpg", root / "a" / "link.jpg")
    monkeypatch.chdir(root / "a")  # the path of a socket is short
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("socket.png")
        found = Walk(root)
    assert names(found) == ["a/1.png", "b/2.png"]
    assert found.skipped == {
        "a/folder.jpg/": "a folder, not a regular file",
        "a/link.jpg": "a link to 'a/pipe.jpg', which is listed itself",
        "a/pipe.jpg": "a named pipe, not a regular file",
        "a/socket.png": "a socket, not a regular file",
        "a/zero.png": "a device, not a regular file",
    }


def test_images_of_other_kinds_are_listed_and_other_files_counted(root):
    touch(root / "a" / "scan.TIFF", root / "b" / "phone.heic", root / "b" / "notes.txt")
    found = Walk(root)
    assert list(found.skipped) == ["a/scan.TIFF", "b/phone.heic"] and found.others == 3
    assert found.skipped["a/scan.TIFF"].startswith("not read here; those read end in .jpg")


def test_names_of_every_kind(root):
    odd = ["with space.png", "new\nline.png", "\u5199\u771f.png", "quote'\".png", "[b]*?.png"]
    for name in odd:
        touch(root / "a" / name)
    undecodable = os.fsencode(root) + b"/a/\xff\xfe.png"
    with open(undecodable, "wb"):
        pass
    found = Walk(root)
    assert sorted(names(found)) == sorted(
        ["a/1.png", "b/2.png", *(f"a/{name}" for name in odd), os.fsdecode(b"a/\xff\xfe.png")]
    )
