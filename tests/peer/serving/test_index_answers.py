"""Answers to GET INDEX: own documents first, and learnt records, bounded; many changes are told as the whole index."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

from twisted.internet.defer import Deferred

from p2p_twisted.net.lines import Slicer
from p2p_twisted.net.producers import PART
from p2p_twisted.peer.serving import index_answers, index_body
from p2p_twisted.peer.serving.index_answers import IndexAnswer
from p2p_twisted.peer.serving.index_body import REBUILD_INTERVAL
from p2p_twisted.peer.serving.index_feed import IndexFeed
from p2p_twisted.wire.address import Address
from p2p_twisted.wire.changes import parse_change
from p2p_twisted.wire.limits import TTL
from p2p_twisted.wire.messages import INITIAL_VERSION, Version
from p2p_twisted.wire.records import IndexRecord, parse_record
from tests.peer.serving import test_content_store
from tests.peer.serving.test_content_store import BIG, FAR, HERE, PARTIAL, SMALL
from tests.peer.serving.test_index_feed import a_file


class Case(test_content_store.Case):
    def setUp(self) -> None:
        super().setUp()
        self.feed = IndexFeed(self.reactor, self.content_store, Slicer(self.reactor))
        self.addCleanup(self.feed.stop)
        self.answers = self.feed.answers

    def result(self, coroutine: Coroutine[Any, Any, IndexAnswer]) -> IndexAnswer:
        """Return what `coroutine` returns, once the reactor has had as many turns as it needs."""
        results: list[IndexAnswer] = []
        Deferred.fromCoroutine(coroutine).addCallback(results.append)
        for _ in range(10_000):
            if results:
                break
            self.reactor.advance(0)
        [answer] = results
        return answer

    def lines(self, version=Version.V11, host=HERE):
        """The lines of the whole index."""
        return b"".join(self.result(self.answers.whole(host, version)).parts).decode().splitlines()

    def records(self, version=Version.V11, host=HERE):
        """The index, parsed, by name."""
        lines = self.lines(version, host)
        found = {record.name: record for record in map(parse_record, lines)}
        self.assertEqual(len(found), len(lines))
        return found


class Index(Case):
    """The answer to GET INDEX."""

    def test_own_files_with_all_that_binds_them(self) -> None:
        expected = {
            d.name: IndexRecord(d.name, "", HERE, 4394, TTL, d.size, d.sha256, d.list_digest) for d in (SMALL, BIG)
        }
        self.assertEqual(self.records(), expected)
        self.assertTrue(BIG.list_digest)

    def test_in_1_0_a_line_has_six_fields(self) -> None:
        self.learn("far.txt")
        lines = self.lines(Version.V10)
        self.assertEqual([line.count("\t") for line in lines], [5] * 3)
        self.assertIn("sub/big\tbin\t\t10.0.0.1\t4394\t7200", lines)

    def test_the_version_is_new_after_each_change(self) -> None:
        """Own lines are kept for the next to ask, but not for longer than they are true."""
        self.records()
        self.write("new.txt", b"new")
        self.successResultOf(self.library.scan())
        self.assertEqual(set(self.records()), {"new.txt", SMALL.name, BIG.name})
        (self.folder / "share" / "new.txt").unlink()
        self.write(SMALL.name, b"of another size")
        self.successResultOf(self.library.scan())
        self.assertEqual(self.records()[SMALL.name].size, 15)
        self.assertEqual(set(self.records()), {SMALL.name, BIG.name})
        self.content_store.port = 4395
        self.assertEqual({record.port for record in self.records().values()}, {4395})

    def test_each_client_gets_the_address_that_it_reached(self) -> None:
        for host in (HERE, "192.168.1.1", HERE):
            self.assertEqual({record.host for record in self.records(host=host).values()}, {host})

    def test_or_the_one_that_is_advertised(self) -> None:
        self.content_store.advertise = "peer.example"
        self.learn("far.txt")
        hosts = {record.name: record.host for record in self.records().values()}
        self.assertEqual(hosts, {SMALL.name: "peer.example", BIG.name: "peer.example", "far.txt": FAR[0]})

    def test_learnt_records_have_their_remaining_ttl(self) -> None:
        self.learn("far.txt")
        self.reactor.advance(200)
        self.assertEqual(self.records()["far.txt"].ttl, TTL - 200)
        self.assertEqual(self.records()[SMALL.name].ttl, TTL)
        self.reactor.advance(TTL - 200)
        self.assertNotIn("far.txt", self.records())

    def test_unfinished_files_are_not_in_it(self) -> None:
        self.begin(0, 1)
        self.assertNotIn(PARTIAL.name, self.records())


class Bounded(Case):
    """What an answer holds at most."""

    def rows(self, count: int, holder: Address = FAR, source: Address | None = None) -> None:
        records = [IndexRecord(f"{n:06}.txt", "t" * 100, *holder, TTL, n, f"{n:064x}", "") for n in range(count)]
        self.index.learn(source or holder, records, self.reactor.seconds())

    def test_own_records_first_then_first_hand_ones_then_hearsay(self) -> None:
        self.rows(3)
        self.rows(2, ("10.0.0.8", 8), FAR)
        self.index.put(("10.0.0.9", 9), IndexRecord("a.txt", "", "10.0.0.9", 9, TTL, 1, "a" * 64, ""), 0)
        holders = [parse_record(line).host for line in self.lines()]
        self.assertEqual(holders[:2], [HERE] * 2)
        self.assertEqual(holders[-2:], ["10.0.0.8"] * 2)

    def test_no_more_records_of_others_than_anybody_takes(self) -> None:
        self.patch(index_answers, "MAX_TOLD", 1000)
        self.rows(5000)
        self.assertEqual(len(self.lines()), 1002)
        self.assertEqual([parse_record(line).host for line in self.lines()[:3]], [HERE, HERE, FAR[0]])

    def test_no_more_bytes_of_them(self) -> None:
        self.patch(index_answers, "MAX_TOLD_BYTES", 100_000)
        self.rows(5000)
        self.assertTrue(100_000 <= sum(len(line) + 1 for line in self.lines()) <= 120_000)

    def test_all_who_ask_share_one_body(self) -> None:
        self.rows(5000)
        answers = [self.result(self.answers.whole(HERE, Version.V11)) for _ in range(3)]
        self.assertEqual(len({tuple(map(id, answer.parts)) for answer in answers}), 1)
        self.assertTrue(all(len(part) < 2 * PART for part in answers[0].parts))

    def test_many_changes_are_told_as_the_whole_index(self) -> None:
        self.patch(index_answers, "MAX_CHANGES", 3)
        version = self.feed.version
        for number in range(3):
            self.write(f"{number}.txt", b"%d" % number)
        self.successResultOf(self.library.scan())
        self.assertEqual(self.result(self.answers.since(version, HERE)).since, version)
        self.write("3.txt", b"3")
        self.successResultOf(self.library.scan())
        answer = self.result(self.answers.since(version, HERE))
        self.assertEqual((answer.since, answer.index), (None, self.feed.version))
        self.assertEqual(b"".join(answer.parts).count(b"\n"), 6)

    def test_unfinished_files_take_little_of_an_answer(self) -> None:
        self.patch(index_answers, "MAX_HAVE", 1000)
        self.patch(index_answers, "AT_ONCE", 1)
        self.patch(index_body, "PART", 100)
        for number in range(100):
            content = PARTIAL.content(self.folder)
            content.have.update((0, 2))
            self.content_store.parts[f"{number:064x}"] = content
        answer = self.result(self.answers.since(self.feed.version, HERE))
        self.assertLess(sum(map(len, answer.parts)), 2000)
        self.content_store.parts.clear()

    def test_a_line_has_no_more_ranges_than_fit(self) -> None:
        content = PARTIAL.content(self.folder)
        line = self.answers.have(content, set(range(0, 10**5, 2)))
        self.assertEqual(len(line.pieces), index_answers.MAX_RANGES)


class Shared(Case):
    """Bodies that slow readers still hold."""

    def change(self, number: int) -> None:
        self.library.apply([a_file(f"new{number}", number)], [])

    def test_at_most_two_are_kept_while_they_are_read(self) -> None:
        self.library.apply([a_file(f"{n:04}", n) for n in range(1000)], [])
        versions, answers = [], []
        for number in range(6):
            answer = self.result(self.answers.since(INITIAL_VERSION, HERE))
            answer.hold()
            answers.append(answer)
            versions.append(answer.index)
            self.change(number)
            self.reactor.advance(REBUILD_INTERVAL)
            self.result(self.answers.since(INITIAL_VERSION, HERE))  # has it built, if it may be
        self.assertEqual(len({id(body) for answer in answers for body in answer.shared}), 2)
        self.assertEqual(versions[2:], [versions[2]] * 4)
        changes = self.result(self.answers.since(versions[2], HERE))
        self.assertEqual(len(list(map(parse_change, b"".join(changes.parts).decode().splitlines()))), 5)
        for answer in answers:
            answer.release()
        self.reactor.advance(REBUILD_INTERVAL)
        self.result(self.answers.since(INITIAL_VERSION, HERE))
        self.reactor.advance(1)
        self.assertEqual(self.result(self.answers.since(INITIAL_VERSION, HERE)).index, self.feed.version)
