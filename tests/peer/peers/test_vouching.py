"""Whose word counts for an address: over a fake registration that notes what it is asked."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from p2p_twisted.config.settings import network
from p2p_twisted.net.dial_policy import DialPolicy
from p2p_twisted.net.errors import Unreachable
from p2p_twisted.peer.peers.vouching import AT_ONCE, LISTED_FOR, MAX_SINGLE, Vouching
from p2p_twisted.wire.address import Address
from tests.support.captured_log import captured_log

LISTED = ("10.0.1.1", 4001)
KNOWN = ("10.0.1.2", 4002)
ALLOWED = ("192.168.7.7", 22)


class RS:
    """Lists LISTED; `asked` has the addresses it was asked about, None for the whole list."""

    def __init__(self) -> None:
        self.asked: list[Address | None] = []
        self.error: Exception | None = None

    async def is_listed(self, address: Address) -> bool:
        self.asked.append(address)
        if self.error is not None:
            raise self.error
        return address == LISTED

    async def peers(self) -> list[Address]:
        self.asked.append(None)
        return [LISTED]


class Vouches(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock, self.rs = Clock(), RS()
        registration: Any = self.rs
        peers: Any = {KNOWN: None}
        policy = DialPolicy([network("192.168.7.0/24")], lambda: ["10.0.0.1"])
        self.vouching = Vouching(registration, peers, policy, self.clock.seconds)

    def among(self, *addresses: Address) -> list[Address]:
        found: list[Any] = []
        Deferred.fromCoroutine(self.vouching.among(addresses)).addCallback(found.extend)
        return found

    def test_known_and_allowed_ones_need_no_rs(self) -> None:
        self.assertEqual(self.among(KNOWN, ALLOWED), [KNOWN, ALLOWED])
        self.assertEqual(self.rs.asked, [])

    def test_names_and_refused_addresses_are_not_even_asked_about(self) -> None:
        self.assertEqual(self.among(("intranet.example", 4001), ("127.0.0.1", 4001), ("10.0.1.1", 80)), [])
        self.assertEqual(self.rs.asked, [])

    def test_the_rs_is_asked_about_the_others_once_in_a_while(self) -> None:
        other = ("10.0.1.9", 4009)
        for _ in range(2):
            self.assertEqual(self.among(other, LISTED), [LISTED])
        self.assertEqual(self.rs.asked, [other, LISTED])
        self.clock.advance(LISTED_FOR)
        self.among(LISTED)
        self.assertEqual(len(self.rs.asked), 3)

    def test_about_many_it_is_asked_for_the_list(self) -> None:
        many = [("10.0.2.1", port) for port in range(4000, 4001 + MAX_SINGLE)]
        self.assertEqual(self.among(*many, LISTED), [LISTED])
        self.assertEqual(self.rs.asked, [None])

    def test_without_an_rs_nobody_vouches(self) -> None:
        self.rs.error = Unreachable("no")
        failed = self.failureResultOf(Deferred.fromCoroutine(self.vouching.check(LISTED)), Unreachable)
        self.assertIn("the RS cannot say", str(failed.value))

    def test_a_long_list_is_judged_in_slices(self) -> None:
        listed = [(f"10.9.{number // 250}.{number % 250}", 4000 + number % 2) for number in range(20 * AT_ONCE)]
        listed += [("127.0.0.1", 4001), ALLOWED]
        allowed: dict[Address, None] = {}
        with captured_log() as log:
            steps = [len(allowed) for _ in self.vouching.sort_out(listed, allowed)]
        self.assertEqual(list(allowed), [address for address in listed if address[0] != "127.0.0.1"])
        self.assertEqual(steps, [AT_ONCE * number for number in range(1, 21)])
        self.assertEqual(len(log), 1)
