"""The place of a document: below the folder that the user chose, and nowhere else."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from p2p_twisted.config.folders import STATE_MARK
from p2p_twisted.library import beneath
from p2p_twisted.swarm.errors import NameTaken, Unwritable
from p2p_twisted.swarm.part_file import PartFile, sweep
from p2p_twisted.swarm.storage import Storage
from p2p_twisted.swarm.target import PART, STATE, Target
from tests.support.fake_sources import PIECE, Document

DOCUMENT = Document(3, name="sub/document.bin")


@pytest.fixture(params=["step by step", "by paths that were looked at"], autouse=True)
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param != "step by step":
        monkeypatch.setattr(beneath, "STEPWISE", False)


@pytest.fixture
def outside(tmp_path: Path):
    (tmp_path / "outside").mkdir()
    return tmp_path / "outside"


@pytest.fixture
def folder(tmp_path: Path):
    (tmp_path / "folder").mkdir()
    return tmp_path / "folder"


@pytest.fixture
def target(folder):
    return Target(folder, "sub/document.bin")


def begun(folder):
    content = DOCUMENT.content(folder)
    assert content.accept_list(DOCUMENT.digests)
    return content


def keep(content, *pieces) -> None:
    for piece in pieces:
        content.write(piece * PIECE, DOCUMENT.piece(piece))
        content.keep(piece)


class TestLinks:
    """FAULTS: a stranger's `sub/name` must not come to lie where a link leads."""

    def test_the_folder_itself_may_be_one(self, folder, tmp_path: Path) -> None:
        (tmp_path / "link").symlink_to(folder)
        content = begun(tmp_path / "link")
        keep(content, 0, 1, 2)
        content.finish(False)
        assert (folder / "sub" / "document.bin").read_bytes() == DOCUMENT.data

    def test_links_below_the_folder_are_not_followed(self, folder, outside) -> None:
        (folder / "sub").symlink_to(outside)
        content = begun(folder)
        with pytest.raises(Unwritable, match=r"/folder/sub is a link"):
            keep(content, 0)
        with pytest.raises(Unwritable, match=r"/folder/sub is a link"):
            DOCUMENT.content(folder).resume()
        assert list(outside.iterdir()) == []

    def test_a_link_made_during_the_download_is_not_followed(self, folder, outside) -> None:
        content = begun(folder)
        keep(content, 0, 1, 2)
        (folder / "sub").rename(folder / "moved")
        (folder / "sub").symlink_to(outside)
        (outside / "document.bin.part").write_bytes(b"mine")
        with pytest.raises(Unwritable, match=r"/folder/sub is a link"):
            content.finish(True)
        content.discard()
        assert (outside / "document.bin.part").read_bytes() == b"mine"

    def test_a_link_in_place_of_the_state_file_is_not_written_through(self, folder, outside) -> None:
        (outside / "mine").write_bytes(b"mine")
        (folder / "sub").mkdir()
        (folder / "sub" / "document.bin.part.state").symlink_to(outside / "mine")
        content = begun(folder)
        with pytest.raises(Unwritable, match=r"document\.bin\.part\.state: it is a link, not a file"):
            keep(content, 0)
        with pytest.raises(Unwritable, match=r"document\.bin\.part\.state: it is a link, not a file"):
            DOCUMENT.content(folder).resume()
        assert (outside / "mine").read_bytes() == b"mine"

    def test_a_hard_link_in_place_of_the_state_file_is_not_written_through(self, folder, outside) -> None:
        begun_before = begun(folder)
        keep(begun_before, 0)
        begun_before.close()
        state = folder / "sub" / "document.bin.part.state"
        state.rename(outside / "mine")
        os.link(outside / "mine", state)
        before = (outside / "mine").read_bytes()
        content = DOCUMENT.content(folder)
        content.resume()
        keep(content, 1, 2)
        assert (outside / "mine").read_bytes() == before
        content.finish(False)
        assert [path.name for path in (folder / "sub").iterdir()] == ["document.bin"]

    def test_a_part_that_somebody_replaced_does_not_get_the_name(self, folder, outside) -> None:
        content = begun(folder)
        keep(content, 0, 1, 2)
        part = folder / "sub" / "document.bin.part"
        part.unlink()
        part.write_bytes(b"other content")
        for overwrite in (False, True):
            with pytest.raises(Unwritable, match="moved"):
                content.finish(overwrite)
        assert not (folder / "sub" / "document.bin").exists()

    @pytest.mark.parametrize("overwrite", [False, True])
    def test_a_link_put_in_place_of_the_part_at_the_last_moment(
        self, folder, outside, overwrite, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A hard link to what it leads to would have the content of a file outside, and be shared."""
        (outside / "mine").write_bytes(b"mine")
        content = begun(folder)
        keep(content, 0, 1, 2)
        for name in ("link", "replace"):
            call = self.swapping(folder / "sub/document.bin.part", outside, getattr(os, name))
            monkeypatch.setattr(os, name, call)
            monkeypatch.setattr(os, "supports_follow_symlinks", os.supports_follow_symlinks | {call})
        with pytest.raises(Unwritable, match="another process has put something in place of"):
            content.finish(overwrite)
        path = folder / "sub/document.bin"
        assert path.is_symlink() or not path.exists()
        assert (outside / "mine").stat().st_nlink == 1

    @staticmethod
    def swapping(part: Path, outside: Path, original: Any) -> Any:
        """Return `original`, before which a link is put in place of `part`."""

        def call(*args: Any, **kwargs: Any) -> Any:
            part.unlink()
            part.symlink_to(outside / "mine")
            return original(*args, **kwargs)

        return call


class TestPipes:
    """Whoever opens one waits for the other end: a thread that never ends, and a process that cannot be stopped."""

    @pytest.mark.parametrize("ending", [PART, STATE])
    def test_pipes_are_refused_at_once(self, folder, target, ending) -> None:
        (folder / "sub").mkdir()
        os.mkfifo(target.beside(ending))
        content = begun(folder)
        with pytest.raises(Unwritable, match=f"{ending}: it is a named pipe, not a file; move it away"):
            keep(content, 0)

    def test_a_pipe_in_place_of_the_state_file_is_found_at_the_start(self, folder, target) -> None:
        (folder / "sub").mkdir()
        os.mkfifo(target.beside(STATE))
        with pytest.raises(Unwritable, match="it is a named pipe"):
            DOCUMENT.content(folder).resume()

    def test_a_pipe_in_place_of_the_document_stays(self, folder, target) -> None:
        (folder / "sub").mkdir()
        os.mkfifo(target.path)
        content = begun(folder)
        keep(content, 0, 1, 2)
        with pytest.raises(NameTaken):
            content.finish(False)
        assert target.path.is_fifo()


class TestSweep:
    """Leftovers beside a finished document."""

    def test_an_earlier_downloads_files_are_removed(self, folder, target) -> None:
        content = begun(folder)
        keep(content, 0)
        content.close()
        target.path.write_bytes(DOCUMENT.data)
        sweep(target)
        assert [path.name for path in (folder / "sub").iterdir()] == ["document.bin"]

    def test_files_left_by_a_kill_after_the_rename_are_removed(self, folder, target) -> None:
        (folder / "sub").mkdir()
        target.path.write_bytes(DOCUMENT.data)
        os.link(target.path, target.beside(PART))
        sweep(target)
        assert [path.name for path in (folder / "sub").iterdir()] == ["document.bin"]

    def test_a_part_file_in_use_stays(self, folder, target) -> None:
        content = begun(folder)
        keep(content, 0)
        target.path.write_bytes(DOCUMENT.data)
        sweep(target)
        assert target.beside(PART).exists()
        assert target.beside(STATE).exists()
        content.close()

    def test_other_peoples_files_stay(self, folder, target) -> None:
        (folder / "sub").mkdir()
        for path in (target.path, target.beside(PART), target.beside(STATE)):
            path.write_bytes(path.name.encode())
        sweep(target)
        assert len(list((folder / "sub").iterdir())) == 3


class TestLeftovers:
    """Of a version of other content that was not finished."""

    @pytest.mark.parametrize("pieces", [1, 2])
    def test_leftovers_are_removed_with_the_next_version(self, folder, pieces) -> None:
        content = begun(folder)
        keep(content, 0)
        content.close()
        new = Document(pieces, seed=7, name=DOCUMENT.name)
        content = new.content(folder)
        content.resume()
        if pieces > 1:
            content.accept_list(new.digests)
        for piece in range(pieces):
            content.write(piece * PIECE, new.piece(piece))
            content.keep(piece)
        content.finish(False)
        assert [path.name for path in (folder / "sub").iterdir()] == ["document.bin"]
        assert (folder / "sub" / "document.bin").read_bytes() == new.data

    @pytest.mark.parametrize("end", [PartFile.discard, lambda part: part.finish(False)])
    def test_leftovers_are_removed_when_the_document_is_fetched_whole(self, folder, target, end) -> None:
        content = begun(folder)
        keep(content, 0)
        content.close()
        end(PartFile(target))
        assert not target.beside(STATE).exists()
        assert not target.beside(PART).exists()


class TestNames:
    @pytest.mark.parametrize("name", ["", "..", "../x", "a/../../x", "/etc/passwd", ".x", "a//b", "x.part", "a\x00b"])
    def test_names_that_lead_out_of_the_folder_are_refused(self, folder, name) -> None:
        with pytest.raises(Unwritable):
            Target(folder, name)

    def test_names_that_cannot_be_encoded_are_refused(self, folder, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(os, "fsencode", lambda path: os.fspath(path).encode("ascii"))
        with pytest.raises(Unwritable, match=r"'M\\xfcll\.txt'.*LC_ALL=C.UTF-8"):
            Target(folder, "Müll.txt")
        Target(folder, "plain.txt")


@pytest.mark.parametrize("state", [".", "sub"])
def test_nothing_is_fetched_into_a_state_folder(folder, target, state) -> None:
    """Neither by its name, nor because the user chose the folder."""
    target.check_place()
    (folder / state).mkdir(exist_ok=True)
    (folder / state / STATE_MARK).touch()
    with pytest.raises(Unwritable, match="holds the state of a peer or an RS"):
        target.check_place()


def test_downloads_may_lie_in_a_state_folder(folder, target) -> None:
    (folder.parent / STATE_MARK).touch()
    target.check_place()


def test_two_paths_of_one_folder_share_the_lock(folder, tmp_path: Path) -> None:
    """Two downloads of one process exclude each other also while neither has the file open."""
    (tmp_path / "link").symlink_to(folder)
    first = PartFile(Target(folder, "a"))
    first.rest()
    with pytest.raises(Unwritable, match="is being written by another download"):
        PartFile(Target(tmp_path / "link", "a"))
    first.close()
    PartFile(Target(tmp_path / "link", "a")).close()


def test_a_content_takes_any_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    content = Storage("a", Document(1).sha256, Document(1).size, "", Target(Path(), "a"))
    content.write(0, Document(1).data)
    content.keep(0)
    content.finish(False)
    assert (tmp_path / "a").read_bytes() == Document(1).data
