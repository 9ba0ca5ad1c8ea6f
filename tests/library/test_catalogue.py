"""The catalogue: by name, by content, and word of each change."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from p2p_twisted.events.types import DocumentShared, DocumentUnshared, LibraryChanged, PrivateFilesChanged
from p2p_twisted.library.audience import NOBODY
from p2p_twisted.library.catalogue import Catalogue, SharedFile


def file(name, sha256="aa", root="/share", audience=None):
    return SharedFile(name, Path(root, name), 1, 0, sha256, b"", "", 0, audience and frozenset(audience))


class CatalogueTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.catalogue = Catalogue()
        self.changes = []
        self.catalogue.publisher.subscribe(
            LibraryChanged, lambda event: self.changes.append((list(event.added), list(event.removed)))
        )

    def test_files_are_found_by_name_and_by_content(self) -> None:
        a = file("a")
        self.catalogue.apply([a], [])
        self.assertEqual(dict(self.catalogue.files), {"a": a})
        self.assertIs(self.catalogue.get("a"), a)
        self.assertIs(self.catalogue.by_sha256("aa"), a)
        self.assertIsNone(self.catalogue.get("b"))
        self.assertIsNone(self.catalogue.by_sha256("bb"))

    def test_files_cannot_be_changed_from_outside(self) -> None:
        with self.assertRaises(TypeError):
            files: Any = self.catalogue.files
            files["a"] = file("a")

    def test_one_content_under_two_names(self) -> None:
        self.catalogue.apply([file("a"), file("b")], [])
        self.catalogue.apply([], ["a"])
        self.assertEqual(self.catalogue.by_sha256("aa").name, "b")
        self.catalogue.apply([], ["b"])
        self.assertIsNone(self.catalogue.by_sha256("aa"))

    def test_new_content_under_an_old_name(self) -> None:
        self.catalogue.apply([file("a")], [])
        self.catalogue.apply([file("a", "bb")], [])
        self.assertIsNone(self.catalogue.by_sha256("aa"))
        self.assertEqual(self.catalogue.by_sha256("bb").name, "a")

    def test_each_change_is_published_and_counted(self) -> None:
        self.catalogue.apply([file("a"), file("b")], [])
        self.catalogue.apply([file("c")], ["a"])
        self.catalogue.apply([], [])
        self.assertEqual(self.changes, [(["a", "b"], []), (["c"], ["a"])])
        self.assertEqual(self.catalogue.version, 2)

    def test_an_event_for_each_document(self) -> None:
        events = []
        for kind in (DocumentShared, DocumentUnshared):
            self.catalogue.publisher.subscribe(kind, events.append)
        self.catalogue.apply([file("a"), file("b")], [])
        self.catalogue.apply([file("a")], ["a", "b", "c"])
        shared = [DocumentShared(name, file(name).size, file(name).sha256) for name in ("a", "b", "a")]
        self.assertEqual(events, [*shared[:2], DocumentUnshared("b"), shared[2]])

    def test_a_name_that_is_not_there_is_removed_in_vain(self) -> None:
        self.catalogue.apply([], ["a"])
        self.assertEqual(dict(self.catalogue.files), {})

    def test_a_listener_that_fails_stops_no_other(self) -> None:
        def failing(event) -> None:
            raise RuntimeError("made to fail")

        self.catalogue.publisher.subscribe(LibraryChanged, failing)
        self.catalogue.apply([file("a")], [])
        self.assertEqual(self.changes, [(["a"], [])])
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)

    def test_names_of_readers_are_compared_exactly(self) -> None:
        for reader, is_one in (("alice", True), ("Alice", False), ("ali", False), ("", False), (None, False)):
            self.assertIs(file("a", audience={"alice", "bob"}).is_for(reader), is_one)
            self.assertIs(file("a").is_for(reader), True)
            self.assertIs(replace(file("a"), audience=NOBODY).is_for(reader), False)

    def test_a_private_file_is_there_for_its_readers_only(self) -> None:
        private, public = file("a", audience={"alice"}), file("b")
        self.catalogue.apply([private, public], [])
        self.assertEqual(dict(self.catalogue.public), {"b": public})
        self.assertEqual(dict(self.catalogue.private), {"a": private})
        for reader, found in (("alice", private), ("bob", None), (None, None)):
            self.assertIs(self.catalogue.find("a", None, reader), found)
            self.assertIs(self.catalogue.find("a", "aa", reader), found or public)
            self.assertIs(self.catalogue.find("", "aa", reader), found or public)
        self.catalogue.apply([], ["b"])
        self.assertIsNone(self.catalogue.find("b", "aa", "bob"))

    def test_everybody_is_told_of_public_changes_only(self) -> None:
        private = []
        self.catalogue.publisher.subscribe(PrivateFilesChanged, lambda event: private.append(dict(event.readers)))
        self.catalogue.apply([file("a", audience={"alice"})], [])
        self.catalogue.apply([file("a", "bb", audience={"bob"})], [])
        self.assertEqual((self.changes, private), ([], [{"a": {"alice"}}, {"a": {"alice", "bob"}}]))
        self.catalogue.apply([file("a")], [])
        self.assertEqual((self.changes, private[2:]), ([(["a"], [])], [{"a": {"bob"}}]))
        self.catalogue.apply([file("a", audience={"alice"})], [])
        self.assertEqual((self.changes[1:], private[3:]), ([([], ["a"])], [{"a": {"alice"}}]))
        self.catalogue.apply([], ["a"])
        self.assertEqual((self.changes[2:], private[4:]), ([], [{"a": {"alice"}}]))
        self.assertEqual(dict(self.catalogue.private), {})

    def test_the_path_of_a_file(self) -> None:
        self.assertEqual(file("sub/deeper/a").root, Path("/share"))
        self.assertEqual(file("a").root, Path("/share"))
