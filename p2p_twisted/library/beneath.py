"""Open, rename and remove files below a folder without following links.

Each step starts from the descriptor of the folder above. The folder itself may be a link, because the user named it;
below it, a link could lead anywhere.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

_CALLS = {os.open, os.mkdir, os.stat, os.unlink, os.rename, os.link}
STEPWISE = os.supports_dir_fd >= _CALLS and hasattr(os, "O_NOFOLLOW") and hasattr(os, "O_DIRECTORY")
"""Whether this system has calls relative to a descriptor, as all but Windows do; else paths are checked before use."""
CLOEXEC = getattr(os, "O_CLOEXEC", 0)
NOFOLLOW = getattr(os, "O_NOFOLLOW", 0)
NONBLOCK = getattr(os, "O_NONBLOCK", 0)
BINARY = getattr(os, "O_BINARY", 0)

_FOLDER = getattr(os, "O_PATH", os.O_RDONLY) | getattr(os, "O_DIRECTORY", 0) | CLOEXEC
_KINDS = (
    (stat.S_ISLNK, "a link"),
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


@dataclass(frozen=True)
class Folder:
    """An open folder. System calls name its files `at(name)`, with dir_fd=`fd`."""

    fd: int | None
    root: Path
    segments: Sequence[str]
    """Keep the place of the folder: `segments` below `root`."""

    @property
    def path(self) -> Path:
        """Its path, for messages and for calls where there is no descriptor."""
        return self.root.joinpath(*self.segments)

    def at(self, name: str) -> str:
        """Return the path by which a system call names the file `name` of this folder."""
        return name if self.fd is not None else os.fspath(self.path / name)

    def status(self, name: str) -> os.stat_result | None:
        """Return the status of `name` itself, no link followed; None when there is none. Raises OSError."""
        with suppress(FileNotFoundError):
            return os.stat(self.at(name), dir_fd=self.fd, follow_symlinks=False)
        return None

    def open(self, name: str, flags: int, mode: int = 0o644) -> int:
        """Open the regular file `name`; return its descriptor. Never waits, for instance for the writer of a pipe.

        Raises OSError, of which the text says what is there when it is no regular file.
        """
        try:
            fd = os.open(self.at(name), flags | NOFOLLOW | NONBLOCK | CLOEXEC | BINARY, mode, dir_fd=self.fd)
        except OSError:
            self._check_kind(name, self.status(name))
            raise
        with closed_on_error(fd):
            self._check_kind(name, os.fstat(fd))
        return fd

    def remove(self, name: str) -> None:
        """Remove the file `name`. Raises OSError."""
        os.unlink(self.at(name), dir_fd=self.fd)

    def link(self, name: str, new: str) -> None:
        """Give the file `name` a second name; of a link, the link itself. Raises FileExistsError when that is taken,
        OSError.
        """
        follow = os.link not in os.supports_follow_symlinks
        os.link(self.at(name), self.at(new), src_dir_fd=self.fd, dst_dir_fd=self.fd, follow_symlinks=follow)

    def replace(self, name: str, new: str) -> None:
        """Rename the file `name`, in place of any other that is called `new`. Raises OSError."""
        os.replace(self.at(name), self.at(new), src_dir_fd=self.fd, dst_dir_fd=self.fd)

    @contextmanager
    def entries(self) -> Iterator[Iterator[os.DirEntry[str]]]:
        """Give what is in the folder, for the length of the block. Raises OSError."""
        fd = os.open(".", os.O_RDONLY | CLOEXEC, dir_fd=self.fd)
        try:
            with os.scandir(fd) as found:
                yield found
        finally:
            close(fd)

    def own_status(self) -> os.stat_result:
        """Return the status of the folder. Raises OSError."""
        return self.path.stat() if self.fd is None else os.fstat(self.fd)

    def _check_kind(self, name: str, status: os.stat_result | None) -> None:
        if status is not None and not stat.S_ISREG(status.st_mode):
            text = f"it is {kind_of(status)}, not a file; move it away"
            raise OSError(errno.ELOOP if stat.S_ISLNK(status.st_mode) else errno.EINVAL, text, str(self.path / name))


def close(fd: int) -> None:
    """Close `fd`, which is closed even where close(2) fails: what that may say of written data is not asked here."""
    with suppress(OSError):
        os.close(fd)


@contextmanager
def closed_on_error(fd: int) -> Iterator[None]:
    """Close `fd` if an exception leaves the block."""
    try:
        yield
    except BaseException:
        close(fd)
        raise


def kind_of(status: os.stat_result) -> str:
    """Return the kind of file that has this status, in words."""
    return next((kind for is_one, kind in _KINDS if is_one(status.st_mode)), "a file")


@contextmanager
def folder_beneath(root: Path, segments: Sequence[str], make: bool = False) -> Iterator[Folder]:
    """Open the folder `segments` below `root` for the block; with `make`, make missing folders, `root` included.

    Raises OSError; for a link below `root`, or anything else that is not a folder, its text says where it is.
    """
    if not STEPWISE:
        if make:
            root.mkdir(parents=True, exist_ok=True)
        yield Folder(None, _checked(Path(os.path.realpath(root)), segments, make), ())
        return
    fd = _open_root(root, make)
    try:
        for number in range(len(segments)):
            outer, fd = fd, _step(Folder(fd, root, segments[:number]), segments[number], make)
            close(outer)
        yield Folder(fd, root, segments)
    finally:
        close(fd)


def open_file_beneath(root: Path, segments: Sequence[str]) -> int:
    """Open a regular file below `root` for reading; return its descriptor, the caller's to close.

    Raises FileNotFoundError when there is no such readable file, or a link stands anywhere below `root`: checked while
    opening, so a folder swapped for a link since the scan does not help. Raises OSError when no descriptor is left.
    """
    try:
        with folder_beneath(root, segments[:-1]) as folder:
            return folder.open(segments[-1], os.O_RDONLY)
    except OSError as e:
        if e.errno in (errno.EMFILE, errno.ENFILE):
            raise
        raise FileNotFoundError(errno.ENOENT, f"cannot be opened ({e.strerror})", "/".join(segments)) from e


def _open_root(root: Path, make: bool) -> int:
    try:
        return os.open(root, _FOLDER)
    except FileNotFoundError:
        if not make:
            raise
    root.mkdir(parents=True, exist_ok=True)
    return os.open(root, _FOLDER)


def _step(folder: Folder, segment: str, make: bool) -> int:
    """Open the folder `segment` in `folder`."""
    if make:
        with suppress(FileExistsError):
            os.mkdir(segment, dir_fd=folder.fd)
    try:
        return os.open(segment, _FOLDER | NOFOLLOW, dir_fd=folder.fd)
    except NotADirectoryError as e:
        status = os.stat(segment, dir_fd=folder.fd, follow_symlinks=False)
        raise _no_folder(folder.path / segment, status) from e


def _checked(path: Path, segments: Sequence[str], make: bool) -> Path:
    """Check `segments` for links, on systems without calls relative to a descriptor."""
    for segment in segments:
        path /= segment
        if make:
            with suppress(FileExistsError):
                path.mkdir()
        if not stat.S_ISDIR((status := path.lstat()).st_mode):
            raise _no_folder(path, status)
    return path


def _no_folder(path: Path, status: os.stat_result) -> OSError:
    """Return the error for a path that is not a folder; a link never is one."""
    is_link = stat.S_ISLNK(status.st_mode)
    why = "and no link below the folder is followed" if is_link else "not a folder"
    return NotADirectoryError(errno.ENOTDIR, f"{path} is {kind_of(status)}, {why}", str(path))
