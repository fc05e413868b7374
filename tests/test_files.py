"""Whole files, and system errors in words."""

import errno
import os
import pathlib
import re

import numpy as np
import pytest

from keras_center_ssl import files


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_file_is_written_whole_or_not_at_all(tmp_path):
    path = tmp_path / "a.txt"
    files.write_text(path, "first")
    with pytest.raises(RuntimeError), files.atomic_file(path) as file:
        file.write(b"half")
        raise RuntimeError
    with pytest.raises(RuntimeError), files.atomic_path(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert path.read_text() == "first" and names(tmp_path) == ["a.txt"]
    with files.atomic_path(path) as temporary:
        assert temporary.suffix == ".txt"
        temporary.write_text("second")
        assert path.read_text() == "first"
    assert path.read_text() == "second" and names(tmp_path) == ["a.txt"]


def test_new_files_have_the_permissions_that_the_user_set(tmp_path):
    before = os.umask(0o027)
    try:
        files.write_text(tmp_path / "a.txt", "")
    finally:
        os.umask(before)
    assert (tmp_path / "a.txt").stat().st_mode & 0o777 == 0o640


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "real.txt").write_text("first")
    (tmp_path / "link.txt").symlink_to("real.txt")
    files.write_text(tmp_path / "link.txt", "second")
    assert (tmp_path / "link.txt").is_symlink()
    assert (tmp_path / "real.txt").read_text() == "second"


@pytest.mark.parametrize(
    "place, number",
    [("folder", errno.EISDIR), ("file/x", errno.ENOTDIR), ("none/x", errno.ENOENT)],
)
def test_what_cannot_be_written_is_named_and_leaves_nothing(tmp_path, place, number):
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError) as caught:
        files.write_text(tmp_path / place, "x")
    assert caught.value.errno == number
    assert caught.value.filename == str(tmp_path / place)
    assert names(tmp_path) == ["file", "folder"] and not names(tmp_path / "folder")
    if place != "none/x":  # whoever writes makes missing folders
        with pytest.raises(OSError) as early:
            files.check_writable(tmp_path / place)
        assert early.value.errno == number


def test_devices_and_pipes_are_not_replaced(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "full").symlink_to("/dev/full")
    for name in ("pipe", "full"):
        for refuse in (files.check_writable, lambda path: files.write_text(path, "x")):
            with pytest.raises(OSError, match="device or a pipe"):
                refuse(tmp_path / name)
    assert names(tmp_path) == ["full", "pipe"]


def test_the_words_of_libraries_become_the_systems_own(tmp_path):
    with pytest.raises(OSError) as caught, files.atomic_path(tmp_path / "a.keras") as temporary:
        temporary.write_bytes(b"half")
        raise RuntimeError("write failed: errno = 28, 'No space left on device'")
    assert (caught.value.errno, caught.value.filename) == (errno.ENOSPC, str(tmp_path / "a.keras"))
    assert not names(tmp_path)


@pytest.mark.parametrize(
    "error, words",
    [
        (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "a"), "'a': No space left .* no room"),
        (ValueError("in HDF5: No space left on device"), "No space left .* no room left"),
        (PermissionError(errno.EACCES, "Permission denied", "a"), "'a': Permission .* permissions"),
        (OSError(errno.EROFS, os.strerror(errno.EROFS), "a"), "'a': Read-only .* permissions"),
        (IsADirectoryError(errno.EISDIR, "Is a directory", "a"), "'a': .* a file is expected"),
        (OSError("no number\nsecond line"), "^no number\\.$"),
        (OSError(errno.EIO, "Input/output error", 3), "3: Input/output error"),
        (FileExistsError(errno.EEXIST, "File exists", "a", None, "b"), "'a' and 'b': File exists"),
    ],
)
def test_system_errors_in_words(error, words):
    text = files.in_words(error)
    assert "\n" not in text
    assert re.search(words, text), text


def test_numpys_advice_to_load_unsafely_is_left_out(tmp_path):
    np.save(tmp_path / "objects.npy", np.array([{}], dtype=object), allow_pickle=True)
    (tmp_path / "pickle.npy").write_bytes(b"\x80\x04x.")
    header = "{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }" + " " * 20_000 + "\n"
    long = b"\x93NUMPY\x02\x00" + len(header).to_bytes(4, "little") + header.encode()
    (tmp_path / "header.npy").write_bytes(long)
    for name in names(tmp_path):
        with pytest.raises(ValueError) as caught:
            np.load(tmp_path / name, allow_pickle=False)
        assert "only arrays of numbers" in files.numpy_reason(caught.value), caught.value
    assert files.numpy_reason(ValueError("cannot reshape array")) == "cannot reshape array"


def test_what_a_killed_process_left_is_removed_and_nothing_else(tmp_path):
    with pytest.raises(RuntimeError), files.atomic_path(tmp_path / "a.keras") as temporary:
        left = [temporary.name]
        raise RuntimeError
    with pytest.raises(RuntimeError), files.atomic_file(tmp_path / "a.csv") as file:
        left.append(pathlib.Path(file.name).name)
        raise RuntimeError
    kept = ["a.tmp", "b.1234.tmp", "c.tmp.keras"]
    for name in (*left, *kept):
        (tmp_path / name).write_text("half")
    files.remove_unfinished(tmp_path)
    assert names(tmp_path) == kept
