"""The contract of a store: one suite, run on each of them.

A new store needs one more class at the end, which makes it in `make_store`.
"""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from twisted.internet import reactor
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase

from p2p_twisted.registry import rules
from p2p_twisted.registry.memory import MemoryStore
from p2p_twisted.registry.record import COUNTED_SECONDS, MAX_ACTIVATIONS, PROTECTED_TIME
from p2p_twisted.registry.redis.store import RedisStore
from p2p_twisted.registry.rules import WrongCookie
from p2p_twisted.registry.sqlite import SQLiteStore
from p2p_twisted.registry.store import Counts, Store
from p2p_twisted.wire.address import Address
from p2p_twisted.wire.errors import Forbidden
from tests.support.redis_server import redis_server
from tests.support.registries import START, RemoteStore, StillClocks, fields, listed

if TYPE_CHECKING:
    Suite = TestCase
else:
    Suite = object  # so that the suite itself is not run

HOST, PORT = "10.0.0.1", 65400
TTL = 7200


class Contract(Suite):
    """The suite."""

    def make_store(self) -> Store:
        raise NotImplementedError

    def setUp(self) -> None:
        self.clocks = StillClocks(TTL)
        self.store = self.make_store()
        self.store.start()
        self.addCleanup(self.store.close)

    async def enter(
        self,
        host: str = HOST,
        port: int = PORT,
        cookie: int | None = None,
        wide: bool = True,
        limit: int | None = None,
    ) -> int:
        """Register a peer; return its cookie."""
        return (await self.store.apply(rules.register(host, port, cookie, wide, limit))).cookie

    async def leave(self, cookie: int, port: int, *origin: str) -> None:
        await self.store.apply(rules.leave(cookie, port, origin))

    async def keep_alive(self, cookie: int, port: int, *origin: str) -> None:
        await self.store.apply(rules.keep_alive(cookie, port, origin))

    async def query(self, cookie: int, port: int, *origin: str) -> None:
        await self.store.apply(rules.query(cookie, port, origin))

    async def addresses(self) -> list[Address]:
        return (await self.store.active())[0]

    async def described(self, cookie: int) -> dict[str, str | int | bool]:
        (record,) = [r for r in await self.store.records() if r.cookie == cookie]
        return fields(record, self.clocks.clocks)

    # Register

    async def test_the_seven_fields_of_a_new_peer(self) -> None:
        cookie = await self.enter()
        self.assertEqual(
            await self.described(cookie),
            {
                "hostName": HOST,
                "cookie": cookie,
                "isActive": True,
                "TTL": 7200,
                "port": PORT,
                "registered_count": 1,
                "last_registered": START,
            },
        )
        self.assertEqual(await self.addresses(), [(HOST, PORT)])

    async def test_cookies_have_the_width_of_the_version(self) -> None:
        for port in range(1, 201):
            self.assertIn(await self.enter(port=port, wide=False), range(1, 2**31))
            self.assertIn(await self.enter("10.0.0.2", port, wide=True), range(2**31, 2**63))
        self.assertEqual(len({record.cookie for record in await self.store.records()}), 400)

    async def test_a_cookie_that_was_never_given_out_creates_nothing(self) -> None:
        with self.assertRaises(Forbidden):
            await self.enter(cookie=4)
        self.assertEqual(await self.store.records(), [])

    async def test_the_same_cookie_from_elsewhere_is_the_same_peer_moved(self) -> None:
        cookie = await self.enter()
        self.assertEqual(await self.enter("10.0.0.9", 7, cookie), cookie)
        self.assertEqual(await self.addresses(), [("10.0.0.9", 7)])
        self.assertEqual(len(await self.store.records()), 1)
        with self.assertRaises(Forbidden):
            await self.keep_alive(cookie, PORT)
        await self.keep_alive(cookie, 7)

    async def test_registering_again_while_active_renews_but_does_not_count(self) -> None:
        cookie = await self.enter()
        self.clocks.advance(100)
        await self.enter(cookie=cookie)
        described = await self.described(cookie)
        self.assertEqual((described["TTL"], described["registered_count"]), (7200, 1))
        self.assertEqual(described["last_registered"], START + 100)

    async def test_a_peer_that_lost_its_cookie_displaces_its_old_self_after_a_while(self) -> None:
        old = await self.enter()
        self.clocks.advance(PROTECTED_TIME)
        new = await self.enter()
        self.assertNotEqual(old, new)
        self.assertEqual(await self.addresses(), [(HOST, PORT)])
        self.assertFalse((await self.described(old))["isActive"])
        await self.leave(new, PORT)
        self.assertEqual(await self.addresses(), [])

    async def test_a_displaced_peer_that_keeps_alive_takes_its_address_back_after_a_while(self) -> None:
        old = await self.enter()
        self.clocks.advance(PROTECTED_TIME)
        new = await self.enter()
        with self.assertRaises(Forbidden):
            await self.keep_alive(old, PORT)
        self.clocks.advance(PROTECTED_TIME)
        await self.keep_alive(old, PORT)
        self.assertEqual(await self.addresses(), [(HOST, PORT)])
        self.assertFalse((await self.described(new))["isActive"])
        with self.assertRaises(Forbidden):
            await self.leave(new, PORT)

    async def test_a_peer_that_renews_lately_is_listed_throughout_a_takeover(self) -> None:
        victim = await self.enter()
        other = await self.enter("10.0.0.2", 9)
        for second in range(4 * PROTECTED_TIME):
            if second % (PROTECTED_TIME - 1) == 0:
                await (self.keep_alive, self.query)[second % 2](victim, PORT)
            for cookie in None, other:
                with self.assertRaises(Forbidden) as raised:
                    await self.enter(cookie=cookie)
            self.clocks.advance(1)
            if second % 100 == 0:
                self.assertIn((HOST, PORT), await self.addresses())
        self.assertIn(raised.exception.retry_after, range(1, PROTECTED_TIME + 1))
        self.assertTrue((await self.described(victim))["isActive"])

    async def test_a_short_ttl_protects_for_half_of_it(self) -> None:
        self.clocks.clocks = replace(self.clocks.clocks, ttl=60)
        self.store.clocks = self.clocks.clocks
        await self.enter()
        self.clocks.advance(29)
        with self.assertRaises(Forbidden):
            await self.enter()
        self.clocks.advance(1)
        await self.enter()

    async def test_who_comes_back_with_its_cookie_is_never_refused_its_address(self) -> None:
        cookie = await self.enter()
        for _ in range(3):
            await self.enter(cookie=cookie)
        await self.leave(cookie, PORT)
        await self.enter(cookie=cookie)
        self.assertEqual(await self.addresses(), [(HOST, PORT)])

    async def test_who_has_left_protects_nothing(self) -> None:
        await self.leave(await self.enter(), PORT)
        await self.enter()
        self.assertEqual((await self.store.counts()).active, 1)

    async def test_31_bits_count_only_on_the_host_they_were_given_to(self) -> None:
        for host, near, far in (HOST, HOST, "10.0.0.2"), ("2001:db8::1", "2001:db8::2", "2001:db8:0:1::1"):
            cookie = await self.enter(host, wide=False)
            for method in self.leave, self.keep_alive, self.query:
                with self.assertRaises(WrongCookie):
                    await method(cookie, PORT, far)
            with self.assertRaises(WrongCookie):
                await self.enter(far, PORT, cookie)
            self.assertFalse(self.store.renew(cookie, PORT, far))
            for method in self.query, self.keep_alive, self.leave, self.keep_alive:
                await method(cookie, PORT, far, near)
            await self.enter(near, PORT, cookie)

    async def test_moving_onto_anothers_address_displaces_it(self) -> None:
        other = await self.enter("10.0.0.2", 9)
        self.clocks.advance(PROTECTED_TIME - 1)
        cookie = await self.enter()
        with self.assertRaises(Forbidden):
            await self.enter("10.0.0.2", 9, cookie)
        self.assertEqual(await self.addresses(), [(HOST, PORT), ("10.0.0.2", 9)])
        self.clocks.advance(1)
        await self.enter("10.0.0.2", 9, cookie)
        self.assertEqual(await self.addresses(), [("10.0.0.2", 9)])
        self.assertFalse((await self.described(other))["isActive"])

    async def test_a_full_host_gives_up_its_longest_inactive_record(self) -> None:
        cookies = [await self.enter(HOST, port, limit=3) for port in (1, 2, 3)]
        with self.assertRaises(Forbidden):
            await self.enter(HOST, 4, limit=3)
        for index in (1, 0):
            await self.leave(cookies[index], index + 1)
            self.clocks.advance(1)
        await self.enter(HOST, 4, limit=3)
        self.assertEqual(await self.store.counts(), Counts(2, 3))
        with self.assertRaises(Forbidden):
            await self.keep_alive(cookies[1], 2)
        await self.keep_alive(cookies[0], 1)
        with self.assertRaises(Forbidden):
            await self.enter(HOST, 5, limit=3)
        self.assertEqual(await self.addresses(), [(HOST, 1), (HOST, 3), (HOST, 4)])

    async def test_records_that_were_never_used_make_room_first_then_the_longest_inactive(self) -> None:
        used, left, unused, kept = [await self.enter(HOST, port, limit=4) for port in (1, 2, 3, 4)]
        self.assertEqual(self.store.renew(used, 1, HOST), not isinstance(self.store, RemoteStore))
        await self.keep_alive(used, 1)
        await self.query(left, 2)
        for cookie, port in ((used, 1), (left, 2), (unused, 3)):
            await self.leave(cookie, port)
            self.clocks.advance(1)
        for port, gone in ((5, unused), (6, used), (7, left)):
            await self.enter(HOST, port, limit=4)
            self.assertNotIn(gone, {record.cookie for record in await self.store.records()})
        with self.assertRaises(Forbidden):
            await self.enter(HOST, 8, limit=4)
        await self.keep_alive(kept, 4)

    async def test_a_full_store_gives_up_inactive_records_of_any_host_and_never_an_active_one(self) -> None:
        self.patch(rules, "MAX_RECORDS", 4)
        used = await self.enter("10.0.0.1")
        await self.enter("10.0.0.1", cookie=used)
        unused, active, other = [await self.enter(f"10.0.0.{last}", limit=9) for last in (2, 3, 4)]
        with self.assertRaises(Forbidden) as raised:
            await self.enter("10.0.0.5")
        self.assertIn("as many peers as it can hold", str(raised.exception))
        await self.leave(used, PORT)
        await self.leave(unused, PORT)
        await self.enter("10.0.0.5", limit=9)
        await self.enter("10.0.0.6", limit=9)
        self.assertEqual(await self.store.counts(), Counts(4, 4))
        cookies = {record.cookie for record in await self.store.records()}
        self.assertEqual(cookies & {used, unused, active, other}, {active, other})

    async def test_a_flood_of_registrations_leaves_the_peers_of_others_alone(self) -> None:
        self.patch(rules, "MAX_RECORDS", 50)
        honest = [await self.enter("10.0.0.1", port) for port in range(1, 11)]
        for port, cookie in enumerate(honest, 1):
            await self.keep_alive(cookie, port)
        await self.leave(honest[0], 1)
        for number in range(300):
            cookie = await self.enter(f"10.1.{number // 10}.1", number % 10 + 1, limit=10)
            await self.leave(cookie, number % 10 + 1)
        cookies = {record.cookie for record in await self.store.records()}
        self.assertEqual(len(cookies), 50)
        self.assertLessEqual(set(honest), cookies)

    async def test_peers_that_all_left_or_ran_out_shut_nobody_out(self) -> None:
        for port in range(1, 200):
            cookie = await self.enter(HOST, port, limit=5)
            if port % 2:
                await self.leave(cookie, port)
            else:
                self.clocks.advance(7200)
        self.assertEqual((await self.store.counts()).records, 5)
        self.clocks.advance(7200)
        await self.store.sweep()
        self.assertEqual(await self.addresses(), [])

    async def test_a_record_that_moved_or_came_back_makes_no_room_where_it_was(self) -> None:
        moved, back, left = [await self.enter(port=port, limit=3) for port in (1, 2, 3)]
        for cookie, port in ((moved, 1), (back, 2), (left, 3)):
            await self.leave(cookie, port)
        await self.enter("10.0.0.2", 1, moved, limit=3)
        await self.enter(HOST, 2, back, limit=3)
        await self.enter(HOST, 4, limit=3)
        await self.enter(HOST, 5, limit=3)
        with self.assertRaises(Forbidden):
            await self.enter(HOST, 3, left, limit=3)
        self.assertEqual({record.cookie for record in await self.store.records()} & {moved, back}, {moved, back})

    async def test_a_host_has_at_most_limit_records_but_may_use_those_it_has(self) -> None:
        cookie = await self.enter(HOST, 1, limit=2)
        await self.enter(HOST, 2, limit=2)
        with self.assertRaises(Forbidden):
            await self.enter(HOST, 3, limit=2)
        await self.enter(HOST, 3, cookie, limit=2)
        await self.enter("10.0.0.2", 1, limit=2)
        self.assertEqual(len(await self.store.records()), 3)

    async def test_a_peer_that_moved_away_makes_room_and_ipv6_counts_by_network(self) -> None:
        cookie = await self.enter("2001:db8::1", 1, limit=1)
        with self.assertRaises(Forbidden):
            await self.enter("2001:db8::ffff", 1, limit=1)
        await self.enter("2001:db8:0:1::1", 1, cookie, limit=1)
        await self.enter("2001:db8::ffff", 1, limit=1)

    # Leave, KeepAlive, PQuery

    async def test_after_leave_the_record_and_its_cookie_stay(self) -> None:
        cookie = await self.enter()
        await self.leave(cookie, PORT)
        self.assertEqual(await self.addresses(), [])
        described = await self.described(cookie)
        self.assertEqual((described["isActive"], described["TTL"], described["registered_count"]), (False, 0, 1))
        self.assertEqual(await self.enter(cookie=cookie), cookie)
        self.assertEqual((await self.described(cookie))["registered_count"], 2)

    async def test_leave_and_query_of_an_inactive_peer_are_forbidden(self) -> None:
        cookie = await self.enter()
        await self.leave(cookie, PORT)
        for method in self.leave, self.query:
            with self.assertRaises(Forbidden):
                await method(cookie, PORT)

    async def test_keep_alive_brings_an_inactive_peer_back(self) -> None:
        cookie = await self.enter()
        await self.leave(cookie, PORT)
        self.clocks.advance(5)
        await self.keep_alive(cookie, PORT)
        described = await self.described(cookie)
        self.assertEqual((described["isActive"], described["TTL"], described["registered_count"]), (True, 7200, 2))
        self.assertEqual(await self.addresses(), [(HOST, PORT)])

    async def test_unknown_cookies_and_wrong_ports_are_forbidden(self) -> None:
        cookie = await self.enter()
        for method in self.leave, self.keep_alive, self.query:
            for pair in (cookie, PORT + 1), (cookie + 1, PORT), (0, PORT):
                with self.assertRaises(Forbidden):
                    await method(*pair)
        self.assertTrue((await self.described(cookie))["isActive"])

    async def test_keep_alive_and_query_restart_the_ttl(self) -> None:
        cookie = await self.enter()
        for method in self.keep_alive, self.query:
            self.clocks.advance(7000)
            self.assertEqual((await self.described(cookie))["TTL"], 200)
            await method(cookie, PORT)
            self.assertEqual((await self.described(cookie))["TTL"], 7200)

    # The TTL

    async def test_at_ttl_0_a_peer_is_inactive_before_any_sweep(self) -> None:
        cookie = await self.enter()
        self.clocks.advance(7199.5)
        self.assertEqual((await self.described(cookie))["TTL"], 1)
        self.assertEqual(await self.addresses(), [(HOST, PORT)])
        self.clocks.advance(0.5)
        with self.assertRaises(Forbidden):
            await self.query(cookie, PORT)
        with self.assertRaises(Forbidden):
            await self.leave(cookie, PORT)
        self.assertEqual(await self.addresses(), [])
        self.assertEqual((await self.described(cookie))["TTL"], 0)

    async def test_a_sweep_says_how_many_it_made_inactive(self) -> None:
        cookies = [await self.enter(port=port) for port in range(1, 201)]
        self.clocks.advance(7000)
        for port, cookie in enumerate(cookies[:50], 1):
            await self.keep_alive(cookie, port)
        await self.leave(cookies[199], 200)
        self.clocks.advance(201)
        self.assertEqual((await self.store.sweep()).expired, 149)
        self.assertEqual((await self.store.sweep()).expired, 0)
        self.assertEqual([port for _, port in await self.addresses()], list(range(1, 51)))
        self.clocks.advance(7000)
        self.assertEqual((await self.store.sweep()).expired, 50)

    async def test_keep_alive_counts_as_a_new_activation_when_the_ttl_had_run_out(self) -> None:
        cookie = await self.enter()
        self.clocks.advance(7200)
        await self.keep_alive(cookie, PORT)
        self.assertEqual((await self.described(cookie))["registered_count"], 2)

    async def test_the_wall_clock_does_not_touch_the_ttl(self) -> None:
        cookie = await self.enter()
        for jump in (10**8, -(10**9)):
            self.clocks.time += jump
            self.assertEqual((await self.described(cookie))["TTL"], 7200)
            self.assertEqual((await self.store.sweep()).expired, 0)

    async def test_registered_count_looks_back_30_days_and_is_bounded(self) -> None:
        cookie = await self.enter()
        self.clocks.advance(COUNTED_SECONDS - 1)
        await self.enter(cookie=cookie)
        self.assertEqual((await self.described(cookie))["registered_count"], 2)
        self.clocks.advance(1)
        self.assertEqual((await self.described(cookie))["registered_count"], 1)
        for _ in range(MAX_ACTIVATIONS + 5):
            await self.leave(cookie, PORT)
            await self.keep_alive(cookie, PORT)
        self.assertEqual((await self.described(cookie))["registered_count"], MAX_ACTIVATIONS)

    # The list

    async def test_active_is_ascending_and_pages_without_gaps(self) -> None:
        wanted = sorted((f"10.0.{i % 3}.{i % 17}", i) for i in range(1, 101))
        for host, port in reversed(wanted):
            await self.enter(host, port)
        self.assertEqual(await self.store.active(), (wanted, False))
        got: list[Address] = []
        after, more = None, True
        while more:
            page, more = await self.store.active(7, after)
            got += page
            after = page[-1]
        self.assertEqual(got, wanted)

    async def test_paging_continues_after_its_last_peer_has_left(self) -> None:
        cookies = {port: await self.enter(port=port) for port in (1, 2, 3, 4)}
        page, more = await self.store.active(2)
        await self.leave(cookies[2], 2)
        self.assertEqual((page, more), ([(HOST, 1), (HOST, 2)], True))
        self.assertEqual(await self.store.active(2, page[-1]), ([(HOST, 3), (HOST, 4)], False))
        self.assertEqual(await self.store.active(2, (HOST, 4)), ([], False))

    async def test_a_sample_is_ascending_and_differs_from_time_to_time(self) -> None:
        for port in range(1, 101):
            await self.enter(port=port)
        lines, more = self.store.sample(100)
        self.assertEqual((listed(lines), more), await self.store.active())
        seen: set[Address] = set()
        for _ in range(100):
            lines, more = self.store.sample(10)
            some = listed(lines)
            self.assertEqual((some, len(some), more), (sorted(set(some)), 10, True))
            seen.update(some)
        self.assertGreater(len(seen), 90)  # each is missing with a probability of 0.9 ** 100

    async def test_generation_changes_with_the_list_and_only_then(self) -> None:
        seen = [await self.store.generation()]
        cookie = await self.enter()
        seen.append(await self.store.generation())
        await self.keep_alive(cookie, PORT)
        await self.query(cookie, PORT)
        await self.enter(cookie=cookie)
        self.assertEqual(await self.store.generation(), seen[-1])
        await self.leave(cookie, PORT)
        seen.append(await self.store.generation())
        await self.keep_alive(cookie, PORT)
        seen.append(await self.store.generation())
        self.clocks.advance(7200)
        seen.append(await self.store.generation())
        self.assertEqual(len(set(seen)), 5)

    async def test_only_an_active_peer_is_renewed_at_once(self) -> None:
        cookie = await self.enter()
        self.clocks.advance(10)
        for wrong in (cookie, PORT + 1), (cookie ^ 1, PORT):
            self.assertFalse(self.store.renew(*wrong, HOST))
        renewed = self.store.renew(cookie, PORT, "10.0.0.9")
        self.assertEqual(renewed, not isinstance(self.store, RemoteStore))
        self.assertEqual((await self.described(cookie))["TTL"], TTL if renewed else TTL - 10)
        self.clocks.advance(TTL)
        self.assertFalse(self.store.renew(cookie, PORT, HOST))
        await self.leave_forbidden(cookie)

    async def leave_forbidden(self, cookie: int) -> None:
        with self.assertRaises(Forbidden):
            await self.leave(cookie, PORT)


class InMemory(Contract, TestCase):
    def make_store(self) -> Store:
        return MemoryStore(self.clocks.clocks)


class InSQLite(Contract, TestCase):
    def make_store(self) -> Store:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        return SQLiteStore(Path(folder.name) / "registry.sqlite", self.clocks.clocks)


class InRedis(Contract, TestCase):
    def make_store(self) -> Store:
        server = redis_server()
        return RedisStore(reactor, self.clocks.clocks, server.engine(), server.new_prefix())


class OnAnotherMachine(Contract, TestCase):
    def make_store(self) -> Store:
        return RemoteStore(self.clocks.clocks, lambda: deferLater(reactor, 0))
