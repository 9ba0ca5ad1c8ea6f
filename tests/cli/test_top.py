"""``p2p top``: the figures of a frame, one look for a pipe, and the terminal."""

from __future__ import annotations

import json
from typing import Any

from p2p_twisted.cli.top import Look, PeerFrame
from tests.support.answers import as_json
from tests.support.fake_facades import FakePeer
from tests.support.p2p_command import p2p, serving
from tests.support.pseudo_terminal import in_terminal


def a_look(uploaded: int = 0, **download: Any) -> Look:
    peer = FakePeer()
    status = {**as_json(peer.status()), "uploaded": uploaded}
    peer.start_download(["rfc1.txt.pdf"], None, False)
    (item,) = as_json(peer.downloads())["items"]
    return Look(status, {"items": [{**item, **download}]}, as_json(peer.peers()))


def test_the_rate_up_is_that_between_two_looks() -> None:
    facts = dict(PeerFrame(a_look(5_000_000), a_look(1_000_000), 2.0).facts())
    assert facts["up"] == "2.0 MB/s, 5.0 MB so far"
    assert dict(PeerFrame(a_look(5_000_000)).facts())["up"].startswith("0 bytes/s")


def test_a_download_and_its_sources() -> None:
    running = a_look(state="running", rate=2e6, time_left=90.0, connected=3, bytes_done=10, bytes_total=20)
    frame = PeerFrame(running)
    assert dict(frame.facts())["down"].startswith("2.0 MB/s")
    assert frame.tables()[0].rows[0][3:] == ["10 bytes", "20 bytes", "2.0 MB/s", "1 min", "3"]
    ended = PeerFrame(a_look(state="done", rate=2e6, time_left=None))
    assert dict(ended.facts())["down"].startswith("0 bytes/s")
    assert ended.tables()[0].rows[0][5:] == ["-", "-", "-"]


def test_the_fastest_peers_come_first() -> None:
    found = a_look()
    found.peers["items"].reverse()
    rows = PeerFrame(found).tables()[1].rows
    assert [row[0] for row in rows] == ["127.0.0.1:65401", "127.0.0.1:65402"]
    assert rows[0][3:] == ["2.0 MB/s", "-"] and rows[1][2] == "never"
    assert len(PeerFrame(found, most=1).tables()[1].rows) == 1


def test_a_pipe_gets_one_look() -> None:
    with serving("peer") as folder:
        printed = p2p("--state-dir", folder, "top")
        assert printed.exit_code == 0
        assert "RS\t127.0.0.1:65423, registered\n" in printed.stdout
        assert "127.0.0.1:65401\t10\t12 s\t2.0 MB/s\t-\n" in printed.stdout
        assert set(json.loads(p2p("--state-dir", folder, "top", "--json").stdout)) == {"status", "downloads", "peers"}


def test_a_terminal_gets_the_tables_until_q() -> None:
    with serving("peer") as folder:
        code, written = in_terminal(("--state-dir", str(folder), "top"), b"xq")
        assert code == 0
        for word in ("download", "sources", "127.0.0.1:65401", "2.0 MB/s", "registered"):
            assert word in written
