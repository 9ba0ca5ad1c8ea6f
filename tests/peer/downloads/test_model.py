"""The bytes of a download that are present."""

from __future__ import annotations

import gc
import weakref
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.task import Clock

from p2p_twisted.events.publisher import Publisher
from p2p_twisted.index.search import Document
from p2p_twisted.library.pieces import MIN_PIECE
from p2p_twisted.net.errors import SourceError, Unreachable
from p2p_twisted.peer.downloads.model import DONE, FAILED, RUNNING, THERE, Download, DownloadFile
from p2p_twisted.swarm.errors import DownloadError
from p2p_twisted.swarm.storage import Storage
from p2p_twisted.swarm.swarm import Swarm
from p2p_twisted.swarm.target import Target

SIZE = 3 * MIN_PIECE + 1
HASH = "ab" * 32


def a_file(state: str = RUNNING, size: int | None = SIZE) -> DownloadFile:
    return DownloadFile("a.bin", Document("a.bin", "", size, None if size is None else HASH), state)


def a_content(*have: int) -> Storage:
    content = Storage("a.bin", HASH, SIZE, HASH, Target(Path(), "a.bin"))
    content.have.update(have)
    return content


def a_swarm(*ports: int) -> Swarm:
    """A download of one file from peers that refuse to be sources."""

    async def connect(address: object) -> Any:
        raise SourceError("it speaks 1.0, which has no pieces")

    reactor: Any = Clock()
    swarm = Swarm(reactor, [a_content(0, 3)], connect, lambda _: 0, Publisher())
    for port in ports:
        swarm.add_seed(("127.0.0.1", port), HASH)
    return swarm


class TestHere:
    @pytest.mark.parametrize(
        ("have", "expected"),
        [((), (0, 0)), ((0, 2), (2 * MIN_PIECE, 2)), ((3,), (1, 1)), ((0, 1, 2, 3), (SIZE, 4))],
    )
    def test_pieces_of_a_swarm_those_of_an_earlier_run_too(self, have: tuple[int, ...], expected: object) -> None:
        assert a_file().here(a_content(*have)) == expected

    @pytest.mark.parametrize("state", [DONE, THERE])
    def test_a_file_in_place_is_found(self, state: str) -> None:
        assert a_file(state).here(None) == (SIZE, 4)
        assert a_file(state, 0).here(None) == (0, 0)

    def test_whole_from_one_source_after_the_other(self) -> None:
        file = a_file()
        assert file.here(None) == (0, 0)
        file.receive(("127.0.0.1", 1), SIZE)
        file.receive(("127.0.0.1", 2), MIN_PIECE + 5)
        assert file.here(None) == (MIN_PIECE + 5, 1)


class Held:
    """Something large."""


def _raised(held: Held, kind: type[Exception]) -> Any:
    """Return an error that came through a frame which holds `held`."""
    try:
        raise kind("why")
    except Exception as error:
        return error


def test_one_that_has_ended_keeps_neither_its_swarms_nor_what_its_errors_came_through() -> None:
    held, swarm, file = Held(), a_swarm(), a_file()
    swarm.sources.add(("127.0.0.1", 1)).why = _raised(held, Unreachable)
    file.end(FAILED, _raised(held, DownloadError))
    download = Download("1", None, Path("/tmp"), False, files=[file], swarms=[swarm])
    is_held, runs = weakref.ref(held), weakref.ref(swarm)
    del held, swarm
    gc.collect()
    assert is_held() is not None
    download.end(FAILED, file.error)
    gc.collect()
    assert (is_held(), runs()) == (None, None)
    assert str(file.error) == "why"
