"""The file under the .part name: bytes at their places, other people's files let be, a last name that was free."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import shutil
from pathlib import Path
from threading import Event

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from p2p_twisted.swarm import part_file as part_module
from p2p_twisted.swarm.errors import DiskFull, NameTaken, Unwritable
from p2p_twisted.swarm.part_file import PartFile, sha256_of
from p2p_twisted.swarm.target import Target, local_error


@pytest.fixture
def target(tmp_path: Path):
    return tmp_path / "document.bin"


@pytest.fixture
def path(tmp_path: Path):
    return tmp_path / "document.bin.part"


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def failing(number):
    """A call to the system that goes wrong."""

    def call(*args, **kwargs) -> None:
        raise OSError(number, os.strerror(number))

    return call


def place(path):
    return Target(path.parent, path.name)


def part_of(path):
    return PartFile(place(path))


class TestBytes:
    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
    @given(writes=st.lists(st.tuples(st.integers(0, 200), st.binary(max_size=100)), max_size=10))
    def test_bytes_are_written_at_their_offset(self, target, path, writes) -> None:
        expected = bytearray()
        part = part_of(target)
        for offset, data in writes:
            part.write(offset, data)
            if data:
                expected.extend(bytes(max(0, offset + len(data) - len(expected))))
                expected[offset : offset + len(data)] = data
        assert path.read_bytes() == expected
        assert part.read(5, 50) == expected[5:55]
        part.truncate(20)
        assert part.read(0, 1000) == expected[:20].ljust(20, b"\0")
        part.discard()

    def test_short_writes_are_continued(self, target, path, monkeypatch: pytest.MonkeyPatch) -> None:
        pwrite = os.pwrite
        monkeypatch.setattr(os, "pwrite", lambda fd, data, offset: pwrite(fd, data[:7], offset))
        monkeypatch.setattr(os, "pwritev", lambda fd, parts, offset: pwrite(fd, parts[0][:7], offset))
        data = bytes(range(256))
        part = part_of(target)
        part.write(1000, data[:100], data[100:])
        part.close()
        assert path.read_bytes() == bytes(1000) + data

    def test_more_parts_than_one_call_takes(self, target, path) -> None:
        part = part_of(target)
        part.write(10, *(bytes([i % 251]) for i in range(3000)))
        part.close()
        assert path.read_bytes() == bytes(10) + bytes(i % 251 for i in range(3000))

    def test_bytes_of_an_earlier_run_stay(self, target) -> None:
        part = part_of(target)
        part.write(0, b"earlier")
        part.close()
        part = part_of(target)
        part.write(7, b" and later")
        assert part.read(0, 100) == b"earlier and later"
        part.close()

    def test_reading_beyond_the_end_returns_no_bytes(self, target) -> None:
        part = part_of(target)
        part.write(0, b"some")
        assert (part.read(2, 100), part.read(4, 1)) == (b"me", b"")
        part.close()


class TestOpening:
    def test_makes_the_folders_above(self, tmp_path: Path) -> None:
        part_of(tmp_path / "a" / "b" / "document.bin").close()
        assert (tmp_path / "a" / "b" / "document.bin.part").exists()

    def test_does_not_follow_a_link(self, target, path, tmp_path: Path) -> None:
        """Another user of a download folder must not be able to redirect writes to files elsewhere."""
        other = tmp_path / "other"
        for exists in (False, True):
            if exists:
                other.write_bytes(b"mine")
            path.symlink_to(other)
            with pytest.raises(Unwritable, match=r"document\.bin\.part"):
                part_of(target)
            assert names(tmp_path) == ["document.bin.part", *["other"] * exists]
            path.unlink()
        assert other.read_bytes() == b"mine"

    def test_does_not_write_to_a_file_that_has_another_name_too(self, target, path) -> None:
        """A run was killed after the file had got its final name, and before it lost this one."""
        target.write_bytes(b"the finished document")
        os.link(target, path)
        part = part_of(target)
        part.write(0, b"another version")
        assert target.read_bytes() == b"the finished document"
        assert path.read_bytes() == b"another version"
        part.finish(True)
        assert target.read_bytes() == b"another version"
        assert not path.exists()

    def test_one_download_has_it_at_a_time(self, target, path) -> None:
        """Two would mix their bytes, and neither would know."""
        first = part_of(target)
        first.write(0, b"first")
        with pytest.raises(Unwritable, match=r"document\.bin\.part is being written by another download"):
            part_of(target)
        assert path.read_bytes() == b"first"
        first.close()
        part_of(target).discard()

    def test_a_finished_document_is_not_written_to(self, target, path, monkeypatch: pytest.MonkeyPatch) -> None:
        """The file was opened as NAME.part, and had its final name by the time that it could be locked."""
        first = part_of(target)
        first.write(0, b"the finished document")
        monkeypatch.setattr(part_module, "_held", set())  # the second one is of another process
        flock = fcntl.flock

        def finish_then_lock(fd, how) -> None:
            monkeypatch.setattr(fcntl, "flock", flock)
            first.finish(False)
            flock(fd, how)

        monkeypatch.setattr(fcntl, "flock", finish_then_lock)
        second = part_of(target)
        second.write(0, b"another version")
        assert target.read_bytes() == b"the finished document"
        second.discard()
        assert not path.exists()

    def test_a_reader_does_not_lock_the_file(self, target) -> None:
        part = part_of(target)
        fd = part.duplicate()
        part.close()
        part_of(target).close()
        os.close(fd)

    @pytest.mark.parametrize("number", [errno.ENOLCK, errno.EOPNOTSUPP])
    def test_a_file_system_without_locks(self, target, monkeypatch: pytest.MonkeyPatch, number) -> None:
        monkeypatch.setattr(fcntl, "flock", failing(number))
        part = part_of(target)
        part.write(0, b"data")
        part.finish(False)
        assert target.read_bytes() == b"data"

    @pytest.mark.parametrize("name", ["document.bin/x", "document.bin", "n" * 300, "n" * 256])
    def test_where_no_file_can_be(self, tmp_path: Path, name) -> None:
        """In a file, on a folder, and under a name that is too long."""
        if "/" in name:
            (tmp_path / "document.bin").write_bytes(b"mine")
        elif name.startswith("document"):
            (tmp_path / "document.bin.part").mkdir()
        with pytest.raises(Unwritable, match=r"^cannot write "):
            part_of(tmp_path / name)

    def test_a_pipe_of_that_name_is_not_waited_for(self, target, path) -> None:
        os.mkfifo(path)
        with pytest.raises(Unwritable):
            part_of(target).write(5, b"data")


class TestErrors:
    @pytest.mark.parametrize(
        ("number", "error", "kind"),
        [
            (errno.ENOSPC, DiskFull, "disk-full"),
            (errno.EDQUOT, DiskFull, "disk-full"),
            (errno.EFBIG, DiskFull, "disk-full"),
            (errno.EIO, Unwritable, "unwritable"),
            (errno.EROFS, Unwritable, "unwritable"),
            (errno.EACCES, Unwritable, "unwritable"),
        ],
    )
    def test_have_a_kind_and_name_the_file(
        self, target, path, monkeypatch: pytest.MonkeyPatch, number, error, kind
    ) -> None:
        part = part_of(target)
        attempts = {
            "pwritev": lambda: part.write(0, b"data"),
            "pread": lambda: part.read(0, 1),
            "ftruncate": lambda: part.truncate(1),
            "open": lambda: part_of(target),
            "dup": part.duplicate,
        }
        for call, attempt in attempts.items():
            with monkeypatch.context() as patch, pytest.raises(error) as caught:
                patch.setattr(os, call, failing(number))
                attempt()
            assert caught.value.kind == kind, call
            assert not caught.value.is_final, call
            assert str(path) in str(caught.value), call
        part.write(0, b"it can be gone on with")
        part.close()

    def test_say_why(self, target) -> None:
        assert str(local_error(OSError(errno.EIO, os.strerror(errno.EIO)), target)).endswith(os.strerror(errno.EIO))

    def test_a_closed_part_file_never_writes_to_a_reused_descriptor(self, target, tmp_path: Path) -> None:
        """The number of its descriptor is reused: a late thread must not use it."""
        part = part_of(target)
        part.write(0, b"data")
        part.close()
        files = [(tmp_path / str(number)).open("w+b") for number in range(5)]
        for attempt in (
            lambda: part.write(0, b"late"),
            lambda: part.read(0, 4),
            lambda: part.truncate(0),
            part.duplicate,
        ):
            with pytest.raises(Unwritable):
                attempt()
        for file in files:
            assert file.read() == b""
            file.close()
        part.close()


class TestEnd:
    @pytest.fixture(params=["with hard links", "without hard links"])
    def part(self, request: pytest.FixtureRequest, target, monkeypatch: pytest.MonkeyPatch):
        if request.param == "without hard links":
            monkeypatch.setattr(os, "link", failing(errno.EPERM))
        part = part_of(target)
        part.write(0, b"new")
        return part

    @pytest.mark.parametrize("overwrite", [False, True])
    def test_it_gets_its_name(self, part, target, tmp_path: Path, overwrite) -> None:
        part.finish(overwrite)
        assert target.read_bytes() == b"new"
        assert names(tmp_path) == ["document.bin"]

    def test_it_overwrites_when_asked(self, part, target, tmp_path: Path) -> None:
        target.write_bytes(b"old")
        part.finish(True)
        assert target.read_bytes() == b"new"
        assert names(tmp_path) == ["document.bin"]

    def test_it_does_not_when_not_asked(self, part, target, path) -> None:
        target.write_bytes(b"old")
        with pytest.raises(NameTaken) as caught:
            part.finish(False)
        assert caught.value.is_final
        assert caught.value.kind == "exists"
        assert (target.read_bytes(), path.read_bytes()) == (b"old", b"new")

    def test_a_link_that_leads_nowhere_is_a_name_that_is_taken(self, target, path, tmp_path: Path) -> None:
        target.symlink_to(tmp_path / "elsewhere")
        part = part_of(target)
        part.write(0, b"new")
        with pytest.raises(NameTaken):
            part.finish(False)
        assert target.is_symlink()
        part.finish(True)
        assert not target.is_symlink()
        assert names(tmp_path) == ["document.bin"]

    @pytest.mark.parametrize("overwrite", [False, True])
    def test_somebody_has_removed_it(self, part, target, path, overwrite) -> None:
        path.unlink()
        with pytest.raises(Unwritable):
            part.finish(overwrite)
        assert not target.exists()

    def test_it_is_removed(self, part, tmp_path: Path) -> None:
        part.discard()
        part.discard()
        assert names(tmp_path) == []

    def test_the_file_of_the_next_download_is_not_removed(self, part, target, path) -> None:
        part.finish(False)
        other = part_of(target)
        part.discard()
        assert path.exists()
        other.discard()

    def test_it_is_left(self, part, path) -> None:
        part.close()
        part.close()
        assert path.read_bytes() == b"new"

    def test_removing_works_in_a_removed_folder(self, part, tmp_path: Path) -> None:
        shutil.rmtree(tmp_path)
        tmp_path.write_bytes(b"")
        part.discard()
        tmp_path.unlink()
        tmp_path.mkdir()

    def test_a_reader_continues_after_the_end(self, part, target) -> None:
        fd = part.duplicate()
        part.finish(False)
        assert os.pread(fd, 10, 0) == b"new"
        os.close(fd)


class TestHash:
    def test_the_hash_of_a_file_of_several_blocks(self, target) -> None:
        data = bytes(range(256)) * (3 * 2**12 + 1)
        target.write_bytes(data)
        assert sha256_of(place(target), Event()) == hashlib.sha256(data).hexdigest()

    def test_the_hash_of_an_unreadable_file(self, target, tmp_path: Path) -> None:
        assert sha256_of(place(target), Event()) is None
        assert sha256_of(place(tmp_path), Event()) is None


class TestFailingCalls:
    """Of those that say nothing of the data: tests/crash has the others, in a process of their own."""

    @pytest.fixture
    def close_fails(self, monkeypatch: pytest.MonkeyPatch) -> None:
        close = os.close

        def failing_close(fd: int) -> None:
            close(fd)
            raise OSError(errno.EIO, os.strerror(errno.EIO))

        monkeypatch.setattr(os, "close", failing_close)

    def test_a_close_that_fails_does_not_keep_the_place(self, target, path, close_fails) -> None:
        part = part_of(target)
        part.write(0, b"data")
        part.close()
        part_of(target).close()
        assert path.read_bytes() == b"data"

    def test_what_could_not_be_written_is_noticed_before_the_file_has_its_name(self, target, close_fails) -> None:
        part = part_of(target)
        part.write(0, b"data")
        with pytest.raises(Unwritable, match="Input/output error"):
            part.finish(False)
        assert not target.exists()

    def test_no_descriptor_is_left_where_its_status_cannot_be_read(self, target) -> None:
        before = set(Path("/proc/self/fd").iterdir())
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(os, "fstat", failing(errno.EIO))
            with pytest.raises(Unwritable, match="Input/output error"):
                part_of(target)
        assert set(Path("/proc/self/fd").iterdir()) == before
