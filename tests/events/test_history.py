"""A history of events: bounded, and read from any number on."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from p2p_twisted.events.history import MAX_EVENTS, History


class HistoryTests(SynchronousTestCase):
    def test_everything_in_order_and_behind_a_number(self) -> None:
        history: History[str] = History()
        for word in "abc":
            history.add(word)
        self.assertEqual([data for _, data, _ in history.after(0)], ["a", "b", "c"])
        self.assertEqual([number for number, _, _ in history.after(1)], [2, 3])
        self.assertEqual(history.after(3), [])
        self.assertEqual(history.after(10**20), [])

    def test_it_is_bounded_and_still_tells_the_whole_course(self) -> None:
        history: History[str] = History()
        most = 0
        history.add("first")
        for number in range(50 * MAX_EVENTS):
            history.add(str(number), optional=True)
            most = max(most, len(history.kept))
        history.add("last")
        self.assertLessEqual(most, MAX_EVENTS)
        self.assertGreater(len(history.kept), MAX_EVENTS // 4)
        self.assertEqual((history.kept[0][1], history.kept[-1][1]), ("first", "last"))
        gaps = [after[0] - before[0] for before, after in zip(history.kept[1:], history.kept[2:-1], strict=False)]
        self.assertLessEqual(max(gaps), 2 * min(gaps))

    def test_even_if_nothing_may_be_left_out(self) -> None:
        history: History[str] = History()
        for number in range(2 * MAX_EVENTS):
            history.add(str(number))
        self.assertLessEqual(len(history.kept), MAX_EVENTS)
        self.assertEqual(history.kept[-1][1], str(2 * MAX_EVENTS - 1))

    def test_numbers_go_on_behind_what_was_kept(self) -> None:
        history = History([(4, "a", False), (9, "b", True)])
        history.add("c")
        self.assertEqual(history.after(4), [(9, "b", True), (10, "c", False)])
