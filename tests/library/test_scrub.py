"""Shared files are read again: what has changed on the disk is found, what has another stamp is left alone."""

from __future__ import annotations

import hashlib
import os
import sqlite3
from pathlib import Path

import pytest

from p2p_twisted.library import cache
from p2p_twisted.library.cache import HashCache, Hashes
from p2p_twisted.library.scrub import Scrubbed, scrub
from p2p_twisted.library.walk import stamp_of

CONTENT = b"content " * 200_000


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "shared").mkdir()
    return tmp_path / "shared"


def kept(path: Path, names: list[str], folder: Path) -> Path:
    """Write files to `folder`, and their hashes to a cache in `path`; return its file."""
    hashes = HashCache(path / "hashes.sqlite")
    for name in names:
        (folder / name).write_bytes(CONTENT)
        found = Hashes(hashlib.sha256(CONTENT).hexdigest(), b"", "")
        hashes.put([(str(folder / name), stamp_of((folder / name).stat()), found)])
    hashes.close()
    return path / "hashes.sqlite"


def change(path: Path, content: bytes) -> None:
    """Give the file another content, behind the back of whoever looks at its time."""
    before = path.stat()
    path.write_bytes(content)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def test_a_changed_file_is_found_among_many(tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "PAGE", 2)
    found = kept(tmp_path, list("abcde"), folder)
    changed = b"X" + CONTENT[1:]
    change(folder / "c", changed)
    size, hashes = len(CONTENT), [hashlib.sha256(content).hexdigest()[:8] for content in (changed, CONTENT)]
    expected = {"c": "holds {}, and not {} as shared".format(*hashes)}
    assert list(scrub(found, [str(folder)])) == [
        Scrubbed(str(folder / name), size, expected.get(name)) for name in "abcde"
    ]


def test_what_is_not_shared_in_that_state_is_passed_over(tmp_path: Path, folder: Path) -> None:
    found = kept(tmp_path, ["a", "b", "c", "d"], folder)
    change(folder / "a", CONTENT + b"longer")
    (folder / "b").unlink()
    (folder / "c").unlink()
    os.mkfifo(folder / "c")
    assert [file.path for file in scrub(found, [str(folder)])] == [str(folder / "d")]
    assert list(scrub(found, [str(folder.parent / "share")])) == []


def test_what_cannot_be_read_is_said(tmp_path: Path, folder: Path) -> None:
    found = kept(tmp_path, ["a"], folder)
    (folder / "a").unlink()
    (folder / "a").symlink_to(folder / "b")
    assert [(file.path, file.why is not None) for file in scrub(found, [str(folder)])] == [(str(folder / "a"), True)]


def test_a_damaged_row_says_nothing(tmp_path: Path, folder: Path) -> None:
    found = kept(tmp_path, ["a", "b"], folder)
    with sqlite3.connect(found) as db:
        db.execute("UPDATE hashes SET sha256 = ? WHERE path = ?", (b"0" * 64, os.fsencode(folder / "a")))
    db.close()
    assert [file.path for file in scrub(found, [str(folder)])] == [str(folder / "b")]


def test_no_cache(tmp_path: Path) -> None:
    with pytest.raises(sqlite3.OperationalError):
        list(scrub(tmp_path / "none", [str(tmp_path)]))
    assert not (tmp_path / "none").exists()
