"""The hash cache: what it keeps, what it forgets, and that a broken file costs nothing but work."""

from __future__ import annotations

import os
import sqlite3
import sys
import threading
from contextlib import closing
from pathlib import Path
from random import Random

import pytest

from fuzz.harness import seeds
from p2p_twisted.library import cache as module
from p2p_twisted.library.cache import HashCache, Hashes, Stamp

STAMP = Stamp(size=5, mtime_ns=2**62 + 1, inode=2**62)
HASHES = Hashes("ab" * 32, b"\0\xff" * 32, "Ein Titel")


@pytest.fixture
def path(tmp_path: Path):
    return tmp_path / "hashes.sqlite"


@pytest.fixture
def cache(path):
    cache = HashCache(path)
    yield cache
    cache.close()


def test_entries_survive_a_restart(path) -> None:
    first = HashCache(path)
    first.put([("/a", STAMP, HASHES), ("/b", STAMP, HASHES._replace(title=""))])
    first.close()
    second = HashCache(path)
    assert second.get("/a", STAMP) == HASHES
    assert second.get("/b", STAMP).title == ""
    second.close()


def test_entries_survive_a_missing_close(path, cache) -> None:
    cache.put([("/a", STAMP, HASHES)])
    another = HashCache(path)
    assert another.get("/a", STAMP) == HASHES
    another.close()


def test_it_is_opened_again_after_a_fork(cache, path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = cache._db
    cache.put([("/a", STAMP, HASHES)])
    cache.reopen()
    assert cache._db is before
    monkeypatch.setattr(os, "getpid", lambda: 1)
    cache.reopen()
    assert cache._db is not before
    assert cache.get("/a", STAMP) == HASHES

    def full(*_, **__) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(sqlite3, "connect", full)
    monkeypatch.setattr(os, "getpid", lambda: 2)
    cache.reopen()
    cache.put([("/b", STAMP, HASHES)])
    assert cache.get("/a", STAMP) is None


@pytest.mark.parametrize("change", [{"size": 6}, {"mtime_ns": 1}, {"inode": 1}])
def test_another_stamp_is_another_file(cache, change) -> None:
    cache.put([("/a", STAMP, HASHES)])
    assert cache.get("/a", STAMP._replace(**change)) is None
    assert cache.get("/b", STAMP) is None


def test_the_last_put_counts(cache) -> None:
    newer = STAMP._replace(mtime_ns=9)
    cache.put([("/a", STAMP, HASHES)])
    cache.put([("/a", newer, HASHES)])
    assert cache.get("/a", newer) == HASHES
    assert cache.get("/a", STAMP) is None


def test_a_path_need_not_be_utf8(cache) -> None:
    cache.put([("/\udcff", STAMP, HASHES)])
    assert cache.get("/\udcff", STAMP) == HASHES


def test_prune_forgets_what_vanished_below_the_folder(cache, tmp_path: Path) -> None:
    here = tmp_path / "share" / "not walked"
    here.parent.mkdir()
    here.touch()
    gone, present, kept = f"{tmp_path}/share/gone", f"{tmp_path}/share/present", [str(here), f"{tmp_path}/shared", "/x"]
    cache.put([(path, STAMP, HASHES) for path in [gone, present, *kept]])
    cache.prune(f"{tmp_path}/share", {present})
    assert cache.get(gone, STAMP) is None
    assert all(cache.get(path, STAMP) for path in [present, *kept])


@pytest.mark.parametrize("junk", [b"no database" * 500, b"SQLite format 3\0" + b"\xff" * 5000])
def test_a_broken_file_is_set_aside(path, junk) -> None:
    path.write_bytes(junk)
    cache = HashCache(path)
    cache.put([("/a", STAMP, HASHES)])
    assert cache.get("/a", STAMP) == HASHES
    cache.close()
    assert path.with_name("hashes.sqlite.broken").read_bytes() == junk


def test_a_file_that_breaks_while_in_use(path) -> None:
    cache = HashCache(path)
    cache.put([(f"/{i}", STAMP, HASHES) for i in range(1000)])
    cache.close()
    whole = path.read_bytes()
    path.write_bytes(whole[:4096] + b"\xff" * (len(whole) - 4096))
    cache = HashCache(path)
    assert cache.get("/1", STAMP) is None
    cache.put([("/1", STAMP, HASHES)])
    assert cache.get("/1", STAMP) == HASHES
    cache.close()


def test_rows_of_another_format_do_not_count(path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = HashCache(path)
    old.put([("/a", STAMP, HASHES)])
    old.close()
    monkeypatch.setattr(module, "FORMAT", module.FORMAT + 1)
    new = HashCache(path)
    assert new.get("/a", STAMP) is None
    new.close()


@pytest.mark.parametrize("stamp", [Stamp(5, 2**64, 2**64), Stamp(5, -(2**70), 2**63)])
def test_a_time_or_inode_beyond_64_bits(cache, stamp) -> None:
    cache.put([("/a", stamp, HASHES)])
    assert cache.get("/a", stamp) == HASHES


def test_a_changed_bit_never_changes_what_is_known(path) -> None:
    """After any change of a bit, a row is right or missing."""
    first = HashCache(path)
    rows = {f"/{i}": HASHES._replace(title=f"Number {i}") for i in range(20)}
    first.put((name, STAMP, hashes) for name, hashes in rows.items())
    first.close()
    whole = path.read_bytes()
    random = Random(1)
    used = [i for i, byte in enumerate(whole) if byte]
    lost = 0
    for position in random.sample(used, 300):
        changed = bytearray(whole)
        changed[position] ^= 1 << random.randrange(8)
        path.write_bytes(changed)
        cache = HashCache(path)
        found = {name: cache.get(name, STAMP) for name in rows}
        cache.put([("/0", STAMP, HASHES)])
        cache.close()
        assert all(hashes in (None, rows[name]) for name, hashes in found.items()), position
        lost += None in found.values()
    assert lost


@pytest.mark.parametrize("column", ["stamp", "sha256", "pieces", "title", "checksum"])
@pytest.mark.parametrize("value", [None, 7, 1.5, "text", b"", b"\xff"])
def test_a_value_of_a_wrong_type_is_ignored(path, column, value) -> None:
    cache = HashCache(path)
    cache.put([("/a", STAMP, HASHES), ("/b", STAMP, HASHES)])
    cache.close()
    with closing(sqlite3.connect(path)) as db, db:
        db.execute(f"UPDATE hashes SET {column} = ? WHERE path = ?", (value, b"/a"))
    cache = HashCache(path)
    assert (cache.get("/a", STAMP), cache.get("/b", STAMP)) == (None, HASHES)
    cache.close()


def test_a_file_of_the_first_format_is_replaced(path) -> None:
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("CREATE TABLE hashes (path BLOB PRIMARY KEY, size, mtime_ns, inode, sha256, pieces, title)")
        db.execute("PRAGMA user_version = 1")
    cache = HashCache(path)
    cache.put([("/a", STAMP, HASHES)])
    assert cache.get("/a", STAMP) == HASHES
    cache.close()


@pytest.mark.parametrize("position", [18, 47])
def test_a_head_that_only_a_newer_sqlite_would_understand(path, position) -> None:
    first = HashCache(path)
    first.put([("/a", STAMP, HASHES)])
    first.close()
    changed = bytearray(path.read_bytes())
    changed[position] ^= 8
    path.write_bytes(changed)
    cache = HashCache(path)
    for _ in range(2):  # the first may find out that it cannot be written
        cache.put([("/b", STAMP, HASHES)])
    assert cache.get("/b", STAMP) == HASHES
    cache.close()
    assert path.with_name("hashes.sqlite.broken").exists()


def test_a_cache_that_breaks_in_use_and_cannot_be_set_aside(path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In memory it goes on: what is hashed is not hashed again."""
    cache = HashCache(path)
    cache.put([(f"/{i}", STAMP, HASHES) for i in range(1000)])
    cache.close()
    whole = path.read_bytes()
    path.write_bytes(whole[:4096] + b"\xff" * (len(whole) - 4096))
    cache = HashCache(path)
    monkeypatch.setattr(Path, "replace", lambda *_: (_ for _ in ()).throw(PermissionError("no")))
    assert cache.get("/1", STAMP) is None
    cache.put([("/1", STAMP, HASHES)])
    assert cache.get("/1", STAMP) == HASHES
    cache.close()


def test_where_no_file_can_be_made(tmp_path: Path) -> None:
    with pytest.raises(sqlite3.OperationalError):
        HashCache(tmp_path / "nowhere" / "hashes.sqlite")


def test_once_closed_it_knows_and_keeps_nothing(path) -> None:
    cache = HashCache(path)
    cache.close()
    cache.put([("/a", STAMP, HASHES)])
    assert cache.get("/a", STAMP) is None


def test_many_threads_at_once(cache) -> None:
    def work(number) -> None:
        for i in range(30):
            cache.put([(f"/{number}/{i}", STAMP, HASHES)])
            assert cache.get(f"/{number}/{i}", STAMP) == HASHES

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(cache.get(f"/{number}/29", STAMP) for number in range(4))


def test_no_statement_outlives_the_lock(cache) -> None:
    """A cursor that ended in one thread while another used the same statement was "API misuse" (an InterfaceError)."""
    interval = sys.getswitchinterval()
    failed = []

    def work(number) -> None:
        try:
            for _ in range(4000):
                cache.put([(f"/{number}", STAMP, HASHES)])
        except Exception as e:
            failed.append(e)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(3)]
    sys.setswitchinterval(1e-6)
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert failed == []
    assert all(cache.get(f"/{number}", STAMP) == HASHES for number in range(3))


def test_an_error_of_the_interface_costs_no_scan(cache, monkeypatch: pytest.MonkeyPatch) -> None:
    class Misused:
        def __enter__(self) -> None:
            raise sqlite3.InterfaceError("bad parameter or other API misuse")

        def __exit__(self, *_) -> None:
            raise AssertionError

        def close(self) -> None:
            pass

    cache.close()
    monkeypatch.setattr(cache, "_db", Misused())
    cache.put([("/a", STAMP, HASHES)])
    assert cache.get("/a", STAMP) is None


def test_a_damaged_schema_that_is_not_utf_8_is_a_broken_file(path) -> None:
    """The module sqlite3 then raises a UnicodeDecodeError, as its text repeats the schema."""
    path.write_bytes(seeds("hash_caches")["schema-not-utf-8"])
    with closing(HashCache(path)) as cache:
        cache.put([("/a", STAMP, HASHES)])
        assert cache.get("/a", STAMP) == HASHES
    assert path.with_name(f"{path.name}.broken").exists()
