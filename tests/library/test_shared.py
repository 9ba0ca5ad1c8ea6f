"""The library on real folders, its threads being function calls and its scans driven by hand."""

from __future__ import annotations

import os
from hashlib import sha256
from pathlib import Path
from typing import Any, cast

from twisted.internet.defer import Deferred
from twisted.logger import ILogObserver, LogEvent, LogLevel, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import provider

from p2p_twisted.events.types import LibraryChanged
from p2p_twisted.library import paths, readers, scan, shared
from p2p_twisted.library.audience import Audiences
from p2p_twisted.library.cache import HashCache
from p2p_twisted.library.pieces import MIN_PIECE, PieceHasher
from p2p_twisted.library.scan import read_files
from p2p_twisted.library.scan_schedule import POLL, ScanSchedule
from p2p_twisted.library.shared import Library
from tests.support.inline_reactor import InlineReactor

ALICE = frozenset({"alice"})


class LibraryCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.base = Path(os.path.realpath(self.mktemp()))
        self.share = self.base / "share"
        self.share.mkdir(parents=True)
        self.reactor = cast(Any, InlineReactor())
        self.library = self.make_library()
        self.changes = []
        self.library.publisher.subscribe(
            LibraryChanged, lambda event: self.changes.append((list(event.added), list(event.removed)))
        )

    def make_library(self, *folders):
        cache = HashCache(self.base / "hashes.sqlite")
        self.addCleanup(cache.close)
        return Library(self.reactor, folders or [self.share], cache)

    def write(self, name, data=b"x", folder=None):
        path = (folder or self.share) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return path

    def scan(self, library=None) -> None:
        self.successResultOf((library or self.library).scan())

    def warnings(self):
        """The lines logged from now on."""
        lines = []

        @provider(ILogObserver)
        def observe(event: LogEvent) -> None:
            if event["log_level"] >= LogLevel.warn and "problem" in event:
                lines.append(event["problem"])

        globalLogPublisher.addObserver(observe)
        self.addCleanup(globalLogPublisher.removeObserver, observe)
        return lines


class ScanTests(LibraryCase):
    def test_files_come(self) -> None:
        self.write("a.txt", b"Hello world\n")
        self.write("sub/b.bin", b"")
        self.scan()
        self.assertEqual(set(self.library.files), {"a.txt", "sub/b.bin"})
        a = self.library.get("a.txt")
        self.assertEqual((a.sha256, a.title, a.size), (sha256(b"Hello world\n").hexdigest(), "Hello world", 12))
        self.assertIs(self.library.by_sha256(a.sha256), a)
        self.assertEqual(len(self.changes), 1)

    def test_nothing_changes(self) -> None:
        self.write("a.txt")
        self.scan()
        self.scan()
        self.assertEqual((self.library.version, self.library.hashed), (1, 1))

    def test_files_change(self) -> None:
        self.write("a.txt", b"old")
        self.scan()
        self.write("a.txt", b"newer")
        self.scan()
        self.assertEqual(self.library.get("a.txt").sha256, sha256(b"newer").hexdigest())
        self.assertEqual(self.changes, [(["a.txt"], []), ([], ["a.txt"]), (["a.txt"], [])])

    def test_files_go(self) -> None:
        path = self.write("sub/b.txt")
        self.scan()
        path.unlink()
        self.scan()
        self.assertEqual(dict(self.library.files), {})
        self.assertEqual(self.changes, [(["sub/b.txt"], []), ([], ["sub/b.txt"])])

    def test_a_file_that_moves_has_its_new_name_only(self) -> None:
        path = self.write("a.txt")
        self.scan()
        path.rename(self.share / "b.txt")
        self.scan()
        self.assertEqual(set(self.library.files), {"b.txt"})

    def test_a_restart_reads_nothing(self) -> None:
        for i in range(100):
            self.write(f"{i % 7}/{i}.txt", b"Document %d\n" % i)
        self.scan()
        again = self.make_library()
        self.scan(again)
        self.assertEqual(dict(again.files), dict(self.library.files))
        self.assertEqual((self.library.hashed, again.hashed), (100, 0))

    def test_a_file_replaced_between_two_scans_is_read(self) -> None:
        path = self.write("a.txt", b"one")
        self.scan()
        path.unlink()
        self.write("a.txt", b"second")
        again = self.make_library()
        self.scan(again)
        self.assertEqual((again.get("a.txt").sha256, again.hashed), (sha256(b"second").hexdigest(), 1))

    def test_many_changes_are_made_known_in_slices(self) -> None:
        self.patch(shared, "SLICE", 2)
        for i in range(5):
            self.write(f"{i}.txt")
        self.scan()
        again = self.make_library()
        sizes = []
        again.publisher.subscribe(LibraryChanged, lambda event: sizes.append(len(event.added)))
        scanned = again.scan()
        self.assertEqual(sizes, [2])
        self.reactor.advance(0)
        self.successResultOf(scanned)
        self.assertEqual(sizes, [2, 2, 1])

    def test_an_unreadable_file_is_logged_once(self) -> None:
        lines = self.warnings()
        self.share.rename(self.base / "away")
        self.scan()
        self.scan()
        self.assertEqual(lines, [f"{self.share}: No such file or directory"])
        (self.base / "away").rename(self.share)
        self.write("a.txt")
        self.scan()
        self.assertEqual(set(self.library.files), {"a.txt"})
        self.assertEqual(len(lines), 1)

    def test_a_scan_that_fails_is_not_the_last(self) -> None:
        self.patch(shared, "survey", None)
        self.scan()
        self.assertEqual(len(self.flushLoggedErrors(TypeError)), 1)


class UnsharedTests(LibraryCase):
    """Unshared files are listed with the reason."""

    def test_unshared_files_are_those_of_the_last_scan(self) -> None:
        self.write("a.txt")
        link = self.share / "link"
        link.symlink_to("a.txt")
        self.scan()
        self.assertEqual(self.library.unshared.items, {str(link): "is a link; links are not followed"})
        link.unlink()
        self.scan()
        self.assertEqual(self.library.unshared.total, 0)

    def test_unreadable_files_come_first_and_stay_until_they_are_readable(self) -> None:
        (self.share / "link").symlink_to("a.txt")
        self.write("a.txt")
        open_beneath = paths.open_beneath
        self.patch(scan, "open_beneath", lambda *_: (_ for _ in ()).throw(PermissionError(13, "Permission denied")))
        for _ in range(2):
            self.scan()
            self.assertEqual(list(self.library.unshared.items), [f"{self.share}/a.txt", f"{self.share}/link"])
        self.patch(scan, "open_beneath", open_beneath)
        self.scan()
        self.assertEqual(list(self.library.unshared.items), [f"{self.share}/link"])

    def test_a_scan_that_fails_says_so(self) -> None:
        self.patch(shared, "survey", None)
        self.scan()
        (why,) = self.library.unshared.items.values()
        self.assertIn("the last scan failed", why)
        self.flushLoggedErrors(TypeError)

    def test_a_file_whose_name_an_earlier_folder_has(self) -> None:
        other = self.base / "other"
        self.write("a.txt", b"first")
        self.write("a.txt", b"other", folder=other)
        self.write("b.txt", b"same")
        self.write("b.txt", b"same", folder=other)
        library = self.make_library(self.share, other)
        self.scan(library)
        self.assertEqual(library.unshared.items, {f"{other}/a.txt": f"a.txt is shared from {self.share} already"})
        self.assertEqual(library.get("a.txt").root, self.share)

    def test_a_file_that_changes_all_the_time(self) -> None:
        path = self.write("a.txt")

        def changing_title(file, name):
            with path.open("ab") as writer:
                writer.write(b"more")
            return ""

        self.patch(scan, "title_of", changing_title)
        self.scan()
        self.assertEqual(self.library.unshared.items, {str(path): "changes while it is read"})


class FolderTests(LibraryCase):
    """A file has one name, what is private has none, and downloads come last."""

    def make(self, *folders, **more):
        cache = HashCache(self.base / "hashes.sqlite")
        self.addCleanup(cache.close)
        return Library(self.reactor, folders, cache, **more)

    def test_downloads_into_a_shared_folder_do_not_grow_names(self) -> None:
        new = self.share / "new"
        self.write("new/a.txt")
        library = self.make(self.share, downloads=new)
        self.scan(library)
        self.assertEqual(set(library.files), {"a.txt"})
        path = self.write("new/new/b.txt", b"data")
        library.add_file(new, path, sha256(b"data").hexdigest(), b"")
        self.scan(library)
        self.assertEqual(set(library.files), {"a.txt", "new/b.txt"})

    def test_a_download_below_an_inner_folder_has_its_name_there(self) -> None:
        inner = self.share / "inner"
        path = self.write("inner/a.txt", b"data")
        library = self.make(inner, self.share)
        added = library.add_file(self.share, path, sha256(b"data").hexdigest(), b"")
        self.assertEqual((added.name, added.root), ("a.txt", inner))
        self.scan(library)
        self.assertEqual((dict(library.files), library.hashed), ({"a.txt": added}, 0))

    def test_a_shared_file_keeps_its_name_when_another_of_that_name_is_fetched(self) -> None:
        downloads = self.base / "downloads"
        self.write("x", b"own")
        library = self.make(self.share, downloads=downloads)
        self.scan(library)
        path = self.write("x", b"fetched", folder=downloads)
        library.add_file(downloads, path, sha256(b"fetched").hexdigest(), b"")
        self.scan(library)
        self.assertEqual(library.get("x").sha256, sha256(b"own").hexdigest())
        self.assertEqual(library.unshared.items, {str(path): f"x is shared from {self.share} already"})

    def test_a_folder_added_later_comes_before_downloads_too(self) -> None:
        downloads, more = self.base / "downloads", self.base / "more"
        self.write("x", b"fetched", folder=downloads)
        self.write("x", b"own", folder=more)
        library = self.make(self.share, downloads=downloads)
        self.successResultOf(library.add_folder(more))
        self.assertEqual(list(library.folders), [self.share, more, downloads])
        self.assertEqual(library.get("x").sha256, sha256(b"own").hexdigest())

    def test_the_download_folder_may_be_a_shared_one(self) -> None:
        library = self.make(self.share, downloads=self.share)
        self.assertEqual(list(library.folders), [self.share])

    def test_the_download_folder_stays_shared(self) -> None:
        library = self.make(self.share, downloads=self.base / "downloads")
        why = self.failureResultOf(library.remove_folder(self.base / "downloads")).value
        self.assertIn("is the download folder", str(why))

    def test_a_folder_that_becomes_private_is_so_at_once(self) -> None:
        inner = self.write("inner/a.txt").parent
        self.scan()
        self.assertEqual(set(self.library.public), {"inner/a.txt"})
        self.successResultOf(self.library.add_folder(inner, ALICE))
        self.assertEqual((set(self.library.public), set(self.library.private)), (set(), {"a.txt"}))
        self.assertEqual(self.library.audience(inner), ALICE)
        self.assertIsNone(self.library.audience(self.share))
        self.scan()
        self.assertEqual(self.changes, [(["inner/a.txt"], []), ([], ["inner/a.txt"])])

    def test_no_folder_gets_another_audience(self) -> None:
        self.successResultOf(self.library.add_folder(self.share))
        self.failureResultOf(self.library.add_folder(self.share, ALICE), ValueError)
        private = self.base / "private"
        private.mkdir()
        self.successResultOf(self.library.add_folder(private, ALICE))
        self.successResultOf(self.library.add_folder(private, ALICE))
        for audience in (None, frozenset({"bob"}), ALICE | {"bob"}):
            failure = self.failureResultOf(self.library.add_folder(private, audience), ValueError)
            self.assertIn("is shared with alice already", str(failure.value))

    def test_a_file_moved_between_folders_changes_its_audience(self) -> None:
        private = self.base / "private"
        path = self.write("a.txt")
        private.mkdir()
        library = self.make(self.share, private, audiences=Audiences({private: ALICE}))
        self.scan(library)
        moved = path.rename(private / "a.txt")
        self.scan(library)
        self.assertEqual((set(library.public), library.private["a.txt"].audience), (set(), ALICE))
        moved.rename(path)
        self.scan(library)
        self.assertEqual((set(library.public), set(library.private)), ({"a.txt"}, set()))

    def test_what_is_added_to_a_private_folder_is_private(self) -> None:
        private = self.base / "private"
        private.mkdir()
        library = self.make(self.share, private, audiences=Audiences({private: ALICE}))
        path = self.write("b.txt", b"data", private)
        library.add_file(private, path, sha256(b"data").hexdigest(), b"")
        self.assertEqual(library.private["b.txt"].audience, ALICE)

    def test_private_files_are_neither_shared_nor_added(self) -> None:
        state = self.share / "state"
        path = self.write("state/api.key", b"key")
        self.write("state/downloads/a.txt", b"data")
        library = self.make(self.share, downloads=state / "downloads", excluded=[state])
        self.scan(library)
        self.assertEqual(set(library.files), {"a.txt"})
        self.assertEqual(list(library.unshared.items), [str(state)])
        with self.assertRaises(ValueError):
            library.add_file(self.share, path, sha256(b"key").hexdigest(), b"")
        added = self.write("state/downloads/b.txt", b"data")
        library.add_file(state / "downloads", added, sha256(b"data").hexdigest(), b"")
        self.assertEqual(set(library.files), {"a.txt", "b.txt"})


class UnderWayTests(LibraryCase):
    """Changes while a scan waits for its threads."""

    def setUp(self) -> None:
        super().setUp()
        self.waiting = []

        def in_thread(work, *args):
            done = Deferred()
            self.waiting.append((done, work, args))
            return done

        self.library._in_thread = in_thread

    def go_on(self, meanwhile=lambda: None) -> None:
        """Do what was handed to threads until now, then `meanwhile`, then let the library know."""
        waiting, self.waiting = self.waiting, []
        results = [(done, work(*args)) for done, work, args in waiting]
        meanwhile()
        for done, result in results:
            done.callback(result)

    def test_a_scan_asked_for_sees_what_came_during_the_one_before(self) -> None:
        first, later = self.library.scan(), []

        def meanwhile() -> None:
            self.write("a.txt")
            later.extend([self.library.scan(), self.library.scan()])

        self.go_on(meanwhile)
        self.successResultOf(first)
        for asked in later:
            self.assertNoResult(asked)
        while self.waiting:
            self.go_on()
        for asked in later:
            self.successResultOf(asked)
        self.assertEqual(set(self.library.files), {"a.txt"})

    def test_a_download_that_the_walk_found_but_did_not_know_is_not_read(self) -> None:
        path = self.write("a.txt", b"data")
        scanned = self.library.scan()
        self.go_on(lambda: self.library.add_file(self.share, path, sha256(b"data").hexdigest(), b""))
        while not scanned.called:
            self.go_on()
        self.assertEqual((self.library.hashed, set(self.library.files)), (0, {"a.txt"}))

    def test_a_download_in_place_of_a_file_that_the_walk_missed_stays(self) -> None:
        path = self.write("a.txt", b"old")
        self.library.add_file(self.share, path, sha256(b"old").hexdigest(), b"")

        def download() -> None:
            self.write("a.txt", b"newer")
            self.library.add_file(self.share, path, sha256(b"newer").hexdigest(), b"")

        path.unlink()
        scanned = self.library.scan()
        self.go_on()
        self.go_on(download)
        self.successResultOf(scanned)
        self.assertEqual(self.library.get("a.txt").sha256, sha256(b"newer").hexdigest())

    def go_on_but(self, name) -> None:
        """Continue as `go_on` does, but let the reader of `name` read on."""
        held = [one for one in self.waiting if one[1] is read_files and name in [found.name for found in one[2][0]]]
        self.waiting = [one for one in self.waiting if one not in held]
        self.go_on()
        self.waiting += held

    def test_a_huge_file_keeps_nobody_waiting(self) -> None:
        """Two are huge; what comes while one is read is seen, and read, and the scans go on."""
        self.patch(readers, "HUGE", 5)
        self.patch(readers, "BIG", 3)
        self.write("huge", b"12345")
        self.write("huger", b"123456")
        self.write("big", b"123")
        first = self.library.scan()
        for _ in range(5):
            self.go_on_but("huge")
        self.assertEqual(set(self.library.files), {"big"})
        self.assertFalse(self.library.is_scanning)
        self.write("new", b"1")
        self.write("new big", b"1234")
        second = self.library.scan()
        self.assertTrue(self.library.is_scanning)
        for _ in range(5):
            self.go_on_but("huge")
        self.assertEqual(set(self.library.files), {"big", "new", "new big"})
        self.assertNoResult(first)
        while self.waiting:
            self.go_on()
        self.successResultOf(first)
        self.successResultOf(second)
        self.assertEqual(len(self.library.files), 5)
        self.assertEqual(self.library.hashed, 5)

    def test_stop_waits_for_a_file_that_is_read_and_begins_no_other(self) -> None:
        for i in range(readers.BATCH + 1):
            self.write(str(i))
        self.library.scan()
        self.go_on()
        stopped = self.library.stop()
        self.assertNoResult(stopped)
        while self.waiting:
            self.go_on()
        self.successResultOf(stopped)
        self.assertEqual(self.library.hashed, 0)

    def test_stop_waits_for_the_scan_under_way(self) -> None:
        self.write("a.txt")
        self.library.scan()
        stopped = self.library.stop()
        self.assertNoResult(stopped)
        self.go_on()
        self.successResultOf(stopped)
        self.assertEqual((self.waiting, self.library.hashed), ([], 0))


class AddTests(LibraryCase):
    def add(self, name, data, folder=None, **more):
        hasher = PieceHasher(len(data))
        hasher.update(data)
        folder = folder or self.share
        return self.library.add_file(folder, self.write(name, data, folder), hasher.sha256(), hasher.pieces(), **more)

    def test_a_download_is_shared_at_once_and_never_read(self) -> None:
        data = bytes(MIN_PIECE + 1)
        added = self.add("sub/a.bin", data, title="Zeros")
        self.assertEqual(self.changes, [(["sub/a.bin"], [])])
        self.assertIs(self.library.get("sub/a.bin"), added)
        self.assertEqual((added.title, len(added.pieces)), ("Zeros", 64))
        self.scan()
        again = self.make_library()
        self.scan(again)
        self.assertEqual(again.get("sub/a.bin"), added)
        self.assertEqual((self.library.hashed, again.hashed, self.library.version), (0, 0, 1))

    def test_stopping_keeps_what_was_added(self) -> None:
        self.add("a.txt", b"data")
        self.successResultOf(self.library.stop())
        again = self.make_library()
        self.scan(again)
        self.assertEqual(again.hashed, 0)

    def test_a_download_over_an_old_file(self) -> None:
        self.write("a.txt", b"old")
        self.scan()
        self.add("a.txt", b"newer")
        self.assertEqual(self.library.get("a.txt").sha256, sha256(b"newer").hexdigest())
        self.assertIsNone(self.library.by_sha256(sha256(b"old").hexdigest()))

    def test_an_earlier_folder_keeps_the_name(self) -> None:
        second = self.base / "second"
        second.mkdir()
        self.successResultOf(self.library.add_folder(second))
        self.write("a.txt", b"first")
        self.scan()
        self.assertEqual(self.add("a.txt", b"second", second).path, self.share / "a.txt")
        self.assertEqual(self.add("b.txt", b"second", second).path, second / "b.txt")

    def test_a_shared_folder_may_be_named_by_a_link(self) -> None:
        link = self.base / "link"
        link.symlink_to(self.share)
        self.assertEqual(self.add("a.txt", b"data", link).path, self.share / "a.txt")

    def test_files_that_are_not_added(self) -> None:
        path = self.write("a.txt", b"data")
        cases = [
            (ValueError, (self.base, path, "aa", b"")),
            (ValueError, (self.share, self.base / "elsewhere", "aa", b"")),
            (ValueError, (self.share, self.share / ".hidden", "aa", b"")),
            (ValueError, (self.share, path, "aa", b"x" * 32)),
            (FileNotFoundError, (self.share, self.share / "none", "aa", b"")),
        ]
        for error, args in cases:
            with self.assertRaises(error):
                self.library.add_file(*args)
        self.assertEqual(self.changes, [])

    def test_another_folder(self) -> None:
        other = self.base / "other"
        self.write("b.txt", folder=other)
        self.write("a.txt", b"second", folder=other)
        self.write("a.txt", b"first")
        self.successResultOf(self.library.add_folder(other))
        self.successResultOf(self.library.add_folder(other))
        self.assertEqual(list(self.library.folders), [self.share, other])
        self.assertEqual(self.library.get("a.txt").sha256, sha256(b"first").hexdigest())
        self.assertEqual(self.library.get("b.txt").root, other)
        self.failureResultOf(self.library.add_folder(self.base / "none"), NotADirectoryError)
        self.failureResultOf(self.library.add_folder(other / "b.txt"), NotADirectoryError)

    def test_a_folder_that_is_no_longer_shared(self) -> None:
        other = self.base / "other"
        self.write("a.txt", b"second", folder=other)
        self.write("b.txt", folder=other)
        self.write("a.txt", b"first")
        self.successResultOf(self.library.add_folder(other, frozenset({"alice"})))
        self.successResultOf(self.library.remove_folder(self.share))
        self.assertEqual(list(self.library.folders), [other])
        self.assertEqual(self.library.get("a.txt").sha256, sha256(b"second").hexdigest())
        self.successResultOf(self.library.remove_folder(other))
        self.assertEqual((list(self.library.folders), list(self.library.files)), ([], []))
        self.assertIn("not a shared folder", str(self.failureResultOf(self.library.remove_folder(other)).value))
        self.successResultOf(self.library.add_folder(other))
        self.assertEqual(self.library.get("b.txt").audience, {"alice"}, "it does not become public that way")


class OpenTests(LibraryCase):
    def setUp(self) -> None:
        super().setUp()
        self.path = self.write("sub/a.txt", b"data")
        self.scan()
        self.file = self.library.get("sub/a.txt")

    def test_open(self) -> None:
        with os.fdopen(self.library.open(self.file), "rb") as opened:
            self.assertEqual(opened.read(), b"data")

    def refused(self) -> None:
        with self.assertRaises(FileNotFoundError):
            self.library.open(self.file)

    def test_gone(self) -> None:
        self.path.unlink()
        self.refused()

    def test_another_size(self) -> None:
        self.path.write_bytes(b"other data")
        self.refused()

    def test_another_time(self) -> None:
        os.utime(self.path, ns=(0, 0))
        self.refused()

    def test_a_link_out_of_the_folder(self) -> None:
        outside = self.base / "outside"
        self.path.parent.rename(outside)
        self.path.parent.symlink_to(outside)
        self.refused()


class TimingTests(LibraryCase):
    """Started, on a reactor without inotify."""

    def setUp(self) -> None:
        super().setUp()
        self.patch(ScanSchedule, "_make_notifier", lambda watch: None)

    def test_scans_again_and_again_until_stopped(self) -> None:
        self.successResultOf(self.library.start())
        self.write("a.txt")
        self.reactor.advance(POLL - 1)
        self.assertEqual(set(self.library.files), set())
        self.reactor.advance(1)
        self.assertEqual(set(self.library.files), {"a.txt"})
        self.write("b.txt")
        self.reactor.advance(POLL)
        self.assertEqual(set(self.library.files), {"a.txt", "b.txt"})
        self.successResultOf(self.library.stop())
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_can_be_started_again(self) -> None:
        self.successResultOf(self.library.start())
        self.successResultOf(self.library.stop())
        self.write("a.txt")
        self.successResultOf(self.library.start())
        self.assertEqual(set(self.library.files), {"a.txt"})

    def test_a_scan_that_fails_does_not_end_them(self) -> None:
        self.patch(shared, "survey", None)
        self.successResultOf(self.library.start())
        self.reactor.advance(POLL)
        self.assertEqual(len(self.flushLoggedErrors(TypeError)), 2)
        self.assertEqual(len(self.reactor.getDelayedCalls()), 1)
