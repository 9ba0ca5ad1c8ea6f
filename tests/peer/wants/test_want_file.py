"""What is written down of wants, and what becomes of it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from p2p_twisted.library.cache import Stamp
from p2p_twisted.peer.wants.want import Want
from p2p_twisted.peer.wants.want_file import Content, KeptFile, WantFile

A, B = ("10.0.0.1", 1), ("10.0.0.2", 2)
OLD, NEW = Content("a" * 64, frozenset([A, B])), Content("b" * 64, frozenset([A]))


@pytest.fixture
def file(tmp_path: Path) -> Iterator[WantFile]:
    made = WantFile(tmp_path)
    made.open()
    yield made
    made.close()


def again(file: WantFile) -> WantFile:
    file.close()
    file.open()
    return file


def test_wants_are_kept(file: WantFile, tmp_path: Path) -> None:
    first, second = Want("2", "r\u00e9*", tmp_path), Want("1", "*", tmp_path / "m", A, True)
    file.add(first)
    file.add(second)
    assert again(file).wants() == [first, second]
    file.remove("2")
    assert again(file).wants() == [second]
    assert (tmp_path / "wants.sqlite").stat().st_mode & 0o777 == 0o600


def test_files_are_kept(file: WantFile, tmp_path: Path) -> None:
    files = {
        "coming": KeptFile(None, None, NEW),
        "here": KeptFile(OLD, Stamp(2**62, 2**70, 2**64 - 1), None),
        "r\u00e9/both": KeptFile(OLD, Stamp(1, 2, 3), NEW),
        "withdrawn": KeptFile(Content("c" * 64, frozenset()), None, None),
    }
    file.put(tmp_path, files.items())
    file.put(Path("/other"), [("here", KeptFile(NEW, None, None))])
    assert again(file).names(tmp_path) == set(files)
    assert {name: file.get(tmp_path, name) for name in files} == files
    file.forget(tmp_path, ["here", "nothing"])
    assert file.get(tmp_path, "here") is None
    assert file.get(Path("/other"), "here") == KeptFile(NEW, None, None)


@pytest.mark.parametrize("content", [b"no database", b"SQLite format 3\0" + bytes(5000)])
def test_a_broken_file_is_set_aside(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "wants.sqlite").write_bytes(content)
    file = WantFile(tmp_path)
    file.open()
    file.add(Want("1", "*", tmp_path))
    assert len(file.wants()) == 1
    file.close()
    assert (tmp_path / "wants.sqlite.broken").read_bytes() == content


def test_without_a_file_a_want_cannot_be_added(tmp_path: Path) -> None:
    file = WantFile(tmp_path / "is not there")
    file.open()
    with pytest.raises(sqlite3.Error):
        file.add(Want("1", "*", tmp_path))
    file.put(tmp_path, [("a", KeptFile(OLD, None, None))])
    assert (file.wants(), file.names(tmp_path), file.get(tmp_path, "a")) == ([], set(), None)
    file.close()
