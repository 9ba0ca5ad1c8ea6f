"""The way to a file below a folder: through no link, to nothing but files, and without waiting."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from p2p_twisted.library import beneath
from p2p_twisted.library.beneath import folder_beneath


@pytest.fixture(params=["step by step", "by paths that were looked at"], autouse=True)
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param != "step by step":
        monkeypatch.setattr(beneath, "STEPWISE", False)


@pytest.fixture
def outside(tmp_path: Path):
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "file").write_bytes(b"mine")
    return tmp_path / "outside"


@pytest.fixture
def root(tmp_path: Path):
    (tmp_path / "root").mkdir()
    return tmp_path / "root"


def content(root, name):
    *folders, base = name.split("/")
    with folder_beneath(root, folders) as folder:
        fd = folder.open(base, os.O_RDONLY)
        try:
            return os.read(fd, 100)
        finally:
            os.close(fd)


def bind_socket(path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.fspath(path))


class TestFolders:
    def test_missing_folders_are_made_on_request(self, root) -> None:
        with folder_beneath(root / "new", ["a", "b"], make=True) as folder:
            os.close(folder.open("file", os.O_WRONLY | os.O_CREAT))
        assert (root / "new" / "a" / "b" / "file").is_file()

    def test_missing_folders_are_not_made_otherwise(self, root) -> None:
        with pytest.raises(FileNotFoundError), folder_beneath(root, ["a"]):
            pass
        assert list(root.iterdir()) == []

    def test_the_root_may_be_a_link(self, root, outside, tmp_path: Path) -> None:
        (tmp_path / "link").symlink_to(outside)
        assert content(tmp_path / "link", "file") == b"mine"

    @pytest.mark.parametrize("make", [False, True])
    @pytest.mark.parametrize("name", ["sub", "sub/inner"])
    def test_a_link_below_it_leads_nowhere(self, root, outside, make, name) -> None:
        (outside / "inner").mkdir()
        (root / "sub").symlink_to(outside)
        with pytest.raises(OSError, match=r"/root/sub is a link"), folder_beneath(root, name.split("/"), make):
            pass
        assert sorted(path.name for path in outside.iterdir()) == ["file", "inner"]

    def test_a_file_in_place_of_a_folder_is_refused(self, root) -> None:
        (root / "sub").write_bytes(b"")
        with pytest.raises(OSError, match=r"/root/sub is a file, not a folder"), folder_beneath(root, ["sub"], True):
            pass

    def test_nothing_stays_open(self, root) -> None:
        (root / "a" / "b").mkdir(parents=True)
        before = os.listdir("/proc/self/fd")  # noqa: PTH208
        with folder_beneath(root, ["a", "b"]):
            pass
        with pytest.raises(OSError, match="No such file"), folder_beneath(root, ["a", "b", "c"]):
            pass
        assert os.listdir("/proc/self/fd") == before  # noqa: PTH208


class TestFiles:
    def test_a_file_in_a_subfolder_is_opened(self, root) -> None:
        (root / "sub").mkdir()
        (root / "sub" / "file").write_bytes(b"data")
        assert content(root, "sub/file") == b"data"

    def test_a_link_is_refused(self, root, outside) -> None:
        (root / "file").symlink_to(outside / "file")
        with pytest.raises(OSError, match="it is a link, not a file"):
            content(root, "file")

    @pytest.mark.parametrize("flags", [os.O_RDONLY, os.O_WRONLY, os.O_RDWR, os.O_RDWR | os.O_CREAT])
    @pytest.mark.parametrize(
        ("kind", "make"), [("a named pipe", os.mkfifo), ("a folder", os.mkdir), ("a socket", bind_socket)]
    )
    def test_a_pipe_socket_or_folder_is_refused_at_once(self, root, flags, kind, make) -> None:
        make(root / "it")
        complaint = pytest.raises(OSError, match=f"it is {kind}, not a file; move it away")
        with folder_beneath(root, []) as folder, complaint:
            folder.open("it", flags)

    @pytest.mark.skipif(os.geteuid() != 0, reason="only root can make devices")
    def test_a_device_is_refused(self, root) -> None:
        os.mknod(root / "it", 0o020600, os.makedev(1, 3))
        with pytest.raises(OSError, match="it is a device, not a file"):
            content(root, "it")

    def test_status_is_that_of_a_link_itself(self, root, outside) -> None:
        (root / "link").symlink_to(outside / "file")
        with folder_beneath(root, []) as folder:
            assert folder.status("link") == (root / "link").lstat()
            assert folder.status("other") is None
