"""The catalogue: by name, by content, and word of each change."""

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from p2p_twisted.library.catalogue import Catalogue, SharedFile


def file(name, sha256="aa", root="/share"):
    return SharedFile(name, Path(root, name), 1, 0, sha256, b"", "")


class CatalogueTests(SynchronousTestCase):
    def setUp(self):
        self.catalogue = Catalogue()
        self.changes = []
        self.catalogue.on_change.append(lambda added, removed: self.changes.append(([f.name for f in added], removed)))

    def test_by_name_and_by_content(self):
        a = file("a")
        self.catalogue.apply([a], [])
        self.assertEqual(dict(self.catalogue.files), {"a": a})
        self.assertIs(self.catalogue.get("a"), a)
        self.assertIs(self.catalogue.by_sha256("aa"), a)
        self.assertIsNone(self.catalogue.get("b"))
        self.assertIsNone(self.catalogue.by_sha256("bb"))

    def test_files_cannot_be_changed_from_outside(self):
        with self.assertRaises(TypeError):
            self.catalogue.files["a"] = file("a")

    def test_one_content_under_two_names(self):
        self.catalogue.apply([file("a"), file("b")], [])
        self.catalogue.apply([], ["a"])
        self.assertEqual(self.catalogue.by_sha256("aa").name, "b")
        self.catalogue.apply([], ["b"])
        self.assertIsNone(self.catalogue.by_sha256("aa"))

    def test_new_content_under_an_old_name(self):
        self.catalogue.apply([file("a")], [])
        self.catalogue.apply([file("a", "bb")], [])
        self.assertIsNone(self.catalogue.by_sha256("aa"))
        self.assertEqual(self.catalogue.by_sha256("bb").name, "a")

    def test_each_change_is_told_and_counted(self):
        self.catalogue.apply([file("a"), file("b")], [])
        self.catalogue.apply([file("c")], ["a"])
        self.catalogue.apply([], [])
        self.assertEqual(self.changes, [(["a", "b"], []), (["c"], ["a"])])
        self.assertEqual(self.catalogue.version, 2)

    def test_a_name_that_is_not_there_is_removed_in_vain(self):
        self.catalogue.apply([], ["a"])
        self.assertEqual(dict(self.catalogue.files), {})

    def test_a_listener_that_fails_stops_no_other(self):
        def failing(added, removed):
            raise RuntimeError("made to fail")

        self.catalogue.on_change.insert(0, failing)
        self.catalogue.apply([file("a")], [])
        self.assertEqual(self.changes, [(["a"], [])])
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)

    def test_where_a_file_lies(self):
        self.assertEqual(file("sub/deeper/a").root, Path("/share"))
        self.assertEqual(file("a").root, Path("/share"))
