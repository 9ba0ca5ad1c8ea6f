"""Contents received in confidence: kept from being shared under any name, over restarts and moves."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from p2p_twisted.library.audience import NOBODY
from p2p_twisted.library.catalogue import SharedFile
from p2p_twisted.library.confidential import Confidential

ONE, TWO = "aa" * 32, "bb" * 32


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "downloads"
    folder.mkdir()
    return folder


def file(path: Path, sha256: str = ONE) -> SharedFile:
    return SharedFile(path.name, path, 1, 0, sha256, b"", "")


def test_a_content_is_kept_under_every_name_in_its_folder(folder: Path) -> None:
    confidential = Confidential(folder.with_name("state"))
    confidential.receive([ONE], folder)
    for kept in (confidential, Confidential(folder.with_name("state"))):
        for name in ("a", "b", "sub/deeper/a"):
            assert kept.keeps(ONE, folder / name)
            assert kept.narrowed(file(folder / name)).audience == NOBODY
        assert not kept.keeps(TWO, folder / "a")
        assert not kept.keeps(ONE, folder.with_name("elsewhere") / "a")
        assert kept.narrowed(file(folder / "a", TWO)) == file(folder / "a", TWO)


def test_it_is_kept_in_the_download_folder_whatever_that_is(folder: Path) -> None:
    Confidential(folder.with_name("state"), folder).receive([ONE], folder.with_name("x"))
    new = folder.rename(folder.with_name("new"))
    confidential = Confidential(folder.with_name("state"), new)
    assert confidential.keeps(ONE, new / "a")
    assert confidential.keeps(ONE, folder.with_name("x") / "a")


def test_links_lead_to_the_same_folder(folder: Path) -> None:
    link = folder.with_name("link")
    link.symlink_to(folder)
    confidential = Confidential()
    confidential.receive([ONE], link)
    assert confidential.keeps(ONE, folder / "a")
    assert confidential.keeps(ONE, link / "a")


def test_what_was_public_stays_so(folder: Path) -> None:
    confidential = Confidential(folder.with_name("state"))
    confidential.receive([ONE], folder, [file(folder / "public"), file(folder / "other", TWO)])
    for kept in (confidential, Confidential(folder.with_name("state"))):
        assert not kept.keeps(ONE, folder / "public")
        assert kept.keeps(ONE, folder / "private")


def test_what_has_public_sources_too_is_public_by_that_name(folder: Path) -> None:
    confidential = Confidential(folder.with_name("state"))
    confidential.receive([ONE], folder)
    confidential.release([(ONE, folder / "public"), (TWO, folder / "never kept")])
    for kept in (confidential, Confidential(folder.with_name("state"))):
        assert not kept.keeps(ONE, folder / "public")
        assert kept.keeps(ONE, folder / "private")
    assert "never kept" not in folder.with_name("state").read_text()


def test_nothing_is_written_twice(folder: Path) -> None:
    path = folder.with_name("state")
    confidential = Confidential(path)
    for _ in range(3):
        confidential.receive([ONE, ONE], folder)
        confidential.release([(ONE, folder / "a")])
    assert len([line for line in path.read_text().splitlines() if line]) == 2
    assert path.stat().st_mode & 0o077 == 0


def test_a_line_that_was_cut_off_is_none(folder: Path) -> None:
    path = folder.with_name("state")
    Confidential(path).receive([ONE], folder)
    whole = path.read_bytes()
    for end in range(1, len(whole)):
        path.write_bytes(whole + whole.replace(b"aa", b"bb")[:end])
        confidential = Confidential(path)
        assert not confidential.keeps(TWO, folder / "a") and confidential.keeps(ONE, folder / "a")
        assert path.read_bytes() == whole
    confidential.receive([TWO], folder)
    again = Confidential(path)
    assert again.keeps(ONE, folder / "a") and again.keeps(TWO, folder / "a")


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"[1, 2]",
        b"{}",
        b"\xff",
        b"[" * 5000,
        b'["aa", "confidential below", "/a"]',
        b'["%s", "unknown", "/a"]' % (b"a" * 64),
        b'["%s", "public as", "a"]' % (b"a" * 64),
        b'["%s", "public as", "/a", "/b"]' % (b"a" * 64),
    ],
)
def test_a_damaged_line_is_an_error(folder: Path, line: bytes) -> None:
    """What it said would be shared."""
    path = folder.with_name("state")
    Confidential(path).receive([ONE], folder)
    path.write_bytes(path.read_bytes() + line + b"\n")
    with pytest.raises(ValueError, match="line 2 is damaged"):
        Confidential(path)


def test_a_full_disk_leaves_the_file_as_it_was(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = folder.with_name("state")
    confidential = Confidential(path)
    confidential.receive([ONE], folder)
    before, write = path.read_bytes(), os.write
    monkeypatch.setattr(os, "write", lambda fd, data: write(fd, data[:10]))
    with pytest.raises(OSError, match="No space left"):
        confidential.receive([TWO], folder)
    assert path.read_bytes() == before
    assert not confidential.keeps(TWO, folder / "a")
    monkeypatch.undo()
    confidential.receive([TWO], folder)
    assert Confidential(path).keeps(TWO, folder / "a")


def test_if_it_cannot_be_written_down_nothing_is_received(folder: Path) -> None:
    path = folder.with_name("state")
    confidential = Confidential(path)
    path.unlink()
    path.mkdir()
    with pytest.raises(OSError, match="directory"):
        confidential.receive([ONE], folder)
    with pytest.raises(OSError, match="directory"):
        Confidential(path)
