"""Files on their way while many threads work on them: real threads that are switched as often as can be."""

from __future__ import annotations

import os
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path
from threading import Barrier

import pytest

from p2p_twisted.swarm import open_files
from p2p_twisted.swarm import part_file as part
from p2p_twisted.swarm.errors import Unwritable
from tests.support.fake_sources import PIECE, Document, is_document

PIECES = 8
DOCUMENT = Document(PIECES)
TRIES = 150


@pytest.fixture
def at_once():
    """Call functions in threads that all begin at the same moment; return what they return, or raise."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    with ThreadPoolExecutor(PIECES) as pool:

        def run(*works):
            barrier = Barrier(len(works))
            running = [pool.submit(lambda work: (barrier.wait(), work())[1], work) for work in works]
            return [one.result() for one in running]

        yield run
    sys.setswitchinterval(before)


def begun(folder):
    content = DOCUMENT.content(folder)
    assert content.accept_list(DOCUMENT.digests)
    return content


def writing(content):
    """For each piece a function that writes it."""
    return [partial(content.write, piece * PIECE, DOCUMENT.piece(piece)) for piece in range(PIECES)]


def open_descriptors():
    with os.scandir("/proc/self/fd") as entries:
        return sum(1 for _ in entries)


def test_the_first_pieces_of_a_file_are_written_at_once(tmp_path: Path, at_once) -> None:
    """Each thread would open the file, and all but one find it locked."""
    for number in range(TRIES):
        content = begun(tmp_path / str(number))
        at_once(*writing(content))
        content.finish(False)
        assert is_document(content.target.path, DOCUMENT)


def test_a_file_is_closed_while_its_first_pieces_are_written(tmp_path: Path, at_once) -> None:
    """A piece that comes late is refused; nothing stays open, and nothing stays on the disk."""

    def or_late(write) -> None:
        with suppress(Unwritable):
            write()

    before = open_descriptors()
    for number in range(TRIES):
        content = begun(tmp_path / str(number))
        writes = [partial(or_late, write) for write in writing(content)[1:]]
        at_once(*writes, content.close)
        assert not content.target.path.with_name("document.bin.part").exists()
    assert open_descriptors() <= before


def test_a_file_is_looked_at_while_an_earlier_runs_pieces_are_verified(tmp_path: Path, at_once) -> None:
    """Iterating over a set that another thread adds to is an error."""
    content = begun(tmp_path)
    for piece, write in enumerate(writing(content)):
        write()
        content.keep(piece)
    content.close()
    for _ in range(TRIES // 5):
        content = DOCUMENT.content(tmp_path)

        def look(content=content) -> None:
            for _ in range(500):
                assert 0 <= content.got <= DOCUMENT.size

        at_once(content.resume, look)
        assert content.complete
        content.close()


def test_many_files_share_few_descriptors(tmp_path: Path, at_once, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each thread writes a piece of one file after the other, while others have these files closed."""
    monkeypatch.setattr(open_files, "max_files", lambda: 2)
    monkeypatch.setattr(part, "OPEN_FILES", open_files.OpenFiles())  # without those of other tests
    before = open_descriptors()
    contents = [begun(tmp_path / str(number)) for number in range(20)]

    def write(piece) -> None:
        for content in contents[piece:] + contents[:piece]:
            content.write(piece * PIECE, DOCUMENT.piece(piece))

    for _ in range(3):
        at_once(*(partial(write, piece) for piece in range(PIECES)))
        assert open_descriptors() <= before + 2
    for content in contents:
        for piece in range(PIECES):
            content.keep(piece)
        content.hash_on()
        assert content.is_right()
        content.finish(False)
    assert open_descriptors() <= before  # fewer, if other tests had left some that were closed to make room
