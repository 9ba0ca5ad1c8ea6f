"""A document put in place from a file of this machine: by each way of copying that there may be, and verified."""

from __future__ import annotations

import errno
import fcntl
import os
from pathlib import Path
from threading import Event

import pytest

from p2p_twisted.swarm import local_copy as copying
from p2p_twisted.swarm.errors import DiskFull, NameTaken
from p2p_twisted.swarm.local_copy import Stopped, copy_file
from p2p_twisted.swarm.target import Target
from tests.support.fake_sources import PIECE, Document, is_document

DOCUMENT = Document(3)


def failing(number):
    def call(*args, **kwargs) -> None:
        raise OSError(number, os.strerror(number))

    return call


@pytest.fixture(params=["the best way", "without clones", "without copy_file_range", "of another file system"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param != "the best way":
        monkeypatch.setattr(copying, "_clone", lambda source, to: False)
    if request.param == "without copy_file_range":
        monkeypatch.delattr(os, "copy_file_range")
    elif request.param == "of another file system":
        monkeypatch.setattr(os, "copy_file_range", failing(errno.EXDEV))


@pytest.fixture
def source(tmp_path: Path):
    path = tmp_path / "source.bin"
    path.write_bytes(DOCUMENT.data)
    with path.open("rb") as file:
        yield file


@pytest.fixture
def folder(tmp_path: Path):
    (tmp_path / "folder").mkdir()
    return tmp_path / "folder"


def copied(source, folder, document=DOCUMENT, overwrite=False, stop=None):
    target = Target(folder, "sub/copy.bin")
    return copy_file(source.fileno(), target, document.sha256, document.size, overwrite, stop or Event())


@pytest.mark.usefixtures("way")
class TestCopy:
    def test_a_copy_is_the_document(self, source, folder) -> None:
        assert copied(source, folder) == DOCUMENT.digests
        assert is_document(folder / "sub" / "copy.bin", DOCUMENT)
        assert len(list((folder / "sub").iterdir())) == 1

    def test_a_copy_is_a_separate_file(self, source, folder, tmp_path: Path) -> None:
        copied(source, folder)
        (tmp_path / "source.bin").write_bytes(b"something else")
        assert is_document(folder / "sub" / "copy.bin", DOCUMENT)

    @pytest.mark.parametrize("other", [Document(3, seed=2), Document(2, seed=3), Document(4)])
    def test_a_copy_of_other_content_is_not_made(self, source, folder, other) -> None:
        assert copied(source, folder, other) is None
        assert list((folder / "sub").iterdir()) == []

    def test_takes_the_place_of_what_an_earlier_run_left(self, source, folder) -> None:
        content = Document(3, seed=5, name="sub/copy.bin").content(folder)
        content.write(0, bytes(9 * PIECE))
        content._part.close()
        copied(source, folder)
        assert is_document(folder / "sub" / "copy.bin", DOCUMENT)

    def test_overwrites_only_when_asked(self, source, folder) -> None:
        (folder / "sub").mkdir()
        (folder / "sub" / "copy.bin").write_bytes(b"mine")
        with pytest.raises(NameTaken):
            copied(source, folder)
        assert (folder / "sub" / "copy.bin").read_bytes() == b"mine"
        copied(source, folder, overwrite=True)
        assert is_document(folder / "sub" / "copy.bin", DOCUMENT)

    def test_stops_when_it_is_to(self, source, folder) -> None:
        stop = Event()
        stop.set()
        with pytest.raises(Stopped):
            copied(source, folder, stop=stop)
        assert list((folder / "sub").iterdir()) == []


@pytest.mark.usefixtures("way")
def test_a_copy_of_an_empty_file(tmp_path: Path, folder) -> None:
    (tmp_path / "empty").write_bytes(b"")
    with (tmp_path / "empty").open("rb") as source:
        assert copied(source, folder, Document(0)) == b""
    assert (folder / "sub" / "copy.bin").read_bytes() == b""


def test_a_clone_is_verified_and_cut_to_size(source, folder, monkeypatch: pytest.MonkeyPatch) -> None:
    """There is none on the file system of most tests: here the call does what it does elsewhere."""

    def clone(to, request, of) -> None:
        assert request == copying.CLONE
        os.pwrite(to, os.pread(of, DOCUMENT.size, 0) + b"more", 0)

    monkeypatch.setattr(fcntl, "ioctl", clone)
    monkeypatch.delattr(os, "copy_file_range")
    assert copied(source, folder) == DOCUMENT.digests
    assert is_document(folder / "sub" / "copy.bin", DOCUMENT)


def test_a_copy_without_room_on_the_disk(source, folder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copying, "_clone", lambda source, to: False)
    monkeypatch.setattr(os, "copy_file_range", failing(errno.ENOSPC))
    with pytest.raises(DiskFull, match=r"copy\.bin\.part"):
        copied(source, folder)
    assert list((folder / "sub").iterdir()) == []


def test_a_clone_that_fails_for_want_of_room_is_not_copied(source, folder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fcntl, "ioctl", failing(errno.ENOSPC))
    with pytest.raises(DiskFull):
        copied(source, folder)


def test_a_copy_of_a_file_whose_time_cannot_be_read(source, folder, monkeypatch: pytest.MonkeyPatch) -> None:
    fstat, number = os.fstat, source.fileno()

    def failing(fd: int) -> os.stat_result:
        if fd == number:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return fstat(fd)

    monkeypatch.setattr(os, "fstat", failing)
    assert copied(source, folder) is not None
    monkeypatch.undo()
    assert is_document(folder / "sub" / "copy.bin", DOCUMENT)
