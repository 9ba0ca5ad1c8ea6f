"""When to scan: the times, with a notifier that is a fake."""

from __future__ import annotations

import sys
from typing import Any, cast

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from p2p_twisted.library.scan_schedule import MAX_WATCHED, POLL, SAFETY, SETTLE, ScanSchedule

NOTIFY = "p2p_twisted.library.notify"


class FakeNotifier:
    """Knows the folders it covers; is out of watches when told so."""

    def __init__(self) -> None:
        self.covered = set()
        self.full = False
        self.closed = False

    def cover(self, folders):
        if self.full:
            raise OSError("no watch left")
        new = set(folders) - self.covered
        self.covered |= new
        return bool(new)

    def close(self) -> None:
        self.closed = True


class WatchTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.scans = []
        self.watch = ScanSchedule(self.clock, lambda: self.scans.append(self.clock.seconds()), lambda path: False)
        self.notifier: FakeNotifier | None = FakeNotifier()
        self.patch(self.watch, "_make_notifier", lambda: self.notifier)

    def next_scan(self):
        """Seconds from now to the next scan."""
        (call,) = self.clock.getDelayedCalls()
        return call.getTime() - self.clock.seconds()

    def test_without_notifier_often(self) -> None:
        self.notifier = None
        self.watch.start()
        self.watch.scanned({"/a": None})
        self.assertEqual(self.next_scan(), POLL)
        self.clock.advance(POLL)
        self.assertEqual(self.scans, [POLL])

    def test_without_reports_seldom(self) -> None:
        watch = ScanSchedule(self.clock, lambda: None, lambda path: False, reports=False)
        watch.start()
        watch.scanned({"/a": None})
        self.assertEqual((watch.is_told, self.next_scan()), (False, SAFETY))

    def test_a_new_folder_is_looked_at_once_more(self) -> None:
        self.watch.start()
        self.watch.scanned({"/a": None})
        self.assertEqual(self.notifier.covered, {"/a"})
        self.assertEqual(self.next_scan(), SETTLE)
        self.clock.advance(SETTLE)
        self.watch.scanned({"/a": None})
        self.assertEqual(self.next_scan(), SAFETY)

    def test_many_changes_are_one_scan(self) -> None:
        self.watch.start()
        self.notifier.covered.add("/a")
        self.watch.scanned({"/a": None})
        self.watch._changed()
        self.clock.advance(SETTLE / 2)
        self.watch._changed()
        self.clock.advance(SETTLE / 2)
        self.assertEqual(self.scans, [SETTLE])

    def test_a_change_during_a_scan_is_not_lost(self) -> None:
        self.watch.start()
        self.notifier.covered.add("/a")
        self.watch.scanned({"/a": None})
        self.clock.advance(SAFETY)
        self.watch._changed()
        self.watch.scanned({"/a": None})
        self.assertEqual(self.next_scan(), SETTLE)

    def test_no_watches_left(self) -> None:
        self.watch.start()
        self.notifier.full = True
        self.watch.scanned({"/a": None})
        self.assertTrue(self.notifier.closed)
        self.assertEqual(self.next_scan(), POLL)

    def test_too_many_folders(self) -> None:
        self.watch.start()
        self.watch.scanned({str(i): None for i in range(MAX_WATCHED + 1)})
        self.assertTrue(self.notifier.closed)
        self.assertEqual(self.next_scan(), POLL)

    def test_stopped(self) -> None:
        self.watch.start()
        self.watch.scanned({"/a": None})
        self.watch.stop()
        self.watch.scanned({"/a": None})
        self.assertTrue(self.notifier.closed)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_never_started(self) -> None:
        self.watch.scanned({"/a": None})
        self.watch.stop()
        self.assertEqual(self.clock.getDelayedCalls(), [])


class NotifierTests(SynchronousTestCase):
    def test_a_system_without_inotify(self) -> None:
        modules = {name: module for name, module in sys.modules.items() if name == NOTIFY}
        cast(Any, sys.modules)[NOTIFY] = None  # makes the import fail
        self.addCleanup(lambda: (sys.modules.pop(NOTIFY), sys.modules.update(modules)))
        self.assertIsNone(ScanSchedule(Clock(), lambda: None, lambda path: False)._make_notifier())
