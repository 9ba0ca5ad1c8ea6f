"""The threads' part of a scan, on real folders: the walk, the comparison, the reading."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from threading import Event

import pytest

from p2p_twisted.library import paths, scan
from p2p_twisted.library.cache import HashCache, Stamp
from p2p_twisted.library.pieces import MIN_PIECE
from p2p_twisted.library.scan import differing, read_files, survey


@pytest.fixture
def cache(tmp_path: Path):
    cache = HashCache(tmp_path / "hashes.sqlite")
    yield cache
    cache.close()


@pytest.fixture
def root(tmp_path: Path):
    root = tmp_path / "share"
    root.mkdir()
    return root


def write(path, data=b"x"):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def known_after(root, cache):
    """Return the files of a library after everything was read."""
    reading = read_files(survey([root], {}, cache).unread, cache, Event())
    return {file.name: file for file in reading.files}


def test_reading_gives_the_hashes(root, cache) -> None:
    data = bytes(range(256)) * (MIN_PIECE // 128)
    write(root / "sub" / "big.bin", data)
    write(root / "empty.txt", b"")
    write(root / "note.txt", b"A note\n")
    known = known_after(root, cache)
    big, empty, note = known["sub/big.bin"], known["empty.txt"], known["note.txt"]
    assert big.sha256 == hashlib.sha256(data).hexdigest()
    assert big.pieces == hashlib.sha256(data[:MIN_PIECE]).digest() * 2
    assert (empty.size, empty.sha256, empty.pieces) == (0, hashlib.sha256(b"").hexdigest(), b"")
    assert (note.title, note.pieces, note.size) == ("A note", b"", 7)
    assert (big.path, big.root) == (root / "sub" / "big.bin", root)


def test_nothing_new(root, cache) -> None:
    write(root / "a.txt")
    result = survey([root], known_after(root, cache), cache)
    assert (result.cached, result.unread, result.gone) == ([], [], [])


def test_a_restart_finds_all_in_the_cache(root, cache) -> None:
    write(root / "a.txt")
    known = known_after(root, cache)
    result = survey([root], {}, cache)
    assert {file.name: file for file in result.cached} == known
    assert result.unread == []


def test_a_changed_file_is_gone_until_it_is_read(root, cache) -> None:
    path = write(root / "a.txt")
    known = known_after(root, cache)
    write(path, b"longer")
    result = survey([root], known, cache)
    assert [found.name for found in result.unread] == ["a.txt"]
    assert result.gone == [known["a.txt"]]


def test_a_file_that_was_renamed_is_not_read_again(root, cache) -> None:
    path = write(root / "a.txt")
    known = known_after(root, cache)
    (root / "sub").mkdir()
    path.rename(root / "sub" / "b.txt")
    result = survey([root], known, cache)
    assert ([file.name for file in result.cached], result.unread) == (["sub/b.txt"], [])
    assert (result.cached[0].sha256, result.gone) == (known["a.txt"].sha256, [known["a.txt"]])
    assert survey([root], {}, cache).unread == []


def test_but_one_whose_title_may_be_another_is(root, cache) -> None:
    path = write(root / "a.txt")
    known = known_after(root, cache)
    path.rename(root / "a.pdf")
    assert [found.name for found in survey([root], known, cache).unread] == ["a.pdf"]


def test_a_file_that_was_touched_stays_until_it_is_read(root, cache) -> None:
    path = write(root / "a.txt")
    known = known_after(root, cache)
    os.utime(path, (0, 0))
    result = survey([root], known, cache)
    assert ([found.name for found in result.unread], result.gone) == (["a.txt"], [])
    assert read_files(result.unread, cache, Event()).files[0].sha256 == known["a.txt"].sha256


def test_a_file_replaced_by_one_of_the_same_size_and_time(root, cache) -> None:
    path = write(root / "a.txt", b"old")
    known = known_after(root, cache)
    other = write(root / "b.part", b"new")
    os.utime(other, ns=(0, known["a.txt"].mtime_ns))
    other.replace(path)
    assert [found.name for found in survey([root], known, cache).unread] == ["a.txt"]


def test_a_file_that_is_gone_is_forgotten(root, cache) -> None:
    path = write(root / "a.txt")
    known = known_after(root, cache)
    found = survey([root], {}, cache).cached[0]
    path.unlink()
    assert survey([root], known, cache).gone == [known["a.txt"]]
    assert cache.get(str(path), Stamp(found.size, found.mtime_ns, found.inode)) is None


def test_a_folder_that_is_missing_is_not_forgotten(root, cache) -> None:
    write(root / "a.txt")
    known = known_after(root, cache)
    away = root.rename(root.with_name("away"))
    assert survey([root], known, cache).gone == [known["a.txt"]]
    away.rename(root)
    assert survey([root], {}, cache).unread == []


def test_a_name_in_two_folders_is_that_of_the_first(tmp_path: Path, cache) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    write(second / "a.txt", b"second")
    known = {file.name: file for file in read_files(survey([first, second], {}, cache).unread, cache, Event()).files}
    assert known["a.txt"].path == second / "a.txt"
    write(first / "a.txt", b"first")
    result = survey([first, second], known, cache)
    assert [found.path for found in result.unread] == [str(first / "a.txt")]
    assert result.gone == [known["a.txt"]]


def test_a_file_of_any_age_costs_no_other(root, cache) -> None:
    """SQLite's numbers end in 2262, ext4's times in 2446."""
    times = {"old": -(2**63) // 10**9, "now": 10**9, "2300": 10413792000, "2446": 15032385535}
    for name, time in times.items():
        os.utime(write(root / name), ns=(0, time * 10**9))
    known = known_after(root, cache)
    assert set(known) == set(times)
    again = survey([root], {}, cache)
    assert ({file.name for file in again.cached}, again.unread) == (set(times), [])


@pytest.mark.parametrize(
    "error", [OverflowError, RecursionError, MemoryError, UnicodeError("x"), RuntimeError, OSError]
)
def test_an_error_of_one_file_does_not_affect_others(root, cache, monkeypatch: pytest.MonkeyPatch, error) -> None:
    for name in "abc":
        write(root / name)
    open_beneath = paths.open_beneath

    def opening(folder, name):
        if name == "b":
            raise error
        return open_beneath(folder, name)

    monkeypatch.setattr(scan, "open_beneath", opening)
    reading = read_files(survey([root], {}, cache).unread, cache, Event())
    assert sorted(file.name for file in reading.files) == ["a", "c"]
    assert list(reading.unreadable) == [f"{root}/b"]
    assert reading.unreadable[f"{root}/b"]


@pytest.mark.parametrize("error", [RecursionError, MemoryError, ValueError])
def test_a_file_whose_title_cannot_be_found_is_shared_without(
    root, cache, monkeypatch: pytest.MonkeyPatch, error
) -> None:
    write(root / "a.pdf")
    monkeypatch.setattr(scan, "title_of", lambda *_: (_ for _ in ()).throw(error))
    assert known_after(root, cache)["a.pdf"].title == ""


def test_a_differing_file_of_the_same_name_in_a_later_folder_is_reported(tmp_path: Path, cache) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    for name in ("same", "shorter", "other"):
        write(first / name, b"first")
    write(second / "same", b"first")
    write(second / "shorter", b"1st")
    write(second / "other", b"1.st?")
    found = survey([first, second], {}, cache)
    known = {file.name: file for file in read_files(found.unread, cache, Event()).files}
    for _ in range(2):
        others = differing(found.shadowed, known, cache, Event())
        assert others == {f"{second}/{n}": f"{n} is shared from {first} already" for n in ("shorter", "other")}


def test_a_file_in_a_later_folder_is_reported_when_the_first_cannot_be_shared(tmp_path: Path, cache) -> None:
    write(tmp_path / "first" / "a")
    write(tmp_path / "second" / "a")
    found = survey([tmp_path / "first", tmp_path / "second"], {}, cache)
    others = differing(found.shadowed, {}, cache, Event())
    assert others == {f"{tmp_path}/second/a": f"{tmp_path}/first/a has the same name and comes first"}


def test_a_file_that_changed_since_the_walk_is_left_out(root, cache) -> None:
    path = write(root / "a.txt")
    unread = survey([root], {}, cache).unread
    write(path, b"longer")
    reading = read_files(unread, cache, Event())
    assert (reading.files, reading.unreadable) == ([], {})


def test_a_file_that_changes_while_it_is_read_is_left_out(root, cache, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(root / "a.txt")

    def changing_title(file, name):
        with path.open("ab") as writer:
            writer.write(b"more")
        return "title"

    monkeypatch.setattr(scan, "title_of", changing_title)
    assert read_files(survey([root], {}, cache).unread, cache, Event()).files == []
    monkeypatch.undo()
    assert [file.size for file in known_after(root, cache).values()] == [5]


def test_a_file_that_vanished_or_became_a_link_is_a_problem(root, cache) -> None:
    gone, link = write(root / "gone"), write(root / "link")
    unread = survey([root], {}, cache).unread
    gone.unlink()
    link.unlink()
    link.symlink_to("/etc/passwd")
    reading = read_files(unread, cache, Event())
    assert reading.files == []
    assert sorted(reading.unreadable) == [str(gone), str(link)]


def test_stopping_leaves_the_rest_unread(root, cache) -> None:
    write(root / "a.txt")
    stopping = Event()
    stopping.set()
    reading = read_files(survey([root], {}, cache).unread, cache, stopping)
    assert (reading.files, reading.unreadable) == ([], {})
