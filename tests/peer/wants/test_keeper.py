"""Wants over a network in memory, with real files: what appears is fetched, what changes replaced, what goes gone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from p2p_twisted.events.types import PieceVerified
from p2p_twisted.net.throttle import Throttle
from p2p_twisted.peer.downloads.manager import DownloadManager
from p2p_twisted.peer.wants import fetching, keeper, withdrawal
from p2p_twisted.peer.wants.keeper import QUIET_START, Keeper
from p2p_twisted.peer.wants.progress import Progress
from p2p_twisted.peer.wants.want_file import WantFile
from p2p_twisted.peer.wants.wants import Wants
from p2p_twisted.wire.address import Address
from tests.peer.downloads.test_runner import BIG, OTHER, Case, at, shown


class Kept(Case):
    """A peer with wants, and others whose folders change."""

    def setUp(self) -> None:
        super().setUp()
        self.begin()
        self.network.wait(QUIET_START + 1)

    def begin(self, *patterns: str) -> None:
        reactor: Any = self.network
        file, now, library = WantFile(self.folder), self.network.seconds, self.factory.content_store.library
        self.keeper = Keeper(reactor, self.manager, self.discovery, library, self.events, file, now)
        self.wants = Wants(self.keeper, file, self.into, patterns)
        self.wants.open()
        self.keeper.startService()
        self.addCleanup(self.end)

    def end(self) -> None:
        if self.keeper.running:
            self.keeper.stopService()
            self.manager.stopService()
            self.network.settle()
            self.wants.close()

    def restart(self) -> None:
        """Stop, and start with another manager and the same file."""
        self.end()
        reactor: Any = self.network
        downlink = Throttle(self.network, self.network.seconds, None)
        arguments = reactor, self.factory, self.discovery, downlink, self.network.seconds, self.events
        self.manager = DownloadManager(*arguments)
        self.begin()

    def want(self, pattern: str, holder: Address | None = None, deletes: bool = False, seconds: float = 20) -> Progress:
        want = self.wants.add(pattern, self.into, holder, deletes)
        self.network.wait(seconds)
        return self.keeper.wants[want.id]

    def change(self, number: int, seconds: float = 20, **files: bytes | None) -> None:
        """Let a peer change its files; None removes one."""
        folder = self.folder / str(number)
        for name, data in files.items():
            path = folder / name
            path.unlink(missing_ok=True)
            if data is not None:
                path.write_bytes(data)
        self.holders[number].content_store.library.scan()
        self.network.wait(seconds)

    def holder(self, number: int, **files: bytes) -> None:
        self.holders[number] = self.peer(number, **files)
        self.discovery.refresh()
        self.network.wait(5)

    def stop_peer(self, number: int) -> None:
        """Let nobody reach a peer any more."""
        del self.network.servers[at(number)]
        self.holders[number].index_feed.stop()
        self.network.wait(100)

    @property
    def holders(self) -> dict[int, Any]:
        return self.__dict__.setdefault("_holders", {})

    def test_what_is_there_and_what_appears(self) -> None:
        self.holder(1, aa=BIG, bb=b"no")
        progress = self.want("a*")
        self.assertEqual(self.files(), {"aa": shown(BIG)})
        self.change(1, ab=b"new", bc=b"no")
        self.assertEqual(self.files(), {"aa": shown(BIG), "ab": b"new"})
        self.holder(2, ac=OTHER)
        self.network.wait(20)
        self.assertEqual((progress.here, progress.problems), ({"aa", "ab", "ac"}, {}))
        self.assertEqual({download.want for download in self.manager.downloads.values()}, {progress.want.id})

    def test_a_new_version_replaces_the_old_one(self) -> None:
        self.holder(1, aa=BIG)
        self.holder(2, aa=BIG)
        self.want("a*")
        self.change(1, aa=b"new")
        self.assertEqual(self.files(), {"aa": shown(BIG)}, "the other holder has the old one")
        self.change(2, aa=b"new")
        self.assertEqual(self.files(), {"aa": b"new"})
        self.change(1, aa=None)
        self.change(2, aa=None)
        self.assertEqual(self.files(), {"aa": b"new"}, "it does not delete")

    def test_a_peer_that_has_the_old_version_from_the_same_holder_is_no_obstacle(self) -> None:
        self.holder(1, aa=BIG)
        self.want("aa")
        self.holder(2, aa=BIG)
        self.change(1, aa=b"new")
        self.assertEqual(self.files(), {"aa": b"new"})

    def test_a_mirror_removes_what_its_holder_removes_and_nothing_else(self) -> None:
        self.holder(1, aa=BIG, ab=b"b", ac=b"c")
        self.into.mkdir()
        (self.into / "ac").write_bytes(b"c")
        (self.into / "mine").write_bytes(b"mine")
        progress = self.want("*", at(1), deletes=True)
        self.assertEqual(self.files(), {"aa": shown(BIG), "ab": b"b", "ac": b"c", "mine": b"mine"})
        (self.into / "ab").write_bytes(b"changed here")
        self.change(1, aa=None, ab=None, ac=None)
        self.assertEqual(self.files(), {"ab": b"changed here", "ac": b"c", "mine": b"mine"})
        self.assertEqual(progress.problems, {})
        self.change(1, ab=b"another")
        self.assertEqual(set(progress.problems), {"ab"})
        self.assertIn("was changed here", progress.problems["ab"])

    def test_a_holder_that_cannot_be_reached_removes_nothing(self) -> None:
        self.holder(1, aa=BIG)
        self.holder(2, aa=BIG, ab=b"b")
        self.want("*", deletes=True)
        self.stop_peer(2)
        self.assertEqual(set(self.files()), {"aa", "ab"})
        self.change(1, aa=None, seconds=8000)
        self.assertEqual(set(self.files()), {"aa", "ab"}, "the other holder has said nothing")

    def test_while_another_peer_has_it_a_document_stays(self) -> None:
        self.holder(1, aa=BIG)
        self.want("*", deletes=True)
        self.holder(2, aa=BIG)
        self.change(1, aa=None)
        self.assertEqual(set(self.files()), {"aa"})
        self.stop_peer(2)
        self.assertEqual(set(self.files()), {"aa"}, "it is the holder that counts now")

    def test_only_the_peer_of_a_mirror_counts(self) -> None:
        self.holder(1, aa=BIG)
        self.holder(2, aa=OTHER, ab=b"b")
        self.want("*", at(1), deletes=True)
        self.assertEqual(self.files(), {"aa": shown(BIG)})
        self.change(1, aa=b"new")
        self.assertEqual(self.files(), {"aa": b"new"})
        self.change(1, aa=None)
        self.assertEqual(self.files(), {})

    def test_what_was_removed_while_this_peer_was_away_goes_an_hour_later(self) -> None:
        self.holder(1, aa=BIG, ab=b"b")
        self.want("*", deletes=True)
        self.end()
        self.discovery.index.remove(at(1), "aa")  # as if its holder had told everything anew
        self.restart()
        self.network.wait(withdrawal.ABSENT_TIME - 100)
        self.assertEqual(set(self.files()), {"aa", "ab"})
        self.network.wait(800)
        self.assertEqual(set(self.files()), {"ab"})

    def test_wants_and_what_they_fetched_survive_a_restart(self) -> None:
        self.holder(1, aa=BIG)
        self.want("a*", deletes=True)
        self.restart()
        self.change(1, aa=b"new", ab=b"b")
        self.assertEqual(self.files(), {"aa": b"new", "ab": b"b"})
        self.change(1, aa=None)
        self.assertEqual(set(self.files()), {"ab"})

    def test_killed_when_a_file_was_in_place_and_not_yet_noted(self) -> None:
        self.holder(1, aa=BIG)
        self.patch(fetching.Fetching, "_file_ended", lambda *_: None)
        self.want("a*", deletes=True)
        self.restart()
        self.network.wait(20)
        self.change(1, aa=None)
        self.assertEqual(self.files(), {})

    def test_a_file_that_is_removed_here_comes_again(self) -> None:
        self.holder(1, aa=BIG)
        self.want("a*")
        (self.into / "aa").unlink()
        self.network.wait(700)
        self.assertEqual(set(self.files()), {"aa"})

    def test_another_file_is_in_the_way(self) -> None:
        self.holder(1, aa=BIG, ab=b"b")
        self.into.mkdir()
        (self.into / "aa").write_bytes(b"mine")
        progress = self.want("a*")
        self.assertEqual(self.files(), {"aa": b"mine", "ab": b"b"})
        self.assertEqual(set(progress.problems), {"aa"})
        (self.into / "aa").unlink()
        self.network.wait(700)
        self.assertEqual((self.files(), progress.problems), ({"aa": shown(BIG), "ab": b"b"}, {}))

    def test_several_contents_and_misleading_names_are_told(self) -> None:
        self.holder(1, **{"aa": BIG, "-a": b"x"})
        self.holder(2, aa=OTHER)
        progress = self.want("*")
        self.assertEqual(set(progress.problems), {"aa", "-a"})
        self.assertFalse(self.into.exists())

    def test_what_fails_is_tried_again_later(self) -> None:
        self.holder(1, aa=BIG)
        self.into.mkdir()
        (self.into / "aa.part").mkdir()
        progress = self.want("a*")
        self.assertEqual(set(progress.problems), {"aa"})
        tries = len(self.manager.downloads)
        self.network.wait(300)
        self.assertIn(len(self.manager.downloads) - tries, range(2, 8))
        (self.into / "aa.part").rmdir()
        self.network.wait(700)
        self.assertEqual((self.files(), progress.problems), ({"aa": shown(BIG)}, {}))

    def test_few_downloads_at_once(self) -> None:
        self.patch(fetching, "MAX_NAMES", 2)
        most = []
        self.patch(fetching, "MAX_RUNNING", 3)
        start = self.manager.add

        def add(download: Any) -> None:
            most.append(sum(not one.has_ended for one in self.manager.downloads.values()))
            start(download)

        self.patch(self.manager, "add", add)
        self.holder(1, **{f"a{number}": b"%d" % number for number in range(20)})
        self.want("a*")
        self.assertEqual(len(self.files()), 20)
        self.assertLess(max(most), 3)

    def test_a_want_that_is_stopped_leaves_its_files(self) -> None:
        self.holder(1, aa=BIG)
        progress = self.want("a*", deletes=True)
        self.assertTrue(self.wants.stop(progress.want.id))
        self.assertFalse(self.wants.stop(progress.want.id))
        self.change(1, aa=None, ab=b"b")
        self.assertEqual((set(self.files()), self.wants.items()), ({"aa"}, []))

    def test_a_download_that_is_cancelled_is_not_started_at_once(self) -> None:
        self.holder(1, aa=BIG)
        self.events.subscribe(PieceVerified, lambda _: self.manager.cancel(*self.manager.downloads))
        progress = self.want("aa", seconds=1000)
        self.assertEqual((len(self.manager.downloads), progress.problems), (1, {"aa": "it was stopped"}))

    def test_wants_of_the_settings_cannot_be_stopped(self) -> None:
        self.end()
        self.begin("a*", "b")
        (first, _), _ = self.wants.items()
        self.assertEqual((first.want.pattern, first.want.directory, first.want.is_set), ("a*", self.into, True))
        self.assertRaisesRegex(ValueError, "stands in the settings", self.wants.stop, first.want.id)
        self.assertEqual(self.wants.add("a*", None, None, False), first.want)
        self.assertRaisesRegex(ValueError, "of the settings", self.wants.add, "a*", None, None, True)

    def test_wants_that_make_no_sense(self) -> None:
        self.assertRaisesRegex(ValueError, "must be a name", self.wants.add, "../a", None, None, False)
        path = self.folder / "a file"
        path.write_text("")
        self.assertRaisesRegex(ValueError, "is not a folder", self.wants.add, "a", path, None, False)
        one = self.wants.add("a*", None, None, False)
        self.assertEqual(self.wants.add("a*", None, None, False), one)
        changed = self.wants.add("a*", None, None, True)
        self.assertEqual((changed.id, changed.deletes, len(self.wants.items())), (one.id, True, 1))
        self.assertNotEqual(self.wants.add("a*", Path("/other"), None, False).id, one.id)

    def test_only_what_is_new_is_looked_at_again(self) -> None:
        self.holder(1, aa=BIG, ab=b"b")
        self.want("a*")
        looked_at: list[str] = []
        judge = self.keeper._looker.judge

        def judged(want: Any, names: Any, now: float) -> Any:
            looked_at.extend(names)
            return judge(want, names, now)

        self.patch(self.keeper._looker, "judge", judged)
        self.holder(2, ac=b"c", other=b"d")
        self.network.wait(100)
        self.assertEqual(set(looked_at), {"ac"})

    def test_many_come_one_part_after_the_other(self) -> None:
        self.patch(keeper, "MAX_WAITING", 4)
        self.patch(keeper, "CHUNK", 3)
        self.patch(keeper, "BATCH", 2)
        self.patch(fetching, "MAX_NAMES", 3)
        self.holder(1, **{f"a{number}": b"%d" % number for number in range(20)})
        progress = self.want("a*", seconds=60)
        self.assertEqual((len(self.files()), len(progress.here), progress.has_more), (20, 20, False))

    def test_nothing_is_started_while_the_peer_stops(self) -> None:
        self.patch(fetching, "MAX_NAMES", 1)
        self.patch(fetching, "MAX_RUNNING", 1)
        self.holder(1, aa=BIG, ab=OTHER)
        unsubscribe = self.events.subscribe(PieceVerified, lambda _: self.end())
        self.want("a*")
        unsubscribe()
        self.assertEqual(len(self.manager.downloads), 1)
        self.restart()
        self.network.wait(20)
        self.assertEqual(set(self.files()), {"aa", "ab"})

    def test_what_was_removed_before_the_start_goes_after_the_first_seconds(self) -> None:
        self.holder(1, aa=BIG, ab=b"b")
        want = self.want("a*", deletes=True).want
        self.keeper._may_delete = False
        self.change(1, aa=None)
        self.assertEqual(set(self.files()), {"aa", "ab"})
        self.keeper._quiet_is_over()
        self.network.wait(20)
        self.assertEqual((set(self.files()), self.keeper.wants[want.id].here), ({"ab"}, {"ab"}))
