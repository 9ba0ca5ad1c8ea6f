"""The sources and the progress of a download, as ``get`` shows them."""

from __future__ import annotations

import pytest

from p2p_twisted.cli import progress
from p2p_twisted.cli.sources import explain, sources_of
from tests.support.fake_facades import a_download, a_file, a_source


def a_swarm(*sources: dict[str, object], **more: object) -> dict[str, object]:
    return a_download("1", [a_file("a", "running")], "running") | {"sources": list(sources)} | more


@pytest.mark.parametrize(
    ("more", "outcome"),
    [
        ({}, "kept"),
        ({"state": "dropped", "dropped": "3 hash failures", "wrong_pieces": 3}, "dropped: 3 hash failures"),
        ({"wrong_pieces": 1}, "1 hash failure, fetched elsewhere"),
        ({"state": "stalled"}, "snubbed"),
        ({"state": "waiting", "chosen": {}}, "not connected yet"),
        ({"state": "closed", "chosen": {}}, "not needed"),
    ],
)
def test_outcomes(more: dict[str, object], outcome: str) -> None:
    (source,) = sources_of(a_swarm(a_source(1, **more)))
    assert source.outcome.startswith(outcome)


def test_one_peer_in_two_swarms_is_one_source() -> None:
    twice = a_source(1, chosen={"rarest piece": 2, "next piece of the source": 1}), a_source(1, dropped="closed")
    (source,) = sources_of(a_swarm(*twice))
    assert (source.size, source.dropped) == (2000, "closed")
    assert source.chosen == {"rarest piece": 3, "next piece of the source": 1}


def whole(*ports: int, state: str = "done") -> dict[str, object]:
    parts = {f"127.0.0.1:{port}": {"bytes": 1000, "started": 1.0, "ended": 2.0} for port in ports}
    return a_file("a", state) | {"sources": parts}


def test_holders_of_whole_files_are_sources_too() -> None:
    first, second = sources_of(a_download("1", [whole(1, 2), whole(2)], "done") | {"sources": []})
    assert (first.outcome, first.chosen) == ("dropped: it failed", {"the whole file": 1})
    assert (second.outcome, second.chosen, second.size) == ("kept", {"the whole file": 2}, 2000)
    (last,) = sources_of(a_download("1", [whole(1, state="failed")], "failed") | {"sources": []})
    assert last.dropped
    (now,) = sources_of(a_download("1", [whole(1, state="running")], "running") | {"sources": []})
    assert now.state == "connected"


def test_lines_for_programs(capsys: pytest.CaptureFixture[str]) -> None:
    explain(a_swarm(a_source(1, bytes=3000), a_source(2, chosen={}, dropped="bad\x1b[2J"), duplicate=1000))
    assert capsys.readouterr().err.splitlines() == [
        "127.0.0.1:1\t3000\t75%\trarest piece: 1\tkept",
        "127.0.0.1:2\t1000\t25%\t-\tdropped: bad\\x1b[2J",
        "p2p: 1.0 kB of 4.0 kB was received twice (25.0%)",
    ]


def test_what_came_from_other_sites(capsys: pytest.CaptureFixture[str]) -> None:
    explain(a_swarm(a_source(1, bytes=4000), by_site={"own": 3000, "others": 1000, "saved": 3000}))
    explain(a_swarm(a_source(1, bytes=4000), by_site={"own": 3000, "others": 1000, "saved": 0}))
    explain(a_swarm(a_source(1, bytes=4000), by_site={"own": 4000, "others": 0, "saved": 0}))
    said = [line for line in capsys.readouterr().err.splitlines() if line.startswith("p2p: ")]
    assert said == [
        "p2p: 3.0 kB from this site, 1.0 kB from others, 3.0 kB saved",
        "p2p: 3.0 kB from this site, 1.0 kB from others",
    ]


def test_nobody_and_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    explain(a_swarm())
    explain(a_swarm(a_source(1, bytes=0)))
    errors = capsys.readouterr().err.splitlines()
    assert errors == ["p2p: no requests were sent", "127.0.0.1:1\t0\t-\trarest piece: 1\tkept"]


class TestProgress:
    def test_the_bar_of_one_file(self) -> None:
        running = a_swarm(a_source(1), a_source(2), a_source(3, state="dropped", dropped="closed"))
        assert progress.what(running) == "0/1 pieces, 2 sources"

    def test_the_bar_of_several_files(self) -> None:
        files = [a_file("a", "done"), a_file("b", "running"), a_file("c", "waiting") | {"size": 0, "pieces": None}]
        assert progress.what(a_download("1", files, "running")) == "1/3 files, 1/2 pieces, 1 source"

    @pytest.mark.parametrize(
        ("done", "total", "left", "text"),
        [
            (0, 2000, None, "0% of 2.0 kB, 1.2 kB/s"),
            (1999, 2000, 0.4, "99% of 2.0 kB, 1.2 kB/s, 0:00 left"),
            (0, 0, None, "0% of 0 bytes, 1.2 kB/s"),
            (700, 2000, 61.0, "35% of 2.0 kB, 1.2 kB/s, 1:01 left"),
            (700, 2000, 7384.0, "35% of 2.0 kB, 1.2 kB/s, 2:03:04 left"),
            (700, 2000, 1e300, "35% of 2.0 kB, 1.2 kB/s, days left"),
        ],
    )
    def test_rate_and_time_left(self, done: int, total: int, left: float | None, text: str) -> None:
        download = a_swarm(bytes_done=done, bytes_total=total, time_left=left)
        assert progress.speed(download) == text

    @pytest.mark.parametrize(
        ("columns", "before", "behind"),
        [
            (120, "1/3 files, 23/512 pieces, 4 sources", "36% of 34.0 MB, 2.3 MB/s, 1:01 left"),
            (80, "1/3 files, 23/512 pieces, 4 sources", "36%, 2.3 MB/s, 1:01"),
            (70, "1/3 files, 4 sources", "36%, 2.3 MB/s, 1:01"),
            (50, "", "36%, 2.3 MB/s, 1:01"),
            (30, "", "36%"),
        ],
    )
    def test_the_bar_fits_any_terminal(self, columns: int, before: str, behind: str) -> None:
        files = [a_file("a", "done"), *(a_file(name, "running") for name in "bc")]
        files[1]["pieces"] = {"have": 22, "total": 510}
        sources = [a_source(port) for port in range(4)]
        sums = {"bytes_done": 12_300_000, "bytes_total": 34_000_000, "time_left": 61.0, "rate": 2.3e6}
        download = a_download("1", files, "running") | {"sources": sources} | sums
        room = columns - progress.MARGIN - progress.MIN_BAR - 2
        assert progress.texts(download, room) == (before, behind)
