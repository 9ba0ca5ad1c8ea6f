"""Unfinished files share a budget of descriptors, and are as good closed as open."""

from __future__ import annotations

import os
import resource
from contextlib import contextmanager
from pathlib import Path
from random import Random

import pytest

from p2p_twisted.config.descriptors import MIN_FILES
from p2p_twisted.swarm import part_file as part_module
from p2p_twisted.swarm.errors import TooManyOpenFiles, Unwritable
from p2p_twisted.swarm.open_files import OPEN_FILES, OpenFiles
from p2p_twisted.swarm.part_file import PartFile
from p2p_twisted.swarm.target import Target
from tests.support.fake_sources import PIECE, Document, FakeSource, RunningSwarm, is_document


@contextmanager
def limit(most):
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def descriptors():
    with os.scandir("/proc/self/fd") as entries:
        return [int(entry.name) for entry in entries]


@contextmanager
def none_left():
    """All descriptors up to the highest one that is open are taken, and there are no others."""
    taken = []
    with limit(max(descriptors()) + 1):
        try:
            while True:
                taken.append(os.dup(0))
        except OSError:
            yield
        finally:
            for fd in taken:
                os.close(fd)


def test_more_files_than_descriptors(tmp_path: Path) -> None:
    """Pieces of all of them come in any order."""
    documents = [Document(2, seed=number, name=f"{number}.bin") for number in range(80)]
    contents = [document.content(tmp_path) for document in documents]
    pieces = [
        (document, content, piece) for document, content in zip(documents, contents, strict=True) for piece in (0, 1)
    ]
    Random(1).shuffle(pieces)
    with limit(max(descriptors()) + MIN_FILES + 10):
        for document, content, piece in pieces:
            content.accept_list(document.digests)
            content.write(piece * PIECE, document.piece(piece))
            content.keep(piece)
        for content in contents:
            content.hash_on()
            content.finish(False)
    for document in documents:
        assert is_document(tmp_path / document.name, document)
    assert len(list(tmp_path.iterdir())) == len(documents)


def test_least_recently_used_files_are_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    class File:
        is_open = True

        def rest(self) -> None:
            self.is_open = False

    monkeypatch.setattr("p2p_twisted.swarm.open_files.max_files", lambda: 3)
    files, open_ones = [File() for _ in range(5)], OpenFiles()
    for number in (0, 1, 2, 0, 3, 4):
        open_ones.used(files[number])
    assert [file.is_open for file in files] == [True, False, False, True, True]
    open_ones.forget(files[3])
    open_ones.used(files[1])
    assert files[0].is_open


class TestResting:
    @pytest.fixture
    def part(self, tmp_path: Path):
        part = PartFile(Target(tmp_path, "document.bin"))
        part.write(0, b"data")
        part.rest()
        return part

    @pytest.fixture
    def path(self, tmp_path: Path):
        return tmp_path / "document.bin.part"

    def test_it_goes_on(self, part, tmp_path: Path) -> None:
        assert part.read(0, 10) == b"data"
        part.rest()
        part.write(4, b" and more")
        part.rest()
        part.finish(False)
        assert (tmp_path / "document.bin").read_bytes() == b"data and more"

    def test_it_can_be_closed_as_soon_as_it_has_been_used(self, part, monkeypatch: pytest.MonkeyPatch) -> None:
        """Another thread may do so at once; a file that stayed open then would be counted by nobody."""
        monkeypatch.setattr(OPEN_FILES, "used", lambda file: file.rest())
        before = descriptors()
        part.write(4, b" and more")
        assert descriptors() == before
        assert part.read(0, 20) == b"data and more"

    @pytest.mark.parametrize("end", ["close", "discard"])
    def test_it_ends(self, part, path, end) -> None:
        getattr(part, end)()
        assert path.exists() == (end == "close")

    def test_changes_by_another_program_are_detected(self, part, path) -> None:
        """Its pieces were verified before: they would be passed on, and the file be given its name."""
        with path.open("r+b") as file:
            file.write(b"else")
        for attempt in (lambda: part.write(4, b"more"), lambda: part.read(0, 4), lambda: part.finish(True)):
            with pytest.raises(Unwritable, match=r"document\.bin\.part was changed by another process"):
                attempt()
        part.discard()
        assert path.read_bytes() == b"else"

    def test_another_file_in_its_place_is_found_out(self, part, path) -> None:
        path.rename(path.with_name("moved"))
        path.write_bytes(b"data")
        with pytest.raises(Unwritable, match="was changed by another process"):
            part.write(4, b"more")

    def test_a_missing_file_is_not_made_again(self, part, path) -> None:
        path.unlink()
        with pytest.raises(Unwritable, match="No such file"):
            part.write(4, b"more")
        assert not path.exists()

    def test_another_process_has_it_by_now(self, part, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(part_module, "_held", set())
        other = PartFile(Target(tmp_path, "document.bin"))
        with pytest.raises(Unwritable, match="is being written by another download"):
            part.write(4, b"more")
        other.close()


def test_when_no_descriptor_is_left_others_are_closed_first(tmp_path: Path) -> None:
    """Connections may have taken more than their share."""
    parts = [PartFile(Target(tmp_path, f"{number}.bin")) for number in range(6)]
    with none_left():
        one = PartFile(Target(tmp_path, "one.bin"))
        one.write(0, b"data")
        for part in parts:
            part.write(0, b"data")
    for part in (*parts, one):
        part.discard()


def test_the_limit_is_named_when_no_descriptor_is_left(tmp_path: Path) -> None:
    with (
        none_left(),
        pytest.raises(TooManyOpenFiles, match="Too many open files; raise the limit with ulimit -n"),
    ):
        PartFile(Target(tmp_path, "one.bin"))


def test_a_swarm_of_many_files(tmp_path: Path) -> None:
    documents = [Document(3, seed=number, name=f"{number}.bin") for number in range(60)]
    with limit(max(descriptors()) + MIN_FILES + 10):
        swarm = RunningSwarm(tmp_path, documents, [FakeSource(1, documents), FakeSource(2, documents)])
        swarm.serve()
    assert set(swarm.completed.values()) == {None}
    assert len(list(tmp_path.iterdir())) == len(documents)
