"""RS on the local network: what is remembered of what strangers announce. Real networks: tests/e2e."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

from twisted.internet.task import Clock

from p2p_twisted.net.local_network import MAX_ADDRESSES, MAX_SERVICES, Browser, LocalRs, local_rs

ADDED, REMOVED = SimpleNamespace(name="Added"), SimpleNamespace(name="Removed")


class ThreadlessClock(Clock):
    def callFromThread(self, call: Any, *arguments: Any) -> None:
        call(*arguments)


class FakeZeroconf:
    """Knows one service under every name, or raises."""

    def __init__(self, *hosts: str, port: int | None = 65423, fails: bool = False) -> None:
        properties: dict[bytes, bytes | None] = {b"tls": b"no"}
        self._info = SimpleNamespace(parsed_addresses=lambda: list(hosts), port=port, properties=properties)
        self._fails = fails
        self.asked = 0

    def get_service_info(self, kind: str, name: str, timeout: int) -> Any:
        self.asked += 1
        if self._fails:
            raise ValueError("rubbish")
        return self._info


def browser() -> tuple[ThreadlessClock, Browser]:
    clock = ThreadlessClock()
    return clock, Browser(cast(Any, clock))


def test_found_and_gone() -> None:
    clock, found = browser()
    fired: list[None] = []
    found.wait(3).addCallback(fired.append)
    found._changed(FakeZeroconf("10.0.0.1"), "kind", "a", ADDED)
    assert (found.found, fired) == ([LocalRs(("10.0.0.1",), 65423, False)], [None])
    found.wait(3).addCallback(fired.append)
    assert len(fired) == 2
    clock.advance(5)
    found._changed(FakeZeroconf(), "kind", "a", REMOVED)
    assert found.found == []


def test_nothing_in_time() -> None:
    clock, found = browser()
    fired: list[None] = []
    found.wait(3).addCallback(fired.append)
    clock.advance(3)
    assert fired == [None]
    found._changed(FakeZeroconf("10.0.0.1"), "kind", "a", ADDED)
    assert len(fired) == 1


def test_many_services() -> None:
    _, found = browser()
    zeroconf = FakeZeroconf("10.0.0.1")
    for number in range(3 * MAX_SERVICES):
        found._changed(zeroconf, "kind", str(number), ADDED)
    assert (len(found.found), zeroconf.asked) == (MAX_SERVICES, MAX_SERVICES)
    found._changed(FakeZeroconf("10.0.0.2"), "kind", "0", ADDED)
    assert found.found[0].hosts == ("10.0.0.2",), "one that is known may change"


def test_services_that_cannot_be() -> None:
    _, found = browser()
    for zeroconf in (FakeZeroconf(), FakeZeroconf("10.0.0.1", port=None), FakeZeroconf("10.0.0.1", fails=True)):
        found._changed(zeroconf, "kind", "a", ADDED)
    assert found.found == []


def test_details() -> None:
    many = [f"10.0.0.{number}" for number in range(100)]
    assert local_rs(many, 1, {b"tls": b"yes"}) == LocalRs(tuple(many[:MAX_ADDRESSES]), 1, True)
    assert local_rs(many[:1], 1, {b"tls": None}) == LocalRs(("10.0.0.0",), 1, False)
    assert local_rs([], 1, {}) is None
