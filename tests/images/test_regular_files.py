"""Only regular files are opened, and nothing blocks."""

import os

import pytest

from keras_center_ssl.images.regular_files import Unreadable, open_regular


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_what_is_no_regular_file_does_not_block(tmp_path):
    os.mkfifo(tmp_path / "pipe.jpg")
    with pytest.raises(Unreadable, match="a named pipe"):
        open_regular(tmp_path / "pipe.jpg")
    with pytest.raises(Unreadable, match="a folder"):
        open_regular(tmp_path)
    with pytest.raises(Unreadable, match="a device"):
        open_regular("/dev/zero")
    with pytest.raises(Unreadable, match="No such file"):
        open_regular(tmp_path / "none.png")
    with open(tmp_path / "huge.png", "wb") as file:
        file.truncate(2**33)
    with pytest.raises(Unreadable, match=r"a file of 8\.0 GiB"):
        open_regular(tmp_path / "huge.png")
