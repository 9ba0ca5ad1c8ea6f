"""What a download says of itself: how much is here, how fast more comes, who was dropped."""

from __future__ import annotations

from pathlib import Path

import pytest
from twisted.internet.task import Clock

from p2p_twisted.index.search import Document
from p2p_twisted.library.pieces import MIN_PIECE
from p2p_twisted.net.errors import SourceError
from p2p_twisted.peer.downloads.manager import DROPPED_SHOWN, DownloadManager
from p2p_twisted.peer.downloads.model import DONE, FAILED, RUNNING, THERE, Download, DownloadFile
from p2p_twisted.swarm.source import Link
from p2p_twisted.swarm.storage import Storage
from p2p_twisted.swarm.swarm import Swarm
from p2p_twisted.swarm.target import Target

SIZE = 3 * MIN_PIECE + 1
HASH = "ab" * 32


def an_item(state: str = RUNNING, size: int | None = SIZE) -> DownloadFile:
    return DownloadFile("a.bin", Document("a.bin", "", size, None if size is None else HASH), state)


def a_content(*have: int) -> Storage:
    content = Storage("a.bin", HASH, SIZE, HASH, Target(Path(), "a.bin"))
    content.have.update(have)
    return content


def a_swarm(*ports: int) -> Swarm:
    """A download of one file from peers that refuse to be sources."""

    async def connect(address: object) -> None:
        raise SourceError("it speaks 1.0, which has no pieces")

    swarm = Swarm(Clock(), [a_content(0, 3)], connect, lambda _: 0, print, print, print)  # type: ignore[arg-type]
    for port in ports:
        swarm.add_seed(("127.0.0.1", port), HASH)
    return swarm


class TestHere:
    @pytest.mark.parametrize(
        ("have", "expected"),
        [((), (0, 0)), ((0, 2), (2 * MIN_PIECE, 2)), ((3,), (1, 1)), ((0, 1, 2, 3), (SIZE, 4))],
    )
    def test_pieces_of_a_swarm_those_of_an_earlier_run_too(self, have: tuple[int, ...], expected: object) -> None:
        assert an_item().here(a_content(*have)) == expected

    @pytest.mark.parametrize("state", [DONE, THERE])
    def test_what_is_in_place_is_here(self, state: str) -> None:
        assert an_item(state).here(None) == (SIZE, 4)
        assert an_item(state, 0).here(None) == (0, 0)

    def test_whole_from_one_source_after_the_other(self) -> None:
        item = an_item()
        assert item.here(None) == (0, 0)
        item.came("127.0.0.1:1", SIZE)
        item.came("127.0.0.1:2", MIN_PIECE + 5)
        assert item.here(None) == (MIN_PIECE + 5, 1)

    def test_of_a_size_that_nobody_says(self) -> None:
        item = an_item(size=None)
        item.came("127.0.0.1:1", 1000)
        shown = item.as_json(None)
        assert (shown["got"], shown["pieces"]) == (1000, None)


class TestJob:
    def job(self, *items: DownloadFile, swarm: Swarm | None = None) -> Download:
        return Download("1", None, Path("/tmp"), False, items=list(items), swarms=[swarm] if swarm else [], started=0.0)

    def test_sums(self) -> None:
        shown = self.job(an_item(), an_item(DONE, 10), swarm=a_swarm()).as_json()
        assert (shown["bytes_done"], shown["bytes_total"]) == (MIN_PIECE + 1 + 10, SIZE + 10)
        assert [file["pieces"] for file in shown["files"]] == [{"have": 2, "total": 4}, {"have": 1, "total": 1}]

    def test_the_rate_is_that_of_the_sources_while_they_are_connected(self) -> None:
        job = self.job(an_item(), swarm=a_swarm())
        link = job.swarms[0].links._links[("127.0.0.1", 1)] = Link(("127.0.0.1", 1))
        link.meter.add(5000, 0.0)
        assert (job.rate, job.as_json()["time_left"]) == (0.0, None)
        link.connection = object()  # type: ignore[assignment]
        assert job.rate == 5000.0
        assert job.as_json(files=False)["time_left"] == 2 * MIN_PIECE / 5000

    def test_the_rate_of_one_that_is_over_is_the_average_of_what_came(self) -> None:
        job = self.job(an_item(THERE), an_item())
        job.items[1].came("127.0.0.1:1", SIZE)
        job.items[1].end(DONE)
        job.state, job.ended = DONE, 10.0
        assert job.rate == SIZE / 10
        assert job.as_json()["time_left"] is None

    def test_what_failed_is_not_waited_for(self) -> None:
        job = self.job(an_item(), an_item())
        job.items[0].came("127.0.0.1:1", MIN_PIECE)
        job.items[1].end(FAILED)
        shown = job.as_json()
        assert shown["time_left"] == pytest.approx((SIZE - MIN_PIECE) / shown["rate"])


def test_the_last_dropped_sources() -> None:
    orders = DownloadManager(None, type("Factory", (), {"content_store": None}), None, None, None)  # type: ignore[arg-type]
    first = Download("1", None, Path("/tmp"), False, swarms=[a_swarm(*range(1, DROPPED_SHOWN + 1))], ended=7.0)
    second = Download("2", None, Path("/tmp"), False, swarms=[a_swarm(99)])
    orders.jobs = {job.id: job for job in (first, second)}
    shown = orders.dropped_sources()
    why = "it speaks 1.0, which has no pieces"
    assert len(shown) == DROPPED_SHOWN
    assert shown[0] == {"host": "127.0.0.1", "port": 2, "why": why, "when": 7.0}
    assert shown[-1] == {"host": "127.0.0.1", "port": 99, "why": why, "when": None}
