"""Two stores on one real Redis: what one writes the other knows, and what either answered stays so."""

from __future__ import annotations

import random
import signal
import tempfile
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest
from twisted.internet import reactor
from twisted.internet.defer import Deferred, DeferredList, gatherResults
from twisted.internet.task import deferLater
from twisted.logger import formatEvent
from twisted.trial.unittest import TestCase

from p2p_twisted.registry import rules
from p2p_twisted.registry.record import PROTECTED_TIME, PeerRecord
from p2p_twisted.registry.redis import link
from p2p_twisted.registry.redis.coding import Timeline, encode_record
from p2p_twisted.registry.redis.store import RedisStore
from p2p_twisted.registry.store import StoreError
from p2p_twisted.wire.errors import Forbidden
from tests.support.captured_log import captured_log
from tests.support.redis_server import RedisServer, redis_server
from tests.support.registries import START, StillClocks

HOST, PORT = "10.0.0.1", 65400
TTL = 7200
RECOVERY = 5.0
"""Seconds within which everything works again when Redis is back."""

pytestmark = pytest.mark.slow


async def until(true: Callable[[], Awaitable[bool]], seconds: float = RECOVERY) -> None:
    """Wait until `true` is."""
    end = reactor.seconds() + seconds
    while not await true():
        assert reactor.seconds() < end, "it takes too long"
        await deferLater(reactor, 0.02)


class TwoStores(TestCase):
    """Two stores, `one` and `two`, whose clocks stand still."""

    def setUp(self) -> None:
        self.server = self.make_server()
        self.prefix = self.server.new_prefix()
        self.clocks = StillClocks(TTL)
        self.patch(link, "Timeline", lambda offset: Timeline(START))  # the clock of the engine stands still too
        self.one, self.two = self.store(), self.store()

    def make_server(self) -> RedisServer:
        return redis_server()

    def store(self) -> RedisStore:
        store = RedisStore(reactor, self.clocks.clocks, self.server.engine(), self.prefix)
        store.start()
        self.addCleanup(self.close, store)
        return store

    async def close(self, store: RedisStore) -> None:
        try:
            await store.close()
        except StoreError:
            pass  # it tells that renewals are lost; the test has seen what it wanted

    async def enter(self, store: RedisStore, host: str = HOST, port: int = PORT, cookie: int | None = None) -> int:
        return (await store.apply(rules.register(host, port, cookie))).cookie

    async def leave(self, store: RedisStore, cookie: int, port: int = PORT) -> None:
        await store.apply(rules.leave(cookie, port, [HOST]))

    async def keep_alive(self, store: RedisStore, cookie: int, port: int = PORT) -> None:
        await store.apply(rules.keep_alive(cookie, port, [HOST]))

    async def works(self, store: RedisStore) -> bool:
        try:
            await self.leave(store, await self.enter(store, port=7), 7)
        except StoreError:
            return False
        return True

    async def record(self, store: RedisStore, cookie: int) -> PeerRecord | None:
        return {record.cookie: record for record in await store.records()}.get(cookie)

    def renew(self, store: RedisStore, cookie: int) -> bool:
        return store.renew(cookie, PORT, HOST)


class TestTwoStores(TwoStores):
    """On the Redis that all tests share."""

    async def test_what_one_has_answered_the_other_knows_at_once(self) -> None:
        for number in range(50):
            port = 1000 + number
            cookie = await self.enter(self.one, port=port)
            await self.keep_alive(self.two, cookie, port)
            await self.leave(self.two, cookie, port)
            with self.assertRaises(Forbidden):
                await self.leave(self.one, cookie, port)
            await self.enter(self.one, port=port, cookie=cookie)

    async def test_an_address_that_both_are_asked_for_at_once_goes_to_one(self) -> None:
        for port in range(1, 21):
            asked = [Deferred.fromCoroutine(self.enter(store, port=port)) for store in (self.one, self.two)]
            results = await DeferredList(asked, consumeErrors=True)
            [refused] = [result for granted, result in results if not granted]
            self.assertIsInstance(getattr(refused, "value", None), Forbidden)

        async def same() -> bool:
            wanted = [(HOST, port) for port in range(1, 21)]
            return (await self.one.active())[0] == wanted == (await self.two.active())[0]

        await until(same)

    async def test_a_cookie_that_the_other_gave_is_not_given_again(self) -> None:
        await self.enter(self.two)  # so that it is ready
        drawn = iter([5, 5, 6])
        self.patch(rules, "_draw_cookie", lambda wide: next(drawn))
        cookies = await gatherResults(
            [Deferred.fromCoroutine(self.enter(store, port=port)) for store, port in ((self.one, 1), (self.two, 2))]
        )
        self.assertEqual(sorted(cookies), [5, 6])

    async def test_renewals_reach_the_other_and_are_kept(self) -> None:
        cookie = await self.enter(self.one)
        await self.keep_alive(self.two, cookie)
        self.clocks.advance(7000)
        self.assertTrue(self.renew(self.one, cookie))
        self.assertEqual(len(self.one.waiting), 1)
        self.assertEqual((await self.one.sweep()).written, 1)
        self.clocks.advance(7000)

        async def renewed() -> bool:
            return self.renew(self.two, cookie)

        await until(renewed)
        record = await self.record(self.two, cookie)
        self.assertTrue(record is not None and record.proven)

    async def test_a_renewal_that_comes_late_brings_back_who_ran_out_at_the_other(self) -> None:
        cookie = await self.enter(self.one)
        await self.keep_alive(self.two, cookie)
        self.clocks.advance(TTL - 1)
        self.assertTrue(self.renew(self.one, cookie))
        self.clocks.advance(1)
        self.assertEqual((await self.two.sweep()).expired, 1)
        self.assertEqual((await self.two.active())[0], [])
        await self.one.sweep()

        async def listed() -> bool:
            return (await self.two.active())[0] == [(HOST, PORT)]

        await until(listed)
        record = await self.record(self.two, cookie)
        self.assertEqual(record and record.ttl(self.clocks.now), TTL - 1)

    async def test_a_renewal_that_waits_counts_for_a_leave(self) -> None:
        cookie = await self.enter(self.one)
        self.clocks.advance(TTL - 1)
        self.assertTrue(self.renew(self.one, cookie))
        self.clocks.advance(2)  # beyond the TTL that Redis knows of
        await self.leave(self.one, cookie)

    async def test_that_a_cookie_was_used_is_not_forgotten(self) -> None:
        cookie = await self.enter(self.one)
        record = await self.record(self.one, cookie)
        assert record is not None and not record.proven
        value = encode_record(replace(record, proven=True)).decode()  # as another RS writes it just now
        self.server.ask("HSET", self.prefix + "records", str(cookie), f'"{value}"')
        await self.leave(self.one, cookie)
        record = await self.record(self.one, cookie)
        self.assertTrue(record is not None and record.proven and not record.active)

    async def test_a_leave_is_not_undone_by_a_renewal_at_the_other(self) -> None:
        cookie = await self.enter(self.one)
        await self.keep_alive(self.two, cookie)
        self.clocks.advance(5)
        self.assertTrue(self.renew(self.two, cookie))
        await self.leave(self.one, cookie)
        await self.two.sweep()
        with self.assertRaises(Forbidden):
            await self.leave(self.two, cookie)
        self.assertEqual((await self.one.active())[0], [])
        self.assertEqual((await self.two.active())[0], [])

    async def test_who_lost_its_address_at_the_other_does_not_get_it_back_by_a_renewal(self) -> None:
        old = await self.enter(self.one)
        self.clocks.advance(TTL)
        new = await self.enter(self.two)  # the TTL of `old` has run out, which nobody has written
        await self.keep_alive(self.one, new)
        self.server.ask("ZADD", self.prefix + "expires", str(10**13), str(old))  # a renewal that was on its way
        third = self.store()
        await self.keep_alive(third, new)
        record = await self.record(third, old)
        self.assertTrue(record is not None and not record.active)
        self.assertEqual((await third.active())[0], [(HOST, PORT)])

    async def test_a_peer_that_was_renewed_at_the_other_keeps_its_address(self) -> None:
        cookie = await self.enter(self.one)
        await self.keep_alive(self.two, cookie)
        self.clocks.advance(PROTECTED_TIME)
        self.assertTrue(self.renew(self.two, cookie))
        await self.two.sweep()
        with self.assertRaises(Forbidden):  # `one` may not have heard of it yet
            await self.enter(self.one)

    async def test_a_ttl_that_ran_out_while_no_rs_ran_has_run_out(self) -> None:
        gone, left = await self.enter(self.one, port=1), await self.enter(self.one, port=2)
        await self.leave(self.one, left, 2)
        self.clocks.advance(TTL - 10)
        stays = await self.enter(self.one, port=3)
        await self.one.close()
        await self.two.close()
        self.clocks.advance(10)
        third = self.store()
        await self.keep_alive(third, stays, 3)
        self.assertEqual((await third.active())[0], [(HOST, 3)])
        self.assertEqual({record.cookie for record in await third.records()}, {gone, left, stays})

    async def test_what_cannot_be_read_is_named_counted_and_left(self) -> None:
        cookie = await self.enter(self.one)
        await self.keep_alive(self.two, cookie)  # it has read all there is, and does not name what comes
        self.server.ask("HSET", self.prefix + "records", "77", "99|of|a|newer|version")
        self.server.ask("HSET", self.prefix + "records", "abc", "11")
        self.server.ask("SET", self.prefix + "notes", "x")
        with captured_log() as lines:
            third = self.store()
            await self.keep_alive(third, cookie)
        self.assertEqual(third.skipped, 3)
        text = "\n".join(map(formatEvent, lines))
        for name in "record b'77'", "record b'abc'", f"the key '{self.prefix}notes'":
            self.assertEqual(text.count(name), 1, text)
        drawn = iter([77, 78])
        self.patch(rules, "_draw_cookie", lambda wide: next(drawn))
        self.assertEqual(await self.enter(third, port=2), 78)
        self.assertEqual(self.server.ask("HLEN", self.prefix + "records"), b":4")

    async def test_a_copy_that_missed_changes_is_read_again(self) -> None:
        cookie = await self.enter(self.one, port=1)
        await self.keep_alive(self.two, cookie, 1)
        self.server.ask("XTRIM", self.prefix + "log", "MAXLEN", "0")
        other = await self.enter(self.one, port=2)
        await self.leave(self.one, cookie, 1)

        async def caught_up() -> bool:
            return (await self.two.active())[0] == [(HOST, 2)]

        await until(caught_up)
        await self.leave(self.two, other, 2)

    async def test_a_copy_that_does_not_get_to_what_redis_has_is_read_again(self) -> None:
        cookie = await self.enter(self.one)
        self.server.ask("HSET", self.prefix + "records", str(cookie), "damaged")  # nothing in the log says so
        with self.assertRaises(StoreError):
            await self.leave(self.one, cookie)

        async def known() -> bool:
            return self.one.skipped == 1

        await until(known)

    async def test_requests_at_random_break_no_rule(self) -> None:
        stores, limit = (self.one, self.two), 6
        dice = random.Random(4)
        cookies = [await self.enter(self.one, port=port) for port in (1, 2)]
        for _ in range(40):
            asked = []
            for _ in range(8):
                store, port, cookie = dice.choice(stores), dice.randrange(1, 5), dice.choice(cookies)
                request = dice.choice(
                    [
                        rules.register(HOST, port, limit=limit),
                        rules.register(HOST, port, cookie),
                        rules.keep_alive(cookie, port, [HOST]),
                        rules.leave(cookie, port, [HOST]),
                    ]
                )
                store.renew(cookie, port, HOST)
                asked.append(Deferred.fromCoroutine(store.apply(request)).addErrback(lambda f: f.trap(Forbidden)))
            for result in await gatherResults(asked):
                if isinstance(result, PeerRecord):
                    cookies.append(result.cookie)
            self.clocks.advance(dice.choice([1, 400, 7000]))
            for store in stores:
                await store.sweep()
        for store in stores:
            await store.sweep()
            await self.enter(store, "10.0.0.2", cookie=None)  # and so both have all that came before
            self.clocks.advance(PROTECTED_TIME)
        await self.same_records()

    async def same_records(self) -> None:
        third = self.store()
        await self.enter(third, "10.0.0.3")
        pictures = []
        for store in (self.one, self.two, third):
            with self.assertRaises(Forbidden):
                await self.leave(store, 1)  # it catches up before it says so
            records = await store.records()
            active = [record.address for record in records if record.alive(self.clocks.now)]
            self.assertEqual(sorted(active), (await store.active())[0])
            self.assertEqual(max(Counter(active).values()), 1)
            pictures.append([(r.cookie, r.address, r.active, r.activations, r.proven) for r in records])
        self.assertEqual(pictures[0], pictures[2])
        self.assertEqual(pictures[1], pictures[2])


class TestWithoutRedis(TwoStores):
    """On a Redis of its own, which is killed."""

    def make_server(self) -> RedisServer:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        server = RedisServer(Path(folder.name), "--appendonly", "yes", "--appendfsync", "always")
        self.addCleanup(server.kill)
        return server

    async def test_what_was_answered_stays_and_everything_works_again(self) -> None:
        cookie = await self.enter(self.one)
        await self.keep_alive(self.two, cookie)
        self.server.kill()
        self.clocks.advance(7000)
        self.assertTrue(self.renew(self.one, cookie))
        for request in rules.register(HOST, 2), rules.leave(cookie, PORT, [HOST]), rules.keep_alive(9, 9, [HOST]):
            with self.assertRaises(StoreError):
                await self.one.apply(request)
        with self.assertRaises(StoreError) as raised:
            await self.one.sweep()
        self.assertIn(f"redis://127.0.0.1:{self.server.port}/0: ", str(raised.exception))
        self.assertEqual((await self.one.active())[0], [(HOST, PORT)])
        self.clocks.advance(7000)  # for longer than the TTL as `two` and Redis know it
        self.assertTrue(self.renew(self.one, cookie))
        self.server.start()

        await until(lambda: self.works(self.two))
        await until(lambda: self.works(self.one))
        self.assertTrue(self.renew(self.two, cookie))
        await self.leave(self.one, cookie)

    async def test_an_engine_that_hangs_is_given_up_and_used_again(self) -> None:
        cookie = await self.enter(self.one)
        self.server.process.send_signal(signal.SIGSTOP)
        with self.assertRaises(StoreError) as raised:
            await self.enter(self.one, port=2)
        self.assertRegex(str(raised.exception), "Redis response in|Lost connection")
        self.assertTrue(self.renew(self.one, cookie))
        self.server.process.send_signal(signal.SIGCONT)
        await until(lambda: self.works(self.one))

    async def test_a_connection_that_was_lost_changes_no_deadline(self) -> None:
        await self.enter(self.one)
        self.patch(link, "Timeline", lambda offset: Timeline(START - 0.1))  # the engine's clock is looked at anew
        self.server.ask("CLIENT", "KILL", "TYPE", "normal")
        await until(lambda: self.works(self.one))
        self.clocks.advance(PROTECTED_TIME)
        await self.enter(self.one)  # it displaces the one before

    async def test_a_clock_of_the_engine_that_was_set_is_followed(self) -> None:
        cookie = await self.enter(self.one)
        self.patch(link, "Timeline", lambda offset: Timeline(START + TTL))
        self.server.ask("CLIENT", "KILL", "TYPE", "normal")
        await until(lambda: self.works(self.one))
        with self.assertRaises(Forbidden):
            await self.leave(self.one, cookie)

    async def test_an_engine_that_lost_everything_is_believed(self) -> None:
        cookie = await self.enter(self.one)
        self.server.ask("FLUSHALL")

        async def forgotten() -> bool:
            return (await self.one.counts()).records == 0

        await until(forgotten)
        with self.assertRaises(Forbidden):
            await self.leave(self.one, cookie)
        await self.enter(self.one)

    async def test_a_replica_is_refused_and_a_full_engine_is_named(self) -> None:
        await self.enter(self.one)
        await self.enter(self.two, port=2)
        self.server.ask("CONFIG", "SET", "maxmemory", "1")
        with self.assertRaises(StoreError) as raised:
            await self.enter(self.one, port=3)
        self.assertIn("give it more memory (maxmemory)", str(raised.exception))
        self.server.ask("CONFIG", "SET", "maxmemory", "0")
        await self.enter(self.one, port=3)
        self.server.ask("REPLICAOF", "127.0.0.1", "1")

        async def named() -> bool:  # at first, it may only lose the connection
            with self.assertRaises(StoreError) as raised:
                await self.enter(self.one, port=4)
            return "name the primary" in str(raised.exception)

        await until(named)
        self.server.ask("REPLICAOF", "NO", "ONE")
        self.server.ask("SCRIPT", "FLUSH")
        await until(lambda: self.works(self.two))
