"""Real peers that stop, come back, or listen where nobody reaches them: the others notice, and they do themselves."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from p2p_twisted.experiment.run.cluster import wait_until
from p2p_twisted.experiment.run.processes import Member
from tests.support import raw_sockets
from tests.support.raw_sockets import WAIT_TIMEOUT


def wait(ready: Callable[[], bool]) -> None:
    wait_until(ready, time.monotonic() + WAIT_TIMEOUT, "it did not come to that")


def items(peer: Member) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = peer.control.get("index")["items"]
    return found


def holders(peer: Member) -> set[int]:
    return {holder["port"] for item in items(peer) for holder in item["holders"]}


def share_another(peer: Member, follower: Member) -> None:
    """Share a document, and wait until `follower` has been told: it follows the index of `peer` by then."""
    name = f"{time.monotonic_ns()}.txt"
    (peer.share_dir / name).write_text(name)
    wait(lambda: name in [item["name"] for item in items(follower)])


@pytest.mark.parametrize("end", [Member.terminate, Member.kill])
def test_a_stopped_peer_is_not_a_holder_until_it_is_back(end: Callable[[Member], None]) -> None:
    with raw_sockets.system([{}, {"a.txt": b"a"}]) as running:
        here, other = running.cluster.peers
        port = running.peers[1]
        wait(lambda: holders(here) == {port})
        share_another(other, here)
        end(other)
        other.wait(WAIT_TIMEOUT)
        wait(lambda: holders(here) == set())
        running.cluster.restart("peer2")
        wait(lambda: holders(here) == {port})


def test_whether_a_peer_can_be_reached_shows_in_its_status() -> None:
    """The second is at another address than the one the RS sees, which it does not say."""
    with raw_sockets.system([{}, {}], {"peer2": ("--listen", "tcp:65500:interface=127.0.0.2")}) as running:
        [fine, hidden] = (peer.control for peer in running.cluster.peers)
        wait(lambda: hidden.get("status")["rs"]["reachable"] is False)
        why = hidden.get("status")["rs"]["unreachable_why"]
        assert "127.0.0.1:65500 cannot be reached: " in why
        assert "--advertise" in why
        assert fine.get("status")["rs"]["reachable"] is not False
