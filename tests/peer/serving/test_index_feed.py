"""Changes are pushed to the followers of an index in time, and in the end they know the index as it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from p2p_twisted.index.distributed import DistributedIndex
from p2p_twisted.library.catalogue import Catalogue, SharedFile
from p2p_twisted.library.pieces import MIN_PIECE
from p2p_twisted.net.lines import Slicer
from p2p_twisted.peer.serving import index_log
from p2p_twisted.peer.serving.announcing import (
    ALONE_INTERVAL,
    BATCH_INTERVAL,
    BATCH_INTERVAL_EACH,
    BUSY_INTERVAL,
    COPIES_INTERVAL,
    IDLE_TIME,
    PIECES_INTERVAL,
)
from p2p_twisted.peer.serving.content_store import ContentStore
from p2p_twisted.peer.serving.index_feed import KEEPALIVE_INTERVAL, IndexFeed
from p2p_twisted.swarm.storage import Storage
from p2p_twisted.swarm.target import Target
from p2p_twisted.swarm.turns import MIN_PIECES
from p2p_twisted.wire.changes import Have, Removed, parse_change
from p2p_twisted.wire.messages import INITIAL_VERSION
from p2p_twisted.wire.ranges import from_ranges, members

HASH = "ab" * 32


def a_file(name, content=0):
    return SharedFile(name, Path("/share") / name, 10, 1, f"{content:064x}", b"", "")


SIZE = MIN_PIECES * MIN_PIECE
"""Bytes of the unfinished file."""


class Follower:
    """A follower that keeps what is pushed to it. `here` is the address that it connected to."""

    def __init__(self, here="10.0.0.1") -> None:
        self.here = here
        self.bodies = []
        self.files, self.pieces, self.holder = {}, {}, set()
        self.since = INITIAL_VERSION

    def push(self, answer) -> bool:
        self.bodies.append(b"".join(answer.parts))
        self.take(answer)
        return True

    def take(self, answer) -> None:
        """Apply an answer as a client does (docs/protocol.rst, "Versions of an index")."""
        if answer.since is None:
            self.files, self.pieces = {}, {}
        for line in b"".join(answer.parts).decode().splitlines():
            change = parse_change(line)
            if isinstance(change, Removed):
                self.files.pop(change.name, None)
            elif isinstance(change, Have):
                self.pieces.setdefault(change.sha256, set()).update(members(from_ranges(change.pieces, 2**20)))
            else:
                self.files[change.name] = change.sha256
                self.holder.add((change.host, change.port))
                self.pieces.pop(change.sha256, None)
        self.since = answer.index


class Peer:
    """A catalogue, unfinished files, and what announces them. Nothing on the disk."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.library = cast(Any, Catalogue())
        self.content_store = ContentStore(self.library, DistributedIndex(), self.clock.seconds)
        self.content_store.port = 4394
        self.index_feed = IndexFeed(self.clock, self.content_store, Slicer(self.clock))

    def since(self, version, here="10.0.0.1"):
        """The answer to a client that has come to that version."""
        answers: list[Any] = []
        Deferred.fromCoroutine(self.index_feed.answers.since(version, here)).addCallback(answers.append)
        while not answers:
            self.clock.advance(0)
        return answers[0]

    def add(self, *names, content=0) -> None:
        self.library.apply([a_file(name, content) for name in names], [])

    def remove(self, *names) -> None:
        self.library.apply([], list(names))

    def truth(self):
        return {name: file.sha256 for name, file in self.library.files.items()}

    def keep(self, *pieces, sha256=HASH, starts=False, alone=False) -> None:
        """These pieces of an unfinished file have come, given to nobody else if `alone`; or its download starts."""
        content = self.content_store.parts.get(sha256)
        if content is None:
            content = self.content_store.parts[sha256] = Storage(
                "a.bin", sha256, SIZE, HASH, Target(Path("/nowhere"), "a.bin")
            )
        if starts:
            self.index_feed.download_started(content)
        for piece in pieces:
            content.have.add(piece)
            self.index_feed.piece_verified(content, piece, alone)

    def follower(self, since=INITIAL_VERSION, here="10.0.0.1"):
        """One who follows from now on, and has taken the first answer."""
        follower = Follower(here)
        follower.since = since
        self.index_feed.follow(follower)
        follower.bodies.clear()
        return follower

    def pushed(self, follower):
        """The lines that were pushed since the last call, one list for each push."""
        bodies, follower.bodies = follower.bodies, []
        return [body.decode().splitlines() for body in bodies]


class Case(SynchronousTestCase):
    def setUp(self) -> None:
        self.peer = Peer()
        self.clock = self.peer.clock


class Since(Case):
    """Changes since a version, for clients that do not follow."""

    def ask(self, since):
        answer = self.peer.since(since)
        return b"".join(answer.parts), answer.since

    def names(self, since):
        """The names in the answer, those that are gone with a minus before; and whether it tells everything."""
        body, start = self.ask(since)
        changes = map(parse_change, body.decode().splitlines())
        return sorted(f"-{c.name}" if isinstance(c, Removed) else c.name for c in changes), start is None

    def test_nothing(self) -> None:
        version = self.peer.index_feed.version
        self.assertEqual(self.ask(version), (b"", version))

    def test_added_and_removed_files_are_listed_once(self) -> None:
        self.peer.add("a", "b", "c")
        version = self.peer.index_feed.version
        self.peer.remove("a")
        self.peer.add("b", content=1)
        self.peer.remove("b")
        self.peer.add("b", content=2)
        self.peer.add("d")
        self.peer.remove("d")
        self.assertEqual(self.names(version), (["-a", "-d", "b"], False))
        self.assertIn(b"\t" + b"2".rjust(64, b"0") + b"\t", self.ask(version)[0])
        self.assertEqual(self.names(self.peer.index_feed.version), ([], False))

    def test_everything_for_a_version_that_is_not_known(self) -> None:
        self.peer.add("a")
        self.peer.add("b")
        epoch, _, number = self.peer.index_feed.version.partition(".")
        other = Peer().index_feed.version
        numbers = ["", "0", "x", f"{number}.0", f"{int(number) + 1}", "9" * 40]
        for since in (
            INITIAL_VERSION,
            other,
            epoch,
            f".{number}",
            f"{epoch}x.{number}",
            "...",
            *(f"{epoch}.{n}" for n in numbers),
        ):
            self.assertEqual(self.names(since), (["a", "b"], True), since)

    def test_everything_when_too_much_has_changed_since(self) -> None:
        self.patch(index_log, "MAX_REMEMBERED", 4)
        self.peer = Peer()
        versions = []
        for name in "abcdef":
            self.peer.add(name, f"{name}2")
            versions.append(self.peer.index_feed.version)
        answers = [self.names(version) for version in versions]
        self.assertEqual(answers[-1], ([], False))
        self.assertEqual(answers[-2], (["f", "f2"], False))
        self.assertEqual(answers[-3][0] in (["e", "e2", "f", "f2"], sorted(self.peer.truth())), True)
        self.assertEqual(answers[:3], [(sorted(self.peer.truth()), True)] * 3)

    def test_unfinished_files_are_listed_since_any_version(self) -> None:
        self.peer.keep(5, 1, 2)
        line = f"have\t{HASH}\t{SIZE}\t1-2,5\n".encode()
        for since in (INITIAL_VERSION, self.peer.index_feed.version):
            self.assertEqual(self.ask(since)[0], line)

    def test_an_unfinished_file_is_listed_though_it_has_no_pieces_yet(self) -> None:
        self.peer.keep()
        self.assertEqual(self.ask(INITIAL_VERSION)[0], f"have\t{HASH}\t{SIZE}\t-\n".encode())


class Followers(Case):
    """Urgent changes are pushed at once, the others in batches."""

    def test_the_index_as_it_is_comes_first(self) -> None:
        self.peer.add("a")
        self.peer.keep(3)
        follower = Follower()
        self.peer.index_feed.follow(follower)
        self.assertEqual((follower.files, follower.pieces), (self.peer.truth(), {HASH: {3}}))
        self.assertEqual(follower.since, self.peer.index_feed.version)

    def test_files_are_pushed_at_once_and_those_of_one_moment_together(self) -> None:
        follower = self.peer.follower()
        self.peer.add("a")
        self.peer.add("b")
        self.peer.remove("a")
        self.assertEqual(self.peer.pushed(follower), [])
        self.clock.advance(0)
        [lines] = self.peer.pushed(follower)
        self.assertEqual(len(lines), 2)
        self.assertEqual(follower.files, self.peer.truth())
        self.assertEqual(follower.since, self.peer.index_feed.version)

    def test_the_start_of_a_download_is_pushed_at_once(self) -> None:
        follower = self.peer.follower()
        self.peer.keep(starts=True)
        self.clock.advance(0)
        self.assertEqual(self.peer.pushed(follower), [[f"have\t{HASH}\t{SIZE}\t-"]])

    def test_pieces_are_gathered(self) -> None:
        follower = self.peer.follower()
        self.peer.keep(4)
        self.clock.advance(PIECES_INTERVAL / 2)
        self.peer.keep(5, 7)
        self.clock.advance(PIECES_INTERVAL / 2 - 0.001)
        self.assertEqual(self.peer.pushed(follower), [])
        self.clock.advance(0.002)
        self.assertEqual(self.peer.pushed(follower), [[f"have\t{HASH}\t{SIZE}\t4-5,7"]])
        self.clock.advance(KEEPALIVE_INTERVAL / 2)
        self.assertEqual(self.peer.pushed(follower), [])

    def start_small(self) -> Follower:
        """Start the download of a file of few pieces; return one who follows."""
        content = Storage("b.bin", HASH, SIZE - MIN_PIECE, HASH, Target(Path("/nowhere"), "b.bin"))
        self.peer.content_store.parts[HASH] = content
        return self.peer.follower()

    def have(self, pieces) -> list[list[str]]:
        return [[f"have\t{HASH}\t{SIZE - MIN_PIECE}\t{pieces}"]]

    def test_a_piece_of_a_file_of_few_that_nobody_else_was_given_is_pushed_at_once(self) -> None:
        follower = self.start_small()
        self.peer.index_feed.content_sent()
        self.peer.keep(4, 5, alone=True)
        self.clock.advance(ALONE_INTERVAL)
        self.assertEqual(self.peer.pushed(follower), self.have("4-5"))

    def test_other_pieces_of_such_a_file_wait_while_content_is_sent(self) -> None:
        follower = self.start_small()
        self.peer.index_feed.content_sent()
        self.peer.keep(4)
        for _ in range(3):
            self.clock.advance(IDLE_TIME / 2)
            self.peer.index_feed.content_sent()
        self.peer.keep(5)
        self.assertEqual(self.peer.pushed(follower), [])
        self.clock.advance(IDLE_TIME)
        self.assertEqual(self.peer.pushed(follower), self.have("4-5"))

    def test_but_not_for_long(self) -> None:
        follower = self.start_small()
        self.peer.keep(4)
        for _ in range(round(COPIES_INTERVAL / IDLE_TIME * 2) + 1):
            self.peer.index_feed.content_sent()
            self.clock.advance(IDLE_TIME / 2)
        self.assertEqual(self.peer.pushed(follower), self.have(4))

    def test_documents_wait_while_content_is_sent(self) -> None:
        follower = self.peer.follower()
        self.peer.index_feed.content_sent()
        self.peer.add("a")
        self.clock.advance(BUSY_INTERVAL / 2)
        self.peer.index_feed.content_sent()
        self.peer.add("b")
        self.peer.keep(3, starts=True)
        self.clock.advance(0)
        self.assertEqual(self.peer.pushed(follower), [[f"have\t{HASH}\t{SIZE}\t3"]])
        self.assertEqual(follower.files, {})
        self.clock.advance(BUSY_INTERVAL / 2)
        self.assertEqual(follower.files, self.peer.truth())
        self.assertEqual(follower.since, self.peer.index_feed.version)

    def test_the_last_piece_of_a_file_is_told_though_its_record_is_not(self) -> None:
        follower = self.start_small()
        self.peer.keep(0, alone=True)
        del self.peer.content_store.parts[HASH]
        self.peer.library.apply([SharedFile("b.bin", Path("/share/b.bin"), SIZE - MIN_PIECE, 1, HASH, b"", "")], [])
        self.peer.index_feed.content_sent()
        self.clock.advance(ALONE_INTERVAL)
        [lines] = self.peer.pushed(follower)
        self.assertIn(self.have(0)[0][0], lines)

    def test_waiting_pieces_are_pushed_with_an_urgent_one(self) -> None:
        follower = self.peer.follower()
        self.peer.keep(4)
        self.peer.keep(8, starts=True)
        self.clock.advance(0)
        self.assertEqual(self.peer.pushed(follower), [[f"have\t{HASH}\t{SIZE}\t4,8"]])
        self.clock.advance(PIECES_INTERVAL)
        self.assertEqual(self.peer.pushed(follower), [])

    def test_the_more_follow_the_longer_changes_are_gathered(self) -> None:
        followers = [self.peer.follower() for _ in range(20)]
        self.peer.add("a")
        self.clock.advance(0)
        for follower in followers:
            self.peer.pushed(follower)
        self.peer.add("b")
        self.clock.advance(20 * BATCH_INTERVAL_EACH - 0.001)
        self.assertEqual(self.peer.pushed(followers[0]), [])
        self.clock.advance(0.002)
        self.assertTrue(all(len(follower.bodies) == 1 for follower in followers[1:]))

    def test_a_file_that_is_complete_or_given_up_meanwhile_has_no_pieces(self) -> None:
        follower = self.peer.follower()
        self.peer.keep(4)
        del self.peer.content_store.parts[HASH]
        self.clock.advance(PIECES_INTERVAL)
        self.assertEqual(self.peer.pushed(follower), [[]])

    def test_each_is_given_the_address_by_which_it_came(self) -> None:
        followers = [self.peer.follower(here=here) for here in ("10.0.0.1", "192.168.1.1", "10.0.0.1")]
        self.peer.add("a")
        self.clock.advance(0)
        expected = [{("10.0.0.1", 4394)}, {("192.168.1.1", 4394)}, {("10.0.0.1", 4394)}]
        self.assertEqual([follower.holder for follower in followers], expected)

    def test_silence_is_broken_so_that_they_know_that_it_is_still_there(self) -> None:
        follower = self.peer.follower()
        self.clock.pump([1] * (3 * KEEPALIVE_INTERVAL + 1))
        self.assertEqual(self.peer.pushed(follower), [[], [], []])

    def test_nothing_is_pushed_after_unfollow_and_no_timer_stays(self) -> None:
        gone, other = self.peer.follower(), self.peer.follower()
        self.peer.index_feed.unfollow(gone)
        self.peer.index_feed.unfollow(gone)
        self.peer.add("a")
        self.clock.advance(0)
        self.assertEqual((len(self.peer.pushed(gone)), len(self.peer.pushed(other))), (0, 1))
        self.peer.index_feed.unfollow(other)
        self.clock.advance(KEEPALIVE_INTERVAL)
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.peer.keep(1)
        self.clock.advance(BATCH_INTERVAL)
        self.assertEqual((self.peer.pushed(gone), self.peer.pushed(other)), ([], []))
        self.peer.follower()
        self.assertEqual(len(self.clock.getDelayedCalls()), 1)

    def test_the_timer_stays_while_nothing_is_due_sooner(self) -> None:
        """A timer is due a little later than it was meant to be: the time goes on while it is made."""
        seconds = self.clock.seconds

        def going_on() -> float:
            self.clock.rightNow += 1e-6
            return seconds()

        self.patch(self.clock, "seconds", going_on)
        timers = set()
        for piece in range(10):
            self.peer.keep(piece)
            timers |= set(self.clock.getDelayedCalls())
        self.assertEqual(len(timers), 1)

    def test_more_changes_at_once_than_are_remembered(self) -> None:
        self.patch(index_log, "MAX_REMEMBERED", 4)
        self.peer = Peer()
        self.peer.add("old")
        follower = self.peer.follower()
        self.peer.keep(2)
        self.peer.add(*"abcdefgh")
        self.peer.remove("old")
        self.peer.clock.advance(0)
        self.assertEqual(follower.files, self.peer.truth())
        self.assertEqual(follower.pieces, {HASH: {2}})


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.lists(st.sampled_from("abcd"), min_size=1, max_size=4), st.integers(1, 3)),
        st.tuples(st.just("remove"), st.lists(st.sampled_from("abcd"), min_size=1, max_size=4)),
        st.tuples(st.just("wait"), st.sampled_from([0, 0.1, BATCH_INTERVAL, KEEPALIVE_INTERVAL])),
        st.tuples(st.just("join")),
        st.tuples(st.just("leave")),
        st.tuples(st.just("return")),
    ),
    max_size=30,
)


class Truth(SynchronousTestCase):
    """After any changes, a client that follows or queries has the index as it is."""

    @settings(deadline=None)
    @given(steps=STEPS, remembered=st.sampled_from([1, 3, 1000]))
    def test_a_follower_knows_the_index_in_the_end(self, steps, remembered) -> None:
        self.patch(index_log, "MAX_REMEMBERED", remembered)
        peer = Peer()
        here, away = [], []
        for what, *details in steps:
            if what == "add":
                peer.add(*details[0], content=details[1])
            elif what == "remove":
                peer.remove(*details[0])
            elif what == "wait":
                peer.clock.advance(details[0])
            elif what == "join":
                here.append(peer.follower())
            elif what == "leave" and here:
                away.append(here.pop(0))
                peer.index_feed.unfollow(away[-1])
            elif what == "return" and away:
                here.append(away.pop(0))
                peer.index_feed.follow(here[-1])
        peer.clock.advance(max(BATCH_INTERVAL, BATCH_INTERVAL_EACH * len(here)))
        for follower in away:
            follower.take(peer.since(follower.since))
        for follower in here + away:
            self.assertEqual(follower.files, peer.truth())
            self.assertEqual(follower.since, peer.index_feed.version)
