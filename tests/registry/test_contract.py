"""What every store of peer records does: one suite, run over each of them."""

from __future__ import annotations

import tempfile
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from p2p_twisted.registry.memory import MemoryRegistry
from p2p_twisted.registry.record import COUNTED, MAX_ACTIVATIONS, PeerRecord
from p2p_twisted.registry.sqlite import SQLiteRegistry
from p2p_twisted.registry.store import Registry
from p2p_twisted.wire.errors import Forbidden
from tests.support.registry_clocks import Clocks

HOST, PORT = "10.0.0.1", 65400


class Contract:
    """The suite; `make` gives the store."""

    def make(self) -> Registry:
        raise NotImplementedError

    def setUp(self) -> None:
        self.clocks = Clocks()
        self.registry = self.make()

    def enter(self, host: str = HOST, port: int = PORT, cookie: int | None = None, wide: bool = True) -> PeerRecord:
        return self.registry.register(host, port, cookie, wide)

    def addresses(self) -> list[tuple[str, int]]:
        return self.registry.active()[0]

    def described(self, cookie: int) -> dict[str, str | int | bool]:
        (record,) = [r for r in self.registry.records() if r.cookie == cookie]
        return self.registry.describe(record)

    # Register

    def test_the_seven_fields_of_a_new_peer(self):
        cookie = self.enter().cookie
        self.assertEqual(
            self.described(cookie),
            {
                "hostName": HOST,
                "cookie": cookie,
                "isActive": True,
                "TTL": 7200,
                "port": PORT,
                "registered_count": 1,
                "last_registered": "2023-11-14 22:13:20",
            },
        )
        self.assertEqual(self.addresses(), [(HOST, PORT)])

    def test_cookies_have_the_width_of_the_version(self):
        for port in range(1, 201):
            self.assertIn(self.enter(port=port, wide=False).cookie, range(1, 2**31))
            self.assertIn(self.enter("10.0.0.2", port, wide=True).cookie, range(2**31, 2**63))
        self.assertEqual(len({record.cookie for record in self.registry.records()}), 400)

    def test_a_cookie_that_was_never_given_out_creates_nothing(self):
        with self.assertRaises(Forbidden):
            self.enter(cookie=4)
        self.assertEqual(self.registry.records(), [])

    def test_the_same_cookie_from_elsewhere_is_the_same_peer_moved(self):
        cookie = self.enter().cookie
        self.assertEqual(self.enter("10.0.0.9", 7, cookie).cookie, cookie)
        self.assertEqual(self.addresses(), [("10.0.0.9", 7)])
        self.assertEqual(len(self.registry.records()), 1)
        with self.assertRaises(Forbidden):
            self.registry.keep_alive(cookie, PORT)
        self.registry.keep_alive(cookie, 7)

    def test_registering_again_while_active_renews_but_does_not_count(self):
        cookie = self.enter().cookie
        self.clocks.pass_(100)
        self.enter(cookie=cookie)
        fields = self.described(cookie)
        self.assertEqual((fields["TTL"], fields["registered_count"]), (7200, 1))
        self.assertEqual(fields["last_registered"], "2023-11-14 22:15:00")

    def test_a_peer_that_lost_its_cookie_displaces_its_old_self(self):
        old, new = self.enter().cookie, self.enter().cookie
        self.assertNotEqual(old, new)
        self.assertEqual(self.addresses(), [(HOST, PORT)])
        self.assertFalse(self.described(old)["isActive"])
        self.registry.leave(new, PORT)
        self.assertEqual(self.addresses(), [])

    def test_a_displaced_peer_that_keeps_alive_takes_its_address_back(self):
        old, new = self.enter().cookie, self.enter().cookie
        self.registry.keep_alive(old, PORT)
        self.assertEqual(self.addresses(), [(HOST, PORT)])
        self.assertFalse(self.described(new)["isActive"])
        with self.assertRaises(Forbidden):
            self.registry.leave(new, PORT)

    def test_moving_onto_anothers_address_displaces_it(self):
        other = self.enter("10.0.0.2", 9).cookie
        cookie = self.enter().cookie
        self.enter("10.0.0.2", 9, cookie)
        self.assertEqual(self.addresses(), [("10.0.0.2", 9)])
        self.assertFalse(self.described(other)["isActive"])

    def test_of_a_full_host_the_one_inactive_for_longest_makes_room(self):
        cookies = [self.registry.register(HOST, port, None, True, limit=3).cookie for port in (1, 2, 3)]
        with self.assertRaises(Forbidden):
            self.registry.register(HOST, 4, None, True, limit=3)
        for index in (1, 0):
            self.registry.leave(cookies[index], index + 1)
            self.clocks.pass_(1)
        self.registry.register(HOST, 4, None, True, limit=3)
        self.assertEqual(len(self.registry), 3)
        with self.assertRaises(Forbidden):
            self.registry.keep_alive(cookies[1], 2)
        self.registry.keep_alive(cookies[0], 1)
        with self.assertRaises(Forbidden):
            self.registry.register(HOST, 5, None, True, limit=3)
        self.assertEqual(self.addresses(), [(HOST, 1), (HOST, 3), (HOST, 4)])

    def test_peers_that_all_left_or_ran_out_shut_nobody_out(self):
        for port in range(1, 200):
            cookie = self.registry.register(HOST, port, None, True, limit=5).cookie
            if port % 2:
                self.registry.leave(cookie, port)
            else:
                self.clocks.pass_(7200)
        self.assertEqual(len(self.registry), 5)
        self.clocks.pass_(7200)
        self.registry.sweep()
        self.assertEqual(self.addresses(), [])

    def test_a_record_that_moved_or_came_back_makes_no_room_where_it_was(self):
        moved, back, left = (self.registry.register(HOST, port, None, True, limit=3).cookie for port in (1, 2, 3))
        for cookie, port in ((moved, 1), (back, 2), (left, 3)):
            self.registry.leave(cookie, port)
        self.registry.register("10.0.0.2", 1, moved, True, limit=3)
        self.registry.register(HOST, 2, back, True, limit=3)
        self.registry.register(HOST, 4, None, True, limit=3)
        self.registry.register(HOST, 5, None, True, limit=3)
        with self.assertRaises(Forbidden):
            self.registry.register(HOST, 3, left, True, limit=3)
        self.assertEqual({record.cookie for record in self.registry.records()} & {moved, back}, {moved, back})

    def test_a_host_has_at_most_limit_records_but_may_use_those_it_has(self):
        cookie = self.registry.register(HOST, 1, None, True, limit=2).cookie
        self.registry.register(HOST, 2, None, True, limit=2)
        with self.assertRaises(Forbidden):
            self.registry.register(HOST, 3, None, True, limit=2)
        self.registry.register(HOST, 3, cookie, True, limit=2)
        self.registry.register("10.0.0.2", 1, None, True, limit=2)
        self.assertEqual(len(self.registry.records()), 3)

    def test_a_peer_that_moved_away_makes_room_and_ipv6_counts_by_network(self):
        cookie = self.registry.register("2001:db8::1", 1, None, True, limit=1).cookie
        with self.assertRaises(Forbidden):
            self.registry.register("2001:db8::ffff", 1, None, True, limit=1)
        self.registry.register("2001:db8:0:1::1", 1, cookie, True, limit=1)
        self.registry.register("2001:db8::ffff", 1, None, True, limit=1)

    # Leave, KeepAlive, PQuery

    def test_after_leave_the_record_and_its_cookie_stay(self):
        cookie = self.enter().cookie
        self.registry.leave(cookie, PORT)
        self.assertEqual(self.addresses(), [])
        fields = self.described(cookie)
        self.assertEqual((fields["isActive"], fields["TTL"], fields["registered_count"]), (False, 0, 1))
        self.assertEqual(self.enter(cookie=cookie).cookie, cookie)
        self.assertEqual(self.described(cookie)["registered_count"], 2)

    def test_leave_and_query_of_an_inactive_peer_are_forbidden(self):
        cookie = self.enter().cookie
        self.registry.leave(cookie, PORT)
        for method in self.registry.leave, self.registry.query:
            with self.assertRaises(Forbidden):
                method(cookie, PORT)

    def test_keep_alive_brings_an_inactive_peer_back(self):
        cookie = self.enter().cookie
        self.registry.leave(cookie, PORT)
        self.clocks.pass_(5)
        self.registry.keep_alive(cookie, PORT)
        fields = self.described(cookie)
        self.assertEqual((fields["isActive"], fields["TTL"], fields["registered_count"]), (True, 7200, 2))
        self.assertEqual(self.addresses(), [(HOST, PORT)])

    def test_unknown_cookies_and_wrong_ports_are_forbidden(self):
        cookie = self.enter().cookie
        for method in self.registry.leave, self.registry.keep_alive, self.registry.query:
            for pair in (cookie, PORT + 1), (cookie + 1, PORT), (0, PORT):
                with self.assertRaises(Forbidden):
                    method(*pair)
        self.assertTrue(self.described(cookie)["isActive"])

    def test_keep_alive_and_query_start_the_ttl_anew(self):
        cookie = self.enter().cookie
        for method in self.registry.keep_alive, self.registry.query:
            self.clocks.pass_(7000)
            self.assertEqual(self.described(cookie)["TTL"], 200)
            method(cookie, PORT)
            self.assertEqual(self.described(cookie)["TTL"], 7200)

    # The TTL

    def test_at_ttl_0_a_peer_is_inactive_before_any_sweep(self):
        cookie = self.enter().cookie
        self.clocks.pass_(7199.5)
        self.assertEqual(self.described(cookie)["TTL"], 1)
        self.assertEqual(self.addresses(), [(HOST, PORT)])
        self.clocks.pass_(0.5)
        with self.assertRaises(Forbidden):
            self.registry.query(cookie, PORT)
        with self.assertRaises(Forbidden):
            self.registry.leave(cookie, PORT)
        self.assertEqual(self.addresses(), [])
        self.assertEqual(self.described(cookie)["TTL"], 0)

    def test_a_sweep_says_how_many_it_made_inactive(self):
        cookies = [self.enter(port=port).cookie for port in range(1, 201)]
        self.clocks.pass_(7000)
        for port, cookie in enumerate(cookies[:50], 1):
            self.registry.keep_alive(cookie, port)
        self.registry.leave(cookies[199], 200)
        self.clocks.pass_(201)
        self.assertEqual(self.registry.sweep(), 149)
        self.assertEqual(self.registry.sweep(), 0)
        self.assertEqual([port for _, port in self.addresses()], list(range(1, 51)))
        self.clocks.pass_(7000)
        self.assertEqual(self.registry.sweep(), 50)

    def test_keep_alive_counts_as_a_new_activation_when_the_ttl_had_run_out(self):
        cookie = self.enter().cookie
        self.clocks.pass_(7200)
        self.registry.keep_alive(cookie, PORT)
        self.assertEqual(self.described(cookie)["registered_count"], 2)

    def test_the_wall_clock_does_not_touch_the_ttl(self):
        cookie = self.enter().cookie
        for jump in (10**8, -(10**9)):
            self.clocks.time += jump
            self.assertEqual(self.described(cookie)["TTL"], 7200)
            self.assertEqual(self.registry.sweep(), 0)

    def test_registered_count_looks_back_30_days_and_is_bounded(self):
        cookie = self.enter().cookie
        self.clocks.pass_(COUNTED - 1)
        self.enter(cookie=cookie)
        self.assertEqual(self.described(cookie)["registered_count"], 2)
        self.clocks.pass_(1)
        self.assertEqual(self.described(cookie)["registered_count"], 1)
        for _ in range(MAX_ACTIVATIONS + 5):
            self.registry.leave(cookie, PORT)
            self.registry.keep_alive(cookie, PORT)
        self.assertEqual(self.described(cookie)["registered_count"], MAX_ACTIVATIONS)

    # The list

    def test_active_is_ascending_and_pages_without_gaps(self):
        wanted = sorted((f"10.0.{i % 3}.{i % 17}", i) for i in range(1, 101))
        for host, port in reversed(wanted):
            self.enter(host, port)
        self.assertEqual(self.registry.active(), (wanted, False))
        got, after, more = [], None, True
        while more:
            page, more = self.registry.active(7, after)
            got += page
            after = page[-1]
        self.assertEqual(got, wanted)

    def test_a_page_goes_on_though_its_last_peer_has_left(self):
        cookies = {port: self.enter(port=port).cookie for port in (1, 2, 3, 4)}
        page, more = self.registry.active(2)
        self.registry.leave(cookies[2], 2)
        self.assertEqual((page, more), ([(HOST, 1), (HOST, 2)], True))
        self.assertEqual(self.registry.active(2, page[-1]), ([(HOST, 3), (HOST, 4)], False))
        self.assertEqual(self.registry.active(2, (HOST, 4)), ([], False))

    def test_generation_changes_with_the_list_and_only_then(self):
        seen = [self.registry.generation()]
        cookie = self.enter().cookie
        seen.append(self.registry.generation())
        self.registry.keep_alive(cookie, PORT)
        self.registry.query(cookie, PORT)
        self.enter(cookie=cookie)
        self.assertEqual(self.registry.generation(), seen[-1])
        self.registry.leave(cookie, PORT)
        seen.append(self.registry.generation())
        self.registry.keep_alive(cookie, PORT)
        seen.append(self.registry.generation())
        self.clocks.pass_(7200)
        seen.append(self.registry.generation())
        self.assertEqual(len(set(seen)), 5)


class InMemory(Contract, SynchronousTestCase):
    def make(self) -> Registry:
        return MemoryRegistry(7200, self.clocks.monotonic, self.clocks.wall)


class InSQLite(Contract, SynchronousTestCase):
    def make(self) -> Registry:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        path = Path(folder.name) / "registry.sqlite"
        registry = SQLiteRegistry(path, 7200, self.clocks.monotonic, self.clocks.wall)
        registry.start()
        self.addCleanup(registry.close)
        return registry
