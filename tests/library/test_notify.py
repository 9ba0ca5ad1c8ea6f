"""Changes told by the kernel, on the real reactor: the library sees them long before the next periodic scan."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any, cast

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.trial.unittest import SkipTest, TestCase

from p2p_twisted.events.types import LibraryChanged
from p2p_twisted.library import roots, scan_schedule
from p2p_twisted.library.cache import HashCache
from p2p_twisted.library.identity import identity
from p2p_twisted.library.shared import Library


class NotifyTests(TestCase):
    timeout = 20  # less than scan_schedule.SAFETY

    async def setUp(self) -> None:  # type: ignore[override]  # trial awaits it
        try:
            from p2p_twisted.library.notify import Notifier

            Notifier(reactor, lambda: None, lambda path: False).close()
        except (ImportError, OSError) as e:
            raise SkipTest(f"inotify is not available here: {e}") from e
        self.patch(scan_schedule, "SETTLE", 0.02)
        self.patch(roots, "INTERVAL", 0.05)
        base = Path(os.path.realpath(self.mktemp()))
        self.share = base / "share"
        (self.share / "sub").mkdir(parents=True)
        cache = HashCache(base / "hashes.sqlite")
        self.library = Library(cast(Any, reactor), [self.share], cache)
        self.addCleanup(cache.close)
        self.addCleanup(self.library.stop)
        await self.library.start()

    def until(self, condition):
        """Fires as soon as a change has made `condition` true."""
        done = Deferred()

        def look(event) -> None:
            if not done.called and condition():
                done.callback(None)

        self.library.publisher.subscribe(LibraryChanged, look)
        look(None)
        return done

    def until_shared(self, *names):
        """Fires when exactly `names` are shared."""
        return self.until(lambda: set(self.library.files) == set(names))

    async def be_quiet(self) -> None:
        """Let the scans that follow the start be over, so that none sees by chance what nobody told of."""
        (self.share / "quiet.txt").write_text("quiet")
        await self.until_shared("quiet.txt")
        while self.library._watch._next.getTime() - reactor.seconds() < 1:
            await deferLater(reactor, 0.01)

    async def test_files_come_change_and_go(self) -> None:
        path = self.share / "sub" / "a.txt"
        path.write_text("one")
        await self.until_shared("sub/a.txt")
        path.write_text("longer")
        await self.until(lambda: [file.size for file in self.library.files.values()] == [6])
        path.unlink()
        await self.until_shared()

    async def test_a_finished_download_is_seen_and_the_unfinished_is_not(self) -> None:
        part = self.share / "a.txt.part"
        part.write_text("data")
        part.rename(self.share / "a.txt")
        await self.until_shared("a.txt")

    async def test_a_folder_comes_with_all_that_is_in_it(self) -> None:
        new = self.share / "new" / "deeper"
        new.mkdir(parents=True)
        (new / "a.txt").write_text("a")
        await self.until_shared("new/deeper/a.txt")
        (new / "b.txt").write_text("b")
        await self.until_shared("new/deeper/a.txt", "new/deeper/b.txt")

    async def test_a_folder_that_goes_takes_no_other_with_it(self) -> None:
        (self.share / "sub" / "a.txt").write_text("a")
        await self.until_shared("sub/a.txt")
        (self.share / "sub" / "a.txt").unlink()
        (self.share / "sub").rmdir()
        await self.until_shared()
        (self.share / "b.txt").write_text("b")
        await self.until_shared("b.txt")
        (self.share / "sub").mkdir()
        (self.share / "sub" / "c.txt").write_text("c")
        await self.until_shared("b.txt", "sub/c.txt")

    async def test_a_folder_that_is_renamed_and_made_again(self) -> None:
        (self.share / "sub").rename(self.share / "other")
        (self.share / "sub").mkdir()
        (self.share / "sub" / "a.txt").write_text("a")
        (self.share / "other" / "b.txt").write_text("b")
        await self.until_shared("sub/a.txt", "other/b.txt")
        (self.share / "sub" / "c.txt").write_text("c")
        await self.until_shared("sub/a.txt", "other/b.txt", "sub/c.txt")

    async def test_a_folder_that_is_moved_with_others_in_it_and_made_again(self) -> None:
        deeper = self.share / "sub" / "deeper"
        deeper.mkdir()
        (deeper / "a.txt").write_text("a")
        await self.until_shared("sub/deeper/a.txt")
        (self.share / "sub").rename(self.share / "other")
        await self.until_shared("other/deeper/a.txt")
        deeper.mkdir(parents=True)
        (deeper / "b.txt").write_text("b")
        await self.until_shared("other/deeper/a.txt", "sub/deeper/b.txt")
        (deeper / "c.txt").write_text("c")
        (self.share / "other" / "deeper" / "d.txt").write_text("d")
        await self.until_shared("other/deeper/a.txt", "other/deeper/d.txt", "sub/deeper/b.txt", "sub/deeper/c.txt")

    async def test_a_folder_with_files_moved_in(self) -> None:
        outside = self.share.with_name("outside")
        (outside / "deeper").mkdir(parents=True)
        (outside / "deeper" / "a.txt").write_text("a")
        outside.rename(self.share / "sub" / "inside")
        await self.until_shared("sub/inside/deeper/a.txt")
        (self.share / "sub" / "inside" / "deeper" / "b.txt").write_text("b")
        await self.until_shared("sub/inside/deeper/a.txt", "sub/inside/deeper/b.txt")

    async def test_a_hard_link(self) -> None:
        outside = self.share.with_name("outside")
        outside.write_text("a")
        await self.be_quiet()
        (self.share / "a.txt").hardlink_to(outside)
        await self.until_shared("a.txt", "quiet.txt")

    async def test_a_file_that_gets_its_name_when_it_is_whole(self) -> None:
        """Made without a name and then linked, as some programs write."""
        try:
            fd = os.open(self.share, os.O_TMPFILE | os.O_WRONLY)
        except (AttributeError, OSError) as e:
            raise SkipTest(f"no files without a name here: {e}") from e
        self.addCleanup(os.close, fd)
        os.write(fd, b"data")
        await self.be_quiet()
        os.link(f"/proc/self/fd/{fd}", self.share / "a.txt", src_dir_fd=fd, follow_symlinks=True)
        await self.until_shared("a.txt", "quiet.txt")

    async def test_a_file_that_is_touched(self) -> None:
        path = self.share / "a.txt"
        path.write_text("a")
        await self.until_shared("a.txt")
        os.utime(path, ns=(0, 10**18))
        await self.until(lambda: self.library.get("a.txt") and self.library.get("a.txt").mtime_ns == 10**18)

    async def test_a_shared_folder_that_is_moved_away_and_made_again(self) -> None:
        (self.share / "sub" / "a.txt").write_text("a")
        await self.until_shared("sub/a.txt")
        for turn in range(2):
            self.share.rename(self.share.with_name(f"away{turn}"))
            await self.until_shared()
            (self.share / "sub").mkdir(parents=True)
            (self.share / "sub" / "b.txt").write_text("b")
            await self.until_shared("sub/b.txt")
            (self.share / "sub" / "c.txt").write_text("c")
            await self.until_shared("sub/b.txt", "sub/c.txt")

    async def test_a_shared_folder_that_is_replaced_at_once(self) -> None:
        (self.share / "a.txt").write_text("a")
        await self.until_shared("a.txt")
        new = self.share.with_name("new")
        new.mkdir()
        (new / "b.txt").write_text("b")
        self.share.rename(self.share.with_name("away"))
        new.rename(self.share)
        await self.until_shared("b.txt")
        (self.share / "c.txt").write_text("c")
        await self.until_shared("b.txt", "c.txt")

    async def test_a_shared_folder_that_is_removed_and_made_again(self) -> None:
        (self.share / "sub").rmdir()
        self.share.rmdir()
        self.share.mkdir()
        (self.share / "a.txt").write_text("a")
        await self.until_shared("a.txt")
        (self.share / "b.txt").write_text("b")
        await self.until_shared("a.txt", "b.txt")

    async def test_a_parent_folder_that_is_moved_away_and_made_again(self) -> None:
        above = self.share.parent
        (self.share / "a.txt").write_text("a")
        await self.until_shared("a.txt")
        above.rename(above.with_name(above.name + "-away"))
        self.share.mkdir(parents=True)
        (self.share / "b.txt").write_text("b")
        await self.until_shared("b.txt")
        (self.share / "c.txt").write_text("c")
        await self.until_shared("b.txt", "c.txt")

    async def test_a_link_to_a_shared_folder_that_leads_elsewhere(self) -> None:
        base = self.share.parent
        for name in ("one", "two"):
            (base / name).mkdir()
            (base / name / f"{name}.txt").write_text(name)
        link = base / "link"
        link.symlink_to("one")
        await self.library.add_folder(link)
        await self.until_shared("one.txt")
        (base / "next").symlink_to("two")
        (base / "next").rename(link)
        await self.until_shared("two.txt")
        self.assertEqual(list(self.library.folders), [self.share, base / "two"])
        (base / "two" / "more.txt").write_text("more")
        await self.until_shared("two.txt", "more.txt")


class NotifierTests(TestCase):
    """The notifier alone."""

    async def setUp(self) -> None:  # type: ignore[override]  # trial awaits it
        try:
            from p2p_twisted.library.inotify import Event, Inotify
            from p2p_twisted.library.notify import Notifier

            self.changes = 0
            self.notifier = Notifier(reactor, self.changed, lambda path: False)
        except (ImportError, OSError) as e:
            raise SkipTest(f"inotify is not available here: {e}") from e
        self.Event, self.Inotify = Event, Inotify
        self.addCleanup(self.notifier.close)
        self.folder = Path(os.path.realpath(self.mktemp()))
        self.folder.mkdir()

    def changed(self) -> None:
        self.changes += 1

    def cover(self, *folders):
        return self.notifier.cover({str(folder): identity(folder) for folder in folders})

    def hear(self):
        """Take what the kernel has told."""
        before = self.changes
        self.notifier._inotify.doRead()
        return self.changes - before

    def test_only_the_given_folders_are_watched(self) -> None:
        other = self.folder / "other"
        other.mkdir()
        self.assertTrue(self.cover(self.folder, other))
        self.assertFalse(self.cover(self.folder, other))
        (other / "a").write_text("a")
        self.assertTrue(self.hear())
        self.assertFalse(self.cover(self.folder))
        self.hear()
        (other / "b").write_text("b")
        self.assertFalse(self.hear())

    def test_an_unchanged_shared_file_is_not_a_change(self) -> None:
        self.notifier._is_known = {str(self.folder / "known")}.__contains__
        self.cover(self.folder)
        (self.folder / "known").write_text("x")
        self.assertFalse(self.hear())
        (self.folder / "other").write_text("x")
        self.assertTrue(self.hear())

    def test_a_file_that_would_not_be_shared_is_not_a_change(self) -> None:
        self.cover(self.folder)
        for name in (".hidden", "a.part", "a.part.state"):
            (self.folder / name).write_text("x")
        self.assertFalse(self.hear())

    def test_a_new_file_is_one_when_its_writer_closes_it(self) -> None:
        self.cover(self.folder)
        with (self.folder / "a").open("w", buffering=1) as file:
            self.assertFalse(self.hear())
            file.write("data\n")
            self.assertFalse(self.hear())
        self.assertTrue(self.hear())

    def test_events_that_the_kernel_had_no_room_for_are_a_change(self) -> None:
        self.notifier._on_event(-1, self.Event.Q_OVERFLOW, "")
        self.assertEqual(self.changes, 1)

    def test_a_folder_that_has_gone_is_not_covered(self) -> None:
        self.notifier.cover({f"{self.folder}/none": None})
        self.assertEqual(self.notifier._watches, {})

    def test_names_the_limit_and_its_remedy(self) -> None:
        def no_room(*_) -> None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        self.patch(self.Inotify, "add", no_room)
        with self.assertRaises(OSError) as caught:
            self.cover(self.folder)
        value = int(Path("/proc/sys/fs/inotify/max_user_watches").read_text())
        expected = (
            f"fs.inotify.max_user_watches is {value}, and this user has used it up; "
            f"raise it with: sysctl -w fs.inotify.max_user_watches={2 * value}, and restart"
        )
        self.assertEqual(caught.exception.strerror, expected)

    def test_names_the_limit_of_instances_too(self) -> None:
        from p2p_twisted.library import inotify
        from p2p_twisted.library.notify import Notifier

        def no_instance(result) -> None:
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

        self.patch(inotify, "_checked", no_instance)
        with self.assertRaises(OSError) as caught:
            Notifier(reactor, self.changed, lambda path: False)
        self.assertIn("sysctl -w fs.inotify.max_user_instances=", caught.exception.strerror)
