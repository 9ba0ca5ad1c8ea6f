"""Orders given to peers, watched and read out: the peer is a fake of its control API."""

import threading
from pathlib import Path
from typing import Any

import pytest

from p2p_twisted.experiment.plan.orders import Order, Want
from p2p_twisted.experiment.results import Arrival, Sample, Transfer
from p2p_twisted.experiment.run.downloader import Downloader, start_together
from p2p_twisted.experiment.run.outcome import arrivals, failures, transfers
from p2p_twisted.experiment.run.processes import ClusterError
from p2p_twisted.web.control_client import ControlError

SIZES = {"a.txt": 100, "b.txt": 200, "c.txt": 300}
HOLDERS = ["127.0.0.1:1", "127.0.0.1:2"]
ROLES = {"127.0.0.1:1": "peer1", "127.0.0.1:2": "peer2"}


class Control:
    """The control API of a peer, as far as orders go; ``downloads`` is what a test says of them."""

    def __init__(self) -> None:
        self.orders: list[dict[str, Any]] = []
        self.downloads: list[dict[str, Any]] = []
        self.asked = 0
        self.error: BaseException | None = None
        self.in_a_call = False

    def post(self, path: str, body: dict[str, Any]) -> dict[str, str]:
        assert path == "downloads"
        self.fail()
        self.orders.append(body)
        files = [file(name, "queued") for name in body["names"]]
        self.downloads.append({"files": files, "started": 1000.0 + len(self.downloads), "ended": None, "bytes_done": 0})
        return {"id": str(len(self.orders) - 1)}

    def get(self, path: str) -> dict[str, Any]:
        self.asked += 1
        self.fail()
        return self.downloads[int(path.removeprefix("downloads/"))]

    def close(self) -> None:
        self.in_a_call = False

    def fail(self) -> None:
        if self.in_a_call:
            raise ControlError("lost", "a call is under way")
        if self.error is not None:
            raise self.error


class Peer:
    """A member of a cluster with that API, whose process has ``died`` or not."""

    def __init__(self, folder: Path) -> None:
        self.role = "peer3"
        self.download_dir = folder
        self.control = Control()
        self.died = False

    def status(self) -> None:
        if self.died:
            raise ClusterError("peer3 ended with status 1: oh")

    def file_came(self, name: str) -> None:
        (self.download_dir / name).write_bytes(b"x")

    def ends(self, *files: dict[str, Any]) -> None:
        """The last order is over."""
        done = sum(one["got"] for one in files)
        self.control.downloads[-1].update(files=list(files), ended=2000.0, bytes_done=done)


def file(
    name: str, state: str = "done", ended: float | None = 1500.0, **sources: tuple[int, float, float | None]
) -> dict[str, Any]:
    """Return a file as the API shows it; ``sources``: peer -> bytes, start, end."""
    addresses = {role: address for address, role in ROLES.items()}
    return {
        "name": name,
        "state": state,
        "size": SIZES[name],
        "got": SIZES[name] if state in ("done", "there") else 0,
        "ended": ended,
        "error": {"kind": "timeout", "text": f"{name} came not"} if state == "failed" else None,
        "sources": {
            addresses.get(role, role): {"bytes": size, "started": start, "ended": end}
            for role, (size, start, end) in sources.items()
        },
    }


def downloader_of(peer: Peer, swarm: bool = False, faults: bool = False, names: str = "abc") -> Downloader:
    order = Order("peer3", tuple(Want(f"{name}.txt", "peer1") for name in names))
    return Downloader(peer, order, SIZES, swarm, HOLDERS, faults)  # type: ignore[arg-type]  # a fake peer


@pytest.fixture
def peer(tmp_path: Path) -> Peer:
    return Peer(tmp_path)


def test_the_order_names_documents_and_from_whom(peer: Peer) -> None:
    downloader_of(peer).start()
    downloader_of(peer, swarm=True).start()
    names = ["a.txt", "b.txt", "c.txt"]
    assert peer.control.orders == [
        {"names": names, "swarm": False, "from": HOLDERS},
        {"names": names, "swarm": True},
    ]


def test_the_disk_is_looked_at_until_all_is_there_the_peer_only_then(peer: Peer) -> None:
    downloader = downloader_of(peer)
    downloader.start()
    downloader.check(interval=1e9)
    peer.file_came("b.txt")
    downloader.check(interval=1e9)
    assert downloader.sample(5.0) == Sample("peer3", 5.0, 0, 0)
    peer.file_came("a.txt")
    downloader.check(interval=1e9)
    assert downloader.sample(6.0) == Sample("peer3", 6.0, 300, 2)
    assert peer.control.asked == 0
    peer.file_came("c.txt")
    downloader.check(interval=1e9)
    assert (peer.control.asked, downloader.over) == (1, False)
    peer.ends(*map(file, SIZES))
    downloader.check(interval=1e9)
    assert downloader.over
    downloader.check()
    assert peer.control.asked == 2
    assert downloader.started == 1000.0
    assert downloader.sample(7.0) == Sample("peer3", 7.0, 600, 3)


def test_a_peer_that_swarms_is_asked_how_far_it_is(peer: Peer) -> None:
    downloader = downloader_of(peer, swarm=True)
    downloader.start()
    peer.control.downloads[0].update(files=[file("a.txt"), file("b.txt", "fetching")], bytes_done=170)
    downloader.check(interval=0)
    assert downloader.sample(1.0) == Sample("peer3", 1.0, 170, 1)


def test_nothing_is_asked_again_where_nothing_is_to_go_wrong(peer: Peer) -> None:
    downloader = downloader_of(peer)
    downloader.start()
    peer.ends(file("a.txt"), file("b.txt", "failed"), file("c.txt", "there"))
    downloader.check(interval=0)
    assert downloader.over
    assert failures(downloader) == {"b.txt": "b.txt came not"}


def test_with_faults_missing_documents_are_retried_from_any_peer(peer: Peer) -> None:
    downloader = downloader_of(peer, faults=True)
    downloader.start()
    for _ in range(3):
        assert not downloader.over
        peer.ends(*(file(name, "failed") for name in peer.control.orders[-1]["names"]))
        downloader.check(interval=0)
    assert downloader.over
    assert [order.get("from") for order in peer.control.orders] == [HOLDERS, None, None]
    assert failures(downloader).keys() == SIZES.keys()


def test_documents_of_a_second_attempt_count_with_the_first(peer: Peer) -> None:
    downloader = downloader_of(peer, swarm=True, faults=True)
    downloader.start()
    peer.ends(file("a.txt", ended=1010.0), file("b.txt", "failed", peer1=(50, 1001.0, 1002.0)), file("c.txt", "failed"))
    downloader.check(interval=0)
    assert peer.control.orders[1]["names"] == ["b.txt", "c.txt"]
    peer.ends(file("b.txt", ended=1030.0, peer2=(200, 1020.0, 1029.0)), file("c.txt", "failed"))
    downloader.check(interval=0)
    assert downloader.sample(9.0) == Sample("peer3", 9.0, 300, 2)
    assert arrivals(downloader, 1000.0) == [Arrival("peer3", "a.txt", 100, 10.0), Arrival("peer3", "b.txt", 200, 30.0)]
    assert transfers(downloader, ROLES, 1000.0) == [
        Transfer("peer3", "b.txt", "peer1", 50, 1.0, 2.0),
        Transfer("peer3", "b.txt", "peer2", 200, 20.0, 29.0),
    ]
    assert failures(downloader) == {"c.txt": "c.txt came not"}


def test_a_transfer_that_never_ended_and_a_source_that_nobody_knows(peer: Peer) -> None:
    downloader = downloader_of(peer, names="a")
    downloader.start()
    from_stranger: dict[str, Any] = {"10.0.0.9:4400": (60, 1001.0, None)}
    peer.ends(file("a.txt", **from_stranger))
    downloader.check(interval=0)
    assert transfers(downloader, ROLES, 1000.0) == [Transfer("peer3", "a.txt", "10.0.0.9:4400", 60, 1.0, 1.0)]


def test_a_peer_that_does_not_answer_ends_the_run_and_says_how_it_ended(peer: Peer) -> None:
    downloader = downloader_of(peer)
    downloader.start()
    peer.control.error = ControlError("lost", "no more")
    with pytest.raises(ClusterError, match="peer3: no more"):
        downloader.check(interval=0)
    peer.died = True
    with pytest.raises(ClusterError, match="peer3 ended with status 1: oh"):
        downloader.check(interval=0)


def test_reading_out_asks_once_more_and_minds_no_silence(peer: Peer) -> None:
    downloader = downloader_of(peer, names="ab")
    downloader.refresh()
    assert peer.control.asked == 0
    downloader.start()
    peer.ends(file("a.txt"), file("b.txt", "fetching"))
    downloader.refresh()
    assert [arrival.file for arrival in arrivals(downloader, 0.0)] == ["a.txt"]
    peer.control.error = ControlError("timeout", "busy")
    downloader.refresh()
    assert [arrival.file for arrival in arrivals(downloader, 0.0)] == ["a.txt"]
    assert failures(downloader) == {"b.txt": "it had not arrived when the run ended"}


def test_the_outcome_can_be_read_after_an_interrupted_call(peer: Peer) -> None:
    downloader = downloader_of(peer, names="a")
    downloader.start()
    peer.ends(file("a.txt"))
    peer.control.in_a_call = True
    downloader.refresh()
    assert [arrival.file for arrival in arrivals(downloader, 0.0)] == ["a.txt"]


def test_a_peer_that_stays_killed_is_not_called(peer: Peer) -> None:
    downloader = downloader_of(peer)
    downloader.start()
    downloader.killed(for_good=True)
    assert downloader.over
    downloader.check(interval=0)
    downloader.refresh()
    assert peer.control.asked == 0


def test_a_restarted_peer_is_told_to_download_the_missing_documents(peer: Peer) -> None:
    downloader = downloader_of(peer, faults=True)
    downloader.start()
    peer.ends(file("b.txt"), file("a.txt", "fetching"), file("c.txt", "queued"))
    downloader.refresh()
    downloader.killed(for_good=False)
    assert not downloader.over
    downloader.check(interval=0)
    assert peer.control.asked == 1, "a dead peer is not asked"
    downloader.resume()
    assert peer.control.orders[-1] == {"names": ["a.txt", "c.txt"], "swarm": False}
    peer.ends(file("a.txt"), file("c.txt"))
    downloader.check(interval=0)
    assert downloader.over
    assert failures(downloader) == {}


def test_a_restarted_peer_with_all_documents_is_done(peer: Peer) -> None:
    downloader = downloader_of(peer, names="a")
    downloader.start()
    peer.ends(file("a.txt"))
    downloader.refresh()
    downloader.killed(for_good=False)
    downloader.resume()
    assert downloader.over
    assert len(peer.control.orders) == 1


def test_all_begin_at_one_barrier(tmp_path: Path) -> None:
    meeting = threading.Barrier(5)

    class Meeting(Control):
        def post(self, path: str, body: dict[str, Any]) -> dict[str, str]:
            meeting.wait(60)
            return super().post(path, body)

    downloaders = []
    for number in range(5):
        peer = Peer(tmp_path / str(number))
        peer.control = Meeting()
        downloaders.append(downloader_of(peer))
    assert start_together(downloaders) > 0
    assert all(len(downloader.downloads) == 1 for downloader in downloaders)


def test_a_refusal_at_the_start_is_reported(tmp_path: Path) -> None:
    peers = [Peer(tmp_path), Peer(tmp_path)]
    peers[1].control.error = ControlError("refused", "too many orders", 429)
    with pytest.raises(ControlError, match="too many orders"):
        start_together([downloader_of(peer) for peer in peers])
