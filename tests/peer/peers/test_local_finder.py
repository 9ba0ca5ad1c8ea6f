"""RS on the local network: which of those that anybody announces may be used."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from twisted.internet.defer import Deferred, succeed

from p2p_twisted.net.dial_policy import DialPolicy
from p2p_twisted.net.local_network import LocalRs
from p2p_twisted.peer.peers.local_finder import LocalFinder
from p2p_twisted.peer.peers.rs_choice import Rs


class FakeBrowser:
    def __init__(self, *found: LocalRs) -> None:
        self.found: Sequence[LocalRs] = found

    def wait(self, seconds: float) -> Deferred[None]:
        return succeed(None)


def find(*announced: LocalRs, has_tls: bool = False) -> list[Rs]:
    refusal = DialPolicy([], tuple).refusal
    outcome: list[list[Rs]] = []
    finder = LocalFinder(cast(Any, FakeBrowser(*announced)), has_tls, refusal)
    Deferred.fromCoroutine(finder.find()).addCallback(outcome.append)
    return outcome[0]


def test_the_name_is_the_address() -> None:
    assert find(LocalRs(("10.0.0.1",), 4000, False)) == [Rs("10.0.0.1", 4000, "10.0.0.1")]


def test_only_those_that_speak_as_this_peer_does() -> None:
    plain, secure = LocalRs(("10.0.0.1",), 4000, False), LocalRs(("10.0.0.2",), 4000, True)
    assert [rs.host for rs in find(plain, secure)] == ["10.0.0.1"]
    assert [rs.host for rs in find(plain, secure, has_tls=True)] == ["10.0.0.2"]


def test_addresses_that_a_stranger_may_not_name() -> None:
    hosts = "127.0.0.1", "::1", "169.254.1.1", "224.0.0.1", "0.0.0.0", "10.0.0.1", "rubbish"
    assert {rs.host for rs in find(LocalRs(hosts[:6], 4000, False))} == {"10.0.0.1"}
    assert find(LocalRs(("10.0.0.1",), 22, False)) == []
