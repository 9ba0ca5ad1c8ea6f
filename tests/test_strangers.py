"""The strangers of tests/support are taken for members, and do what their plan says."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from p2p_twisted.wire.messages import GetIndex, Version
from tests.support.invented_rows import Flood, record_of, row
from tests.support.raw_sockets import System, system, wait_for
from tests.support.stranger_client import StrangerClient
from tests.support.strangers import Crowd, How, Plan
from tests.support.twistd import wait_for as wait_until

DATA = bytes(range(256)) * 1000
"""Of four pieces."""


@pytest.fixture(scope="module")
def running() -> Iterator[System]:
    with system([{"own.txt": b"own"}]) as made:
        yield made


def test_a_member_that_shares_a_document(running: System) -> None:
    peer = running.cluster.peers[0]
    with Crowd(("127.0.0.1", running.rs)) as crowd:
        giver = crowd.add(host="127.0.0.9")
        record, digests = record_of("given.bin", DATA, giver.address)
        sha256 = record.sha256 or ""
        giver.plan = Plan([row(record)], contents={sha256: DATA}, piece_lists={sha256: digests})
        assert giver.address in giver.peers()
        giver.hello(("127.0.0.1", running.peers[0]))
        wait_until(lambda: giver.requests)
        order = peer.control.post("downloads", {"names": ["given.bin"]})
        download = wait_for(peer.control, order["id"])
        assert download["files"][0]["state"] == "done", download
        assert (peer.download_dir / "given.bin").read_bytes() == DATA
        assert giver.connections > 0
        giver.leave()


def test_one_that_pushes_changes(running: System) -> None:
    with Crowd(("127.0.0.1", running.rs)) as crowd:
        teller = crowd.add(Plan(), host="127.0.0.10")
        names = {f"pushed{number}.txt" for number in range(3)}
        teller.plan.pushes = [b"", *(row(record_of(name, b"x", teller.address)[0]) for name in names)]
        teller.hello(("127.0.0.1", running.peers[0]))
        index = running.cluster.peers[0].control
        wait_until(lambda: names <= {found["name"] for found in index.get("index")["items"]})
        teller.leave()


@pytest.mark.parametrize("how", [How.REFUSE, How.CLOSE, How.SILENT, How.DRIP])
def test_answers_that_are_none(how: How) -> None:
    with Crowd() as crowd:
        stranger = crowd.add(Plan(contents={"a.txt": DATA}, file=how))
        client = StrangerClient(("127.0.0.1", 0), None)
        with client.connect(stranger.address) as sock:
            sock.settimeout(0.2)
            sock.sendall(b"GET FILE P2P_DI_1.0\nHost a\nOS b\n\na\ntxt\n")
            try:
                got = sock.recv(1000)
            except TimeoutError:
                got = None
        assert got == {How.REFUSE: got, How.CLOSE: b"", How.SILENT: None, How.DRIP: b"2"}[how]
        assert how is not How.REFUSE or got.startswith(b"403 FORBIDDEN P2P-CI/1.0\n")


def test_an_index_larger_than_what_is_read_of_it() -> None:
    flood = Flood((("10.0.0.1", 4000), ("10.0.0.2", 4000)), 10_000, width=500)
    with Crowd() as crowd:
        stranger = crowd.add(Plan(rows=flood))
        client = StrangerClient(("127.0.0.1", 0), None)
        slow = client.readers(stranger.address, 3)
        answer = client.ask(stranger.address, GetIndex(), Version.V10)
        lines = answer.partition(b"\n\n")[2].splitlines(keepends=True)
        assert flood.size == sum(map(len, flood)) == sum(map(len, lines))
        assert [len(lines), {len(line) for line in lines}] == [10_000, {500}]
        assert len({line.split(b"\t")[7] for line in lines}) == 10_000
        for sock in slow:
            assert sock.recv(6) == b"200 OK"
            sock.close()


def test_the_size_of_a_flood_from_any_number_on() -> None:
    flood = Flood((("10.0.0.1", 4000), ("10.0.0.200", 4000), ("10.0.0.3", 40)), 1000, start=7)
    assert flood.size == sum(map(len, flood)) == sum(map(len, flood.blocks()))
