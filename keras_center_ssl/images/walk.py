"""The image files below a folder, in an order that does not depend on the file system."""

import os

from keras_center_ssl.images.regular_files import irregular

SUFFIXES = (".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".gif", ".webp")

# Images that other programs read. They are listed as skipped, and not passed over in silence.
OTHER_IMAGES = (".tif", ".tiff", ".heic", ".heif", ".avif", ".jp2", ".jxl", ".svg", ".psd", ".ppm")


class Walk:
    """What is found below `root`, in one walk in the order of names.

    Files and folders whose name begins with a dot are left out, and so are files that do not end
    like an image. Links are followed out of `root`, and each folder and file they lead to is read
    once. A link to what is listed anyway, in `root` itself, is skipped: it would show an image
    twice, and under another label. So is a link to a folder above, which would lead round and
    round.

    Attributes:
        files: list of bytes, paths relative to `root`.
        labels: for each file the number of its first folder level in `classes`, -1 for none.
        classes: names of the folders of the first level that hold images.
        loose: number of files beside those folders.
        others: number of files that are no images.
        skipped: dict, path -> why it was not taken.
    """

    def __init__(self, root):
        self.files, self.labels, self.classes = [], [], []
        self.loose = self.others = 0
        self.skipped = {}
        self._root = os.fspath(root)
        self._real_root = os.path.realpath(root)
        self._seen = {}  # device and inode of folders, and of files behind links -> path
        folders = [""]  # still to be listed, relative to `root`, the next one last
        while folders:
            folders += reversed(self._list(folders.pop()))

    def _list(self, prefix):
        """Takes the files of one folder; returns the folders in it."""
        try:
            if not self._first_time(os.stat(os.path.join(self._root, prefix)), prefix):
                return []
            with os.scandir(os.path.join(self._root, prefix)) as found:
                entries = sorted((e for e in found if e.name[0] != "."), key=lambda e: e.name)
        except OSError as error:
            self.skipped[prefix] = error.strerror
            return []
        inner = []
        for entry in entries:
            path = prefix + entry.name
            is_folder, is_image = _is_folder(entry), _ends_in(entry.name, SUFFIXES)
            if not (is_folder or is_image):
                self.others += 1
                if _ends_in(entry.name, OTHER_IMAGES):
                    self.skipped[path] = f"not read here; those read end in {', '.join(SUFFIXES)}"
                continue
            try:
                reason = self._why_not(entry, is_folder and is_image)
            except OSError as error:
                # A broken link, or a circle of them. It is listed, and tried again when it is read:
                # what it leads to may be there by then.
                self.skipped[path] = error.strerror
                self._take(prefix, path)
                continue
            if reason is not None:
                self.skipped[f"{path}/" if is_folder else path] = reason
            elif is_folder:
                inner.append(f"{path}/")
            else:
                self._take(prefix, path)
        return inner

    def _take(self, prefix, path):
        top = prefix.partition("/")[0]
        if top and (not self.classes or self.classes[-1] != top):
            self.classes.append(top)
        self.files.append(os.fsencode(path))
        self.labels.append(len(self.classes) - 1)
        self.loose += not top

    def _first_time(self, status, path):
        """Whether a folder is met for the first time; if not, `skipped` says where it is."""
        first = self._seen.setdefault((status.st_dev, status.st_ino), path)
        if first != path:
            self.skipped[path] = f"a link to the same as {first!r}"
        return first == path

    def _why_not(self, entry, named_like_an_image):
        """Why a folder or an image is not taken, or None."""
        if named_like_an_image:
            return irregular(entry.stat())
        if entry.is_symlink():
            reason = self._why_not_follow(entry)
            if reason is not None:
                return reason
        if entry.is_dir() or entry.is_file():
            return None
        return irregular(entry.stat())

    def _why_not_follow(self, entry):
        """Why a link is not followed, or None."""
        target, is_folder = os.path.realpath(entry.path), entry.is_dir()
        if is_folder and os.path.join(self._real_root, "").startswith(os.path.join(target, "")):
            return "a link to a folder above"
        if target.startswith(os.path.join(self._real_root, "")):
            within = os.path.relpath(target, self._real_root)
            hidden = any(part.startswith(".") for part in within.split(os.sep))
            if not hidden and (is_folder or _ends_in(within, SUFFIXES)) and os.path.exists(target):
                return f"a link to {within!r}, which is listed itself"
        if not is_folder:  # folders are compared when they are listed
            status = entry.stat()
            first = self._seen.setdefault((status.st_dev, status.st_ino), entry.path)
            if first != entry.path:
                return f"a link to the same file as {os.path.relpath(first, self._root)!r}"
        return None


def _is_folder(entry):
    try:
        return entry.is_dir()
    except OSError:  # a circle of links
        return False


def _ends_in(name, endings):
    return name.lower().endswith(endings)
