"""Files that are dropped on the page: written part by part, never over one that is there, and shared at the end."""

from __future__ import annotations

import os
from pathlib import Path
from tempfile import TemporaryDirectory

from twisted.trial.unittest import TestCase

from p2p_twisted.library.cache import HashCache
from p2p_twisted.library.shared import Library
from p2p_twisted.peer import dropped_files
from p2p_twisted.peer.dropped_files import DroppedFiles
from tests.support.real_reactor import reactor


class DroppedFilesTests(TestCase):
    timeout = 30

    def setUp(self) -> None:
        folder = TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(os.path.realpath(folder.name)) / "downloads"
        self.folder.mkdir()
        self.cache = HashCache(Path(folder.name) / "cache.sqlite")
        self.addCleanup(self.cache.close)
        self.library = Library(reactor, [], self.cache, self.folder)
        self.addCleanup(self.library.stop)
        self.dropped = DroppedFiles(reactor, self.library, self.folder)

    async def refused(self, name: str, offset: int, size: int, data: bytes) -> str:
        try:
            await self.dropped.write(name, offset, size, data)
        except ValueError as error:
            return str(error)
        self.fail("it was written")

    async def test_it_is_shared_when_it_is_whole(self) -> None:
        self.assertEqual(await self.dropped.write("notes.txt", 0, 8, b"12345"), 5)
        self.assertEqual(list(self.library.files), [])
        self.assertEqual(await self.dropped.write("notes.txt", 5, 8, b"678"), 8)
        self.assertEqual(list(self.library.files), ["notes.txt"])
        self.assertEqual((self.folder / "notes.txt").read_bytes(), b"12345678")
        self.assertEqual([path.name for path in self.folder.iterdir()], ["notes.txt"])

    async def test_an_empty_one(self) -> None:
        self.assertEqual(await self.dropped.write("empty", 0, 0, b""), 0)
        self.assertEqual(self.library.files["empty"].size, 0)

    async def test_begun_anew(self) -> None:
        await self.dropped.write("notes.txt", 0, 8, b"wrong!")
        await self.dropped.write("notes.txt", 0, 3, b"12")
        await self.dropped.write("notes.txt", 2, 3, b"3")
        self.assertEqual((self.folder / "notes.txt").read_bytes(), b"123")

    async def test_parts_that_do_not_follow(self) -> None:
        await self.dropped.write("notes.txt", 0, 8, b"123")
        for offset, size, data in (2, 8, b"x"), (4, 8, b"x"), (3, 9, b"x"), (3, 8, b"too long"):
            self.assertIn("begin anew", await self.refused("notes.txt", offset, size, data))
        self.assertIn("begin anew", await self.refused("other", 1, 2, b"x"))

    async def test_a_file_that_is_there_stays(self) -> None:
        (self.folder / "notes.txt").write_bytes(b"mine")
        self.assertIn("already", await self.refused("notes.txt", 0, 1, b"x"))
        await self.dropped.write("late.txt", 0, 2, b"x")
        (self.folder / "late.txt").write_bytes(b"mine")
        self.assertIn("already exists", await self.refused("late.txt", 1, 2, b"x"))
        self.assertEqual((self.folder / "late.txt").read_bytes(), b"mine")

    async def test_names_that_lead_elsewhere(self) -> None:
        (self.folder / "link").symlink_to(self.folder.parent)
        for name in "../up", "/etc/x", "a//b", "", "link/x", "a\x00b":
            self.assertTrue(await self.refused(name, 0, 1, b"x"), name)
        self.assertEqual({path.name for path in self.folder.parent.iterdir()} & {"up", "x"}, set())

    async def test_only_so_many_at_a_time(self) -> None:
        self.patch(dropped_files, "MAX_UNFINISHED", 2)
        for name in "abc":
            await self.dropped.write(name, 0, 2, b"1")
        self.assertIn("begin anew", await self.refused("a", 1, 2, b"2"))
        await self.dropped.write("b", 1, 2, b"2")
        self.assertEqual({path.name for path in self.folder.iterdir()}, {"b", "c.part"})
