"""Downloads as the API shows them: how much is here, the rate, and the sources that were banned."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from p2p_twisted.library.pieces import MIN_PIECE
from p2p_twisted.peer.download_view import MAX_BANNED, banned_sources, details, file_view, rate, summary
from p2p_twisted.peer.downloads.model import DONE, FAILED, THERE, Download, DownloadFile
from p2p_twisted.swarm.swarm import Swarm
from p2p_twisted.web.api.download_schema import PieceCounts
from p2p_twisted.web.api.schema import BannedSource

from .downloads.test_model import SIZE, a_file, a_swarm


def a_download(*files: DownloadFile, swarm: Swarm | None = None) -> Download:
    return Download("1", None, Path("/tmp"), False, files=list(files), swarms=[swarm] if swarm else [], started=0.0)


def test_a_file_of_unknown_size() -> None:
    file = a_file(size=None)
    file.receive(("127.0.0.1", 1), 1000)
    shown = file_view(file, None)
    assert (shown.got, shown.pieces) == (1000, None)


def test_sums() -> None:
    shown = details(a_download(a_file(), a_file(DONE, 10), swarm=a_swarm()), 0.0)
    assert (shown.bytes_done, shown.bytes_total) == (MIN_PIECE + 1 + 10, SIZE + 10)
    assert [one.pieces for one in shown.files] == [
        PieceCounts(have=2, total=4, map="9009"),
        PieceCounts(have=1, total=1, map="9"),
    ]


def test_one_that_has_ended_shows_what_it_did() -> None:
    download = a_download(a_file(), swarm=a_swarm())
    source = download.swarms[0].sources.add(("127.0.0.1", 1))
    source.meter.add(5000, 0.0)
    source.closed = True
    source.banned = "it sends nonsense"
    before = details(download, 0.0)
    download.end(FAILED)
    shown = details(download, 0.0)
    assert (shown.received, shown.sources) == (before.received, before.sources) == (5000, before.sources)
    assert [one.pieces for one in shown.files] == [PieceCounts(have=2, total=4, map="9009")]
    assert [one.host for one in banned_sources([download])] == ["127.0.0.1"]


def test_the_rate_is_that_of_the_sources_while_they_are_connected() -> None:
    download = a_download(a_file(), swarm=a_swarm())
    source = download.swarms[0].sources.add(("127.0.0.1", 1))
    source.meter.add(5000, 0.0)
    assert (rate(download, 0.0), details(download, 0.0).time_left) == (0.0, None)
    connection: Any = object()
    source.connection = connection
    assert rate(download, 0.0) == 5000.0
    assert summary(download, 0.0).time_left == 2 * MIN_PIECE / 5000


def test_the_rate_of_one_that_has_ended_is_the_average() -> None:
    download = a_download(a_file(THERE), a_file())
    download.files[1].receive(("127.0.0.1", 1), SIZE)
    download.files[1].end(DONE)
    download.state, download.ended = DONE, 10.0
    assert rate(download, 0.0) == SIZE / 10
    assert details(download, 0.0).time_left is None


def test_failed_files_do_not_count_in_the_time_left() -> None:
    download = a_download(a_file(), a_file())
    download.files[0].receive(("127.0.0.1", 1), MIN_PIECE)
    download.files[1].end(FAILED)
    shown = details(download, 0.0)
    assert shown.time_left == pytest.approx((SIZE - MIN_PIECE) / shown.rate)


def test_the_last_banned_sources() -> None:
    first = Download("1", None, Path("/tmp"), False, swarms=[a_swarm(*range(1, MAX_BANNED + 1))], ended=7.0)
    second = Download("2", None, Path("/tmp"), False, swarms=[a_swarm(99)])
    shown = banned_sources([first, second])
    why = "it speaks 1.0, which has no pieces"
    assert len(shown) == MAX_BANNED
    assert shown[0] == BannedSource("127.0.0.1", 2, why, 7.0)
    assert shown[-1] == BannedSource("127.0.0.1", 99, why, None)
