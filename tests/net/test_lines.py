"""The lines of a body: whole, bounded in number, length and size, and taken in slices."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import maybeDeferred
from twisted.internet.task import Clock, Cooperator
from twisted.trial.unittest import SynchronousTestCase

from p2p_twisted.net.lines import AT_ONCE, LINE_COST, Lines, Slicer, TooMuch
from p2p_twisted.wire.limits import MAX_BODY_LINE

PARTS = st.lists(st.binary(max_size=20).map(lambda part: part.replace(b"x", b"\n")), max_size=8)


class OneAtATime(Slicer):
    """Gives one task one step in each second."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        Cooperator.__init__(self, lambda: lambda: True, lambda call: clock.callLater(1, call))


class Case(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.taken: list[str] = []
        self.came: list[int] = []

    def lines(self, max_bytes: int = 10**9, max_lines: int = 10**9, slicer: Slicer | None = None) -> Lines:
        return Lines(slicer or Slicer(self.clock), self.taken.append, max_bytes, max_lines, self.came.append)

    def run_out(self) -> None:
        while self.clock.getDelayedCalls():
            self.clock.advance(1)

    def give(self, lines: Lines, *parts: bytes) -> list[Any]:
        """Give these parts one by one; return what the Deferred of each fired with."""
        fired: list[Any] = []
        for part in parts:
            maybeDeferred(lines.data, part).addBoth(fired.append)
            self.run_out()
        return fired


class Taken(Case):
    def test_lines_that_are_cut_anywhere(self) -> None:
        lines = self.lines()
        self.assertEqual(self.give(lines, b"on", b"e\ntwo\r", b"\n\nfo", b"ur"), [None] * 4)
        self.assertEqual(self.taken, ["one", "two", ""])
        lines.end()
        self.assertEqual(self.taken, ["one", "two", "", "four"])
        self.assertEqual(self.came, [2, 6, 4, 2])

    @given(PARTS)
    def test_they_are_those_of_the_whole(self, parts: list[bytes]) -> None:
        self.setUp()
        lines = self.lines()
        self.give(lines, *parts)
        lines.end()
        *whole, rest = b"".join(parts).split(b"\n")
        expected = [*whole, rest] if rest else whole
        self.assertEqual(self.taken, [line.rstrip(b"\r").decode("utf-8", "replace") for line in expected])

    def test_one_body_after_another(self) -> None:
        lines = self.lines(max_lines=2)
        for _ in range(3):
            self.assertEqual(self.give(lines, b"a\nb"), [None])
            lines.end()
        self.assertEqual(self.taken, ["a", "b"] * 3)


class Limits(Case):
    def test_a_line_that_is_too_long_counts_as_an_empty_one(self) -> None:
        long = b"x" * (MAX_BODY_LINE + 1)
        lines = self.lines()
        self.give(lines, b"a\n" + long + b"\nb\n", long, long, b"x\nc\n", b"x" * MAX_BODY_LINE + b"\n")
        self.assertEqual(self.taken, ["a", "", "b", "", "c", "x" * MAX_BODY_LINE])

    def test_a_line_without_end_takes_no_memory(self) -> None:
        lines = self.lines()
        for _ in range(50):
            self.give(lines, b"x" * 2**16)
            self.assertLessEqual(len(lines._rest), MAX_BODY_LINE)

    def test_more_lines_than_allowed(self) -> None:
        [fired] = self.give(self.lines(max_lines=3), b"a\nb\nc\nd\ne\n")
        fired.trap(TooMuch)
        self.assertEqual(self.taken, ["a", "b", "c"], "those before count")
        self.assertIn("3 lines", fired.getErrorMessage())

    def test_more_bytes_than_allowed(self) -> None:
        fired = self.give(self.lines(max_bytes=6), b"a\nb\nc\n", b"d\ne\n")
        self.assertEqual(fired[0], None)
        fired[1].trap(TooMuch)
        self.assertEqual(self.taken[:3], ["a", "b", "c"])


class Slices(Case):
    def test_all_bodies_take_turns(self) -> None:
        slicer = OneAtATime(self.clock)
        fired: list[Any] = []
        for name in (b"a\n", b"b\n"):
            maybeDeferred(self.lines(slicer=slicer).data, name * 10_000).addBoth(fired.append)
        self.clock.advance(1)
        first = len(self.taken)
        self.assertTrue(0 < first < 500, first)
        self.clock.pump([1] * 3)
        self.assertEqual(set(self.taken), {"a", "b"})
        self.assertEqual(fired, [])
        self.run_out()
        self.assertEqual((len(self.taken), fired), (20_000, [None, None]))

    def test_stopped_in_the_middle(self) -> None:
        lines = self.lines(slicer=OneAtATime(self.clock))
        lines.data(b"a\n" * 10_000)
        self.clock.advance(1)
        lines.stop()
        taken = len(self.taken)
        self.run_out()
        self.assertEqual(len(self.taken), taken)

    def test_a_little_waits_for_nothing(self) -> None:
        slicer = Slicer(self.clock)
        self.assertIs(self.lines(slicer=slicer).data(b"a\nb\n"), None)
        self.assertEqual(self.taken, ["a", "b"])

    def test_what_is_taken_at_once_is_little_for_all_bodies_together(self) -> None:
        slicer = Slicer(self.clock)
        bodies = [self.lines(slicer=slicer) for _ in range(500)]
        waiting = [body for body in bodies if body.data(b"a\nb\n") is not None]
        self.assertLess(len(self.taken), 2 * AT_ONCE // LINE_COST)
        self.assertEqual(len(self.taken), 2 * (500 - len(waiting)))
        self.run_out()
        self.assertEqual(len(self.taken), 1000)
        self.assertIs(bodies[0].data(b"a\n"), None, "the next turn has its own")
