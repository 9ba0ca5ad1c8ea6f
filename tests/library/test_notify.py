"""Changes told by the kernel, on the real reactor: the library sees them long before the next periodic scan."""

import os
from pathlib import Path

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SkipTest, TestCase

from p2p_twisted.library import watch
from p2p_twisted.library.cache import HashCache
from p2p_twisted.library.shared import Library


class NotifyTests(TestCase):
    timeout = 20  # less than watch.SAFETY

    async def setUp(self):
        try:
            from p2p_twisted.library.notify import Notifier

            Notifier(reactor, lambda: None).close()
        except (ImportError, OSError) as e:
            raise SkipTest(f"inotify is not available here: {e}") from e
        self.patch(watch, "SETTLE", 0.02)
        base = Path(os.path.realpath(self.mktemp()))
        self.share = base / "share"
        (self.share / "sub").mkdir(parents=True)
        cache = HashCache(base / "hashes.sqlite")
        self.library = Library(reactor, [self.share], cache)
        self.addCleanup(cache.close)
        self.addCleanup(self.library.stop)
        await self.library.start()

    def until(self, condition):
        """Fires as soon as a change has made `condition` true."""
        done = Deferred()

        def look(added, removed):
            if not done.called and condition():
                done.callback(None)

        self.library.on_change.append(look)
        look([], [])
        return done

    def until_shared(self, *names):
        """Fires when exactly `names` are shared."""
        return self.until(lambda: set(self.library.files) == set(names))

    async def test_files_come_change_and_go(self):
        path = self.share / "sub" / "a.txt"
        path.write_text("one")
        await self.until_shared("sub/a.txt")
        path.write_text("longer")
        await self.until(lambda: [file.size for file in self.library.files.values()] == [6])
        path.unlink()
        await self.until_shared()

    async def test_a_finished_download_is_seen_and_the_unfinished_is_not(self):
        part = self.share / "a.txt.part"
        part.write_text("data")
        part.rename(self.share / "a.txt")
        await self.until_shared("a.txt")

    async def test_a_folder_comes_with_all_that_is_in_it(self):
        new = self.share / "new" / "deeper"
        new.mkdir(parents=True)
        (new / "a.txt").write_text("a")
        await self.until_shared("new/deeper/a.txt")
        (new / "b.txt").write_text("b")
        await self.until_shared("new/deeper/a.txt", "new/deeper/b.txt")

    async def test_a_folder_that_goes_takes_no_other_with_it(self):
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

    async def test_a_folder_that_is_renamed_and_made_again(self):
        (self.share / "sub").rename(self.share / "other")
        (self.share / "sub").mkdir()
        (self.share / "sub" / "a.txt").write_text("a")
        (self.share / "other" / "b.txt").write_text("b")
        await self.until_shared("sub/a.txt", "other/b.txt")
        (self.share / "sub" / "c.txt").write_text("c")
        await self.until_shared("sub/a.txt", "other/b.txt", "sub/c.txt")
