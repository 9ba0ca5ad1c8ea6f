"""A file on its way: what an earlier run left and how much of that is believed, its last name, what stays behind."""

from __future__ import annotations

import errno
import hashlib
import os
import resource
import shutil
import time
from collections import deque
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from p2p_twisted.swarm import part_state
from p2p_twisted.swarm import storage as content_module
from p2p_twisted.swarm.errors import DiskFull, DownloadError, NameTaken, Unwritable
from p2p_twisted.swarm.storage import resume_some
from tests.support.fake_sources import PIECE, Document, FakeSource, RunningSwarm, is_document

PIECES = 4
DOCUMENT = Document(PIECES)
OTHER = Document(PIECES, seed=2)


def write(content, document, *pieces) -> None:
    """Write and keep pieces as a download does with verified ones."""
    for piece in pieces:
        content.write(piece * PIECE, document.piece(piece))
        content.keep(piece)


def begun(folder, *pieces, document=DOCUMENT):
    """A Content that knows its list and has these pieces."""
    content = document.content(folder)
    if document.list_digest:
        assert content.accept_list(document.digests)
    write(content, document, *pieces)
    return content


def resumed(folder, document=DOCUMENT):
    """Return the content as another run resumes it."""
    content = document.content(folder)
    content.resume()
    return content


def kill(content) -> None:
    """The process that has it is no more. Nothing is written, nothing removed."""
    content._part.close()


def completed(content, document=DOCUMENT):
    """Fetch what is missing, and have it hashed."""
    if content.digests is None:
        assert content.accept_list(document.digests)
    write(content, document, *sorted(content.missing()))
    content.hash_on()
    return content


@pytest.fixture
def left(tmp_path: Path):
    """The folder after a run that was stopped when it had the pieces 0, 1 and 3."""
    begun(tmp_path, 0, 1, 3).close()
    return tmp_path


@pytest.fixture
def state(left):
    return left / "document.bin.part.state"


@pytest.fixture
def part(left):
    return left / "document.bin.part"


def names(folder):
    return sorted(path.name for path in folder.iterdir())


class TestResume:
    def test_pieces_in_the_state_file_are_verified_pieces(self, left) -> None:
        content = resumed(left)
        assert content.have == {0, 1, 3}
        assert content.missing() == {2}
        assert content.got == DOCUMENT.size - PIECE
        assert content.digests == DOCUMENT.digests
        completed(content).finish(False)
        assert is_document(left / "document.bin", DOCUMENT)

    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=50)
    @given(order=st.permutations(range(PIECES)), kills=st.lists(st.booleans(), min_size=PIECES, max_size=PIECES))
    def test_each_piece_counts_from_the_moment_it_is_kept(self, tmp_path: Path, order, kills) -> None:
        """Killed after any of them: nothing is closed, and nothing more is written. (Each is written at once here.)"""
        with mock.patch.object(part_state, "WRITE_INTERVAL", 0):
            self.check_kills(tmp_path, order, kills)

    def check_kills(self, tmp_path: Path, order, kills) -> None:
        content = resumed(tmp_path)
        dead = []
        for done, (piece, killed_now) in enumerate(zip(order, kills, strict=True)):
            if content.digests is None:
                content.accept_list(DOCUMENT.digests)
            write(content, DOCUMENT, piece)
            if killed_now:
                kill(content)
                dead.append(content)
                content = resumed(tmp_path)
                assert content.have == set(order[: done + 1])
        completed(content).finish(True)
        assert is_document(tmp_path / "document.bin", DOCUMENT)
        assert names(tmp_path) == ["document.bin"]
        for content in dead:
            content.close()

    @pytest.mark.parametrize(
        "damage",
        [
            lambda text: text.replace(DOCUMENT.sha256, OTHER.sha256, 1),
            lambda text: text.replace(f" {DOCUMENT.size}\n", f" {DOCUMENT.size + 1}\n", 1),
            lambda text: text.replace("p2p-part 1 ", "p2p-part 2 ", 1),
            lambda text: text.replace(DOCUMENT.digests.hex(), OTHER.digests.hex()),
            lambda text: text.replace(DOCUMENT.digests.hex(), DOCUMENT.digests.hex()[:-64]),
            lambda text: text.replace(DOCUMENT.digests.hex(), DOCUMENT.digests.hex()[:-1]),
            lambda text: text.replace(DOCUMENT.digests.hex(), "no digits"),
            lambda text: text.replace(DOCUMENT.digests.hex(), ""),
            lambda text: text[: len(text) // 2],
            lambda text: text.splitlines()[0],
            lambda text: text.encode().hex(),
            lambda text: "\n" + text,
            lambda text: text.replace("\n", "\xe9\n"),
            lambda text: "\0" * len(text),
            lambda text: "",
        ],
    )
    def test_a_state_that_is_not_right_counts_for_nothing(self, left, state, damage) -> None:
        text = damage(state.read_text())
        assert text != state.read_text()
        state.write_text(text, encoding="latin-1")
        content = resumed(left)
        assert (content.have, content.digests) == (set(), None)
        completed(content).finish(False)
        assert is_document(left / "document.bin", DOCUMENT)
        assert names(left) == ["document.bin"]

    def test_the_state_of_another_document_of_that_name(self, left) -> None:
        content = resumed(left, OTHER)
        assert (content.have, content.digests) == (set(), None)
        write(completed(content, OTHER), OTHER)
        content.finish(False)
        assert is_document(left / "document.bin", OTHER)

    @pytest.mark.parametrize("line", ["4", "-1", "+2", " 2", "2 ", "2.0", "0x2", "1_0", "\u0662", "\xb2", "", "9" * 99])
    def test_an_invalid_line_is_ignored(self, left, state, line) -> None:
        with state.open("ab") as file:
            file.write(f"{line}\n".encode())
        have = resumed(left).have
        assert have == ({0, 1, 3} if line.isascii() else set())

    def test_a_repeated_line_counts_once(self, left, state) -> None:
        with state.open("a") as file:
            file.write("1\n1\n3\n" * 3)
        content = resumed(left)
        assert content.have == {0, 1, 3}
        assert content.got == DOCUMENT.size - PIECE

    def test_a_line_that_was_cut_off(self, tmp_path: Path) -> None:
        document = Document(13, short=0)
        begun(tmp_path, *range(13), document=document).close()
        state = tmp_path / "document.bin.part.state"
        state.write_text(state.read_text()[: -len("2\n")])
        assert resumed(tmp_path, document).have == set(range(12))

    def test_pieces_that_never_came_are_not_believed(self, left, state) -> None:
        with state.open("a") as file:
            file.write("2\n")
        assert resumed(left).have == {0, 1, 3}

    def test_pieces_that_are_right_no_longer(self, left, part) -> None:
        with part.open("r+b") as file:
            file.seek(2 * PIECE - 1)
            file.write(bytes([DOCUMENT.data[2 * PIECE - 1] ^ 1]))
        content = resumed(left)
        assert content.have == {0, 3}
        completed(content).finish(False)
        assert is_document(left / "document.bin", DOCUMENT)

    @pytest.mark.parametrize(("size", "have"), [(DOCUMENT.size - 1, {0, 1}), (PIECE, {0}), (PIECE - 1, set())])
    def test_a_part_that_was_cut_short(self, left, part, size, have) -> None:
        os.truncate(part, size)
        content = resumed(left)
        assert content.have == have
        completed(content).finish(False)
        assert is_document(left / "document.bin", DOCUMENT)

    def test_a_part_that_is_gone(self, left, part) -> None:
        part.unlink()
        content = resumed(left)
        assert content.have == set()
        completed(content).finish(False)
        assert is_document(left / "document.bin", DOCUMENT)

    def test_a_part_with_more_behind_it(self, left, part) -> None:
        with part.open("ab") as file:
            file.write(b"more" * 1000)
        content = resumed(left)
        assert content.have == {0, 1, 3}
        completed(content).finish(False)
        assert is_document(left / "document.bin", DOCUMENT)

    def test_a_state_without_end_is_not_read_to_its_end(self, left, state) -> None:
        os.truncate(state, 2**40)
        assert resumed(left).have == {0, 1, 3}

    def test_without_a_state_what_bears_the_name_is_let_be(self, left, state, part) -> None:
        """It may be somebody else's."""
        state.unlink()
        before = part.stat()
        content = resumed(left)
        content.close()
        assert (content.have, part.stat()) == (set(), before)

    @pytest.mark.parametrize("pieces", [0, 1])
    def test_a_file_of_one_piece_has_nothing_to_go_on_with(self, tmp_path: Path, pieces) -> None:
        document = Document(pieces)
        shutil.copy(__file__, tmp_path / "document.bin.part.state")
        content = resumed(tmp_path, document)
        assert (content.have, names(tmp_path)) == (set(), ["document.bin.part.state"])

    def test_an_unreadable_part_file_is_named(self, left, part) -> None:
        part.unlink()
        part.mkdir()
        with pytest.raises(Unwritable, match=r"document\.bin\.part"):
            resumed(left)

    def test_an_unreadable_file_fails_alone(self, left, part) -> None:
        part.unlink()
        part.mkdir()
        other = Document(2, seed=3, name="other.bin")
        swarm = RunningSwarm(left, [DOCUMENT, other], [FakeSource(1, [DOCUMENT, other])])
        swarm.serve()
        assert swarm.ended == [None]
        assert isinstance(swarm.completed[DOCUMENT.name], Unwritable)
        assert swarm.completed[other.name] is None
        assert is_document(left / "other.bin", other)

    @pytest.mark.parametrize("limit", [0, 100, 300, 345])
    def test_going_on_loses_nothing_of_what_is_written_down(self, left, limit) -> None:
        """Writing a new state file is interrupted: by a kill, or here because there is no room."""
        content = resumed(left)
        content.write(2 * PIECE, DOCUMENT.piece(2))
        with no_room_beyond(limit), pytest.raises(DiskFull, match=r"no room for .*document\.bin\.part\.state"):
            content.keep(2)
        kill(content)
        again = resumed(left)
        assert again.have >= {0, 1, 3}
        again.close()
        content.close()


@contextmanager
def no_room_beyond(size):
    """Files may have so many bytes, and no more."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


class TestRoom:
    def test_no_room_for_a_piece(self, tmp_path: Path) -> None:
        content = begun(tmp_path, 0, 1)
        with no_room_beyond(2 * PIECE + 5), pytest.raises(DiskFull, match=r"no room for .*document\.bin\.part$"):
            content.write(2 * PIECE, DOCUMENT.piece(2))
        content.close()
        content = resumed(tmp_path)
        assert content.have == {0, 1}
        completed(content).finish(False)
        assert is_document(tmp_path / "document.bin", DOCUMENT)

    def test_a_name_that_leaves_no_room_for_the_state(self, tmp_path: Path) -> None:
        """File systems allow 255 bytes; the .part fits just so. It is found again under another name than its own."""
        document = Document(2, name="n" * 250)
        hashed = hashlib.sha256(b"n" * 250).hexdigest()
        content = document.content(tmp_path)
        content.resume()
        content.accept_list(document.digests)
        content.write(0, document.piece(0))
        content.keep(0)
        content.close()
        assert names(tmp_path) == sorted([hashed + ".part.state", "n" * 250 + ".part"])
        content = document.content(tmp_path)
        content.resume()
        assert content.have == {0}
        content.discard()
        assert names(tmp_path) == []


class TestFinish:
    @pytest.mark.parametrize("pieces", [0, 1, PIECES])
    @pytest.mark.parametrize("overwrite", [False, True])
    def test_all_that_is_left_is_the_file(self, tmp_path: Path, pieces, overwrite) -> None:
        document = Document(pieces)
        content = begun(tmp_path / "new" / "folder", *range(pieces), document=document)
        content.finish(overwrite)
        assert names(tmp_path / "new" / "folder") == ["document.bin"]
        assert is_document(content.target.path, document)

    def test_overwrites_when_asked(self, tmp_path: Path) -> None:
        (tmp_path / "document.bin").write_bytes(OTHER.data + b"more")
        begun(tmp_path, *range(PIECES)).finish(True)
        assert is_document(tmp_path / "document.bin", DOCUMENT)
        assert names(tmp_path) == ["document.bin"]

    @pytest.mark.parametrize("pieces", [1, PIECES])
    def test_does_not_overwrite_when_not_asked(self, tmp_path: Path, pieces) -> None:
        document = Document(pieces)
        (tmp_path / "document.bin").write_bytes(b"mine")
        content = begun(tmp_path, *range(pieces), document=document)
        with pytest.raises(NameTaken, match=r"document\.bin already exists"):
            content.finish(False)
        assert (tmp_path / "document.bin").read_bytes() == b"mine"
        content.discard()
        assert names(tmp_path) == ["document.bin"]

    def test_can_be_tried_again_in_a_later_run(self, tmp_path: Path) -> None:
        """Nothing is lost when the name was taken and the file was kept."""
        (tmp_path / "document.bin").write_bytes(b"mine")
        content = begun(tmp_path, *range(PIECES))
        with pytest.raises(NameTaken):
            content.finish(False)
        content.close()
        again = resumed(tmp_path)
        assert again.complete
        again.finish(True)
        assert is_document(tmp_path / "document.bin", DOCUMENT)

    @pytest.mark.parametrize(("overwrite", "error"), [(False, NameTaken), (True, Unwritable)])
    def test_a_folder_of_that_name_stays(self, tmp_path: Path, overwrite, error) -> None:
        (tmp_path / "document.bin").mkdir()
        content = begun(tmp_path, *range(PIECES))
        with pytest.raises(error):
            content.finish(overwrite)
        assert (tmp_path / "document.bin").is_dir()


class TestTime:
    """The file gets the time that its sources say, as far as that can be."""

    DAY = 24 * 60 * 60

    def finished(self, folder, *times):
        content = begun(folder, *range(PIECES))
        for modified in times:
            content.add_modified(modified)
        content.finish(True)
        return content.target.path.stat().st_mtime

    @pytest.mark.parametrize("times", [(0,), (1_000_000_000, 1_000_000_001, None), (None, 1_500_000_000)])
    def test_the_time_is_the_earliest_that_a_source_gives(self, tmp_path: Path, times) -> None:
        assert self.finished(tmp_path, *times) == min(time for time in times if time is not None)

    def test_the_time_of_a_clock_that_is_slightly_fast_is_kept(self, tmp_path: Path) -> None:
        soon = int(time.time()) + self.DAY // 2
        assert self.finished(tmp_path, soon) == soon

    @pytest.mark.parametrize("times", [(), (None,), (2**40,), (253_402_300_799,), (-1,)])
    def test_the_time_is_now_when_no_source_gives_a_plausible_one(self, tmp_path: Path, times) -> None:
        before = time.time()
        assert before - 10 < self.finished(tmp_path, *times) < before + self.DAY / 2

    def test_a_corrupt_source_does_not_keep_others_from_saying_it(self, tmp_path: Path) -> None:
        assert self.finished(tmp_path, 2**40, 1_000_000_000, -1) == 1_000_000_000


class TestClose:
    def test_verified_pieces_stay(self, tmp_path: Path) -> None:
        begun(tmp_path, 2).close()
        assert names(tmp_path) == ["document.bin.part", "document.bin.part.state"]

    def test_without_a_verified_piece_nothing_stays(self, tmp_path: Path) -> None:
        content = begun(tmp_path)
        content.write(0, b"not yet verified")
        content.close()
        assert names(tmp_path) == []

    def test_nothing_stays_of_a_file_of_one_piece(self, tmp_path: Path) -> None:
        begun(tmp_path, 0, document=Document(1)).close()
        assert names(tmp_path) == []

    def test_pieces_of_an_earlier_run_stay_when_nothing_was_received(self, left, part) -> None:
        """Not even the piece list was received: there was no source."""
        content = resumed(left)
        content.close()
        content.close()
        assert resumed(left).have == {0, 1, 3}

    def test_the_next_downloads_file_stays(self, tmp_path: Path) -> None:
        """A document was finished and is downloaded again before its first download has ended."""
        content = begun(tmp_path, 0, document=Document(1))
        content.finish(False)
        other = begun(tmp_path, 0, document=Document(1))
        content.close()
        other.finish(True)
        assert names(tmp_path) == ["document.bin"]

    def test_a_late_thread_opens_no_closed_file(self, tmp_path: Path) -> None:
        """A piece may still be on its way to the disk when the download is stopped."""
        content = begun(tmp_path)
        content.close()
        for late in (lambda: content.write(0, DOCUMENT.piece(0)), content.open_piece):
            with pytest.raises(Unwritable):
                late()
        assert names(tmp_path) == []

    def test_never_begun(self, tmp_path: Path) -> None:
        folder = tmp_path / "folder"
        DOCUMENT.content(folder).close()
        assert not folder.exists()


class TestDiscard:
    def test_nothing_stays(self, left) -> None:
        content = resumed(left)
        content.discard()
        assert (content.have, content.got, names(left)) == (set(), 0, [])
        content.discard()

    def test_never_begun(self, tmp_path: Path) -> None:
        DOCUMENT.content(tmp_path).discard()
        assert names(tmp_path) == []

    @pytest.mark.parametrize("pieces", [1, PIECES])
    @pytest.mark.parametrize("end", ["discard", "close"])
    def test_a_removed_folder(self, tmp_path: Path, pieces, end) -> None:
        """There is nothing left to be removed, and nothing to complain of."""
        folder = tmp_path / "folder"
        content = begun(folder, 0, document=Document(pieces))
        shutil.rmtree(folder)
        folder.write_bytes(b"a file by now")
        getattr(content, end)()
        assert folder.read_bytes() == b"a file by now"


class TestList:
    @pytest.mark.parametrize("digests", [b"", DOCUMENT.digests[:-32], DOCUMENT.digests + b"\0" * 32, OTHER.digests])
    def test_only_the_one_that_the_record_names(self, tmp_path: Path, digests) -> None:
        content = DOCUMENT.content(tmp_path)
        assert not content.accept_list(digests)
        assert content.digests is None
        assert content.accept_list(DOCUMENT.digests)
        assert not content.accept_list(digests)
        assert content.digests == DOCUMENT.digests

    def test_each_hash_matches_its_own_piece(self, tmp_path: Path) -> None:
        content = begun(tmp_path)
        hashes = [DOCUMENT.digests[i : i + 32] for i in range(0, 32 * PIECES, 32)]
        verified = [[content.matches(piece, digest) for digest in hashes] for piece in range(PIECES)]
        assert verified == [[row == column for column in range(PIECES)] for row in range(PIECES)]

    def test_a_list_of_the_right_hash_and_a_wrong_number_of_pieces(self, tmp_path: Path) -> None:
        document = Document(PIECES)
        document.list_digest = Document(PIECES + 1).list_digest
        assert not document.content(tmp_path).accept_list(Document(PIECES + 1).digests)


class TestHashOfTheWhole:
    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
    @given(order=st.permutations(range(PIECES)))
    def test_the_hash_is_right_for_any_order_of_pieces(self, tmp_path: Path, order) -> None:
        content = begun(tmp_path)
        for piece in order:
            assert not content.is_hashed
            write(content, DOCUMENT, piece)
            content.hash_on()
        assert content.is_hashed
        assert content.is_right()
        content.discard()

    def test_pieces_that_are_right_by_a_list_that_is_not_the_files(self, tmp_path: Path) -> None:
        document = Document(PIECES)
        document.sha256 = OTHER.sha256
        content = begun(tmp_path, *range(PIECES), document=document)
        content.hash_on()
        assert content.is_hashed
        assert not content.is_right()

    def test_it_is_worth_a_thread_for_a_row_or_the_rest(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(content_module, "HASH_AT_ONCE", 2 * PIECE)
        content = begun(tmp_path, 0)
        worth = [content.can_hash_on]
        for piece in (2, 1, 3):
            write(content, DOCUMENT, piece)
            worth.append(content.can_hash_on)
        assert worth == [False, False, True, True]
        content.close()
        content = resumed(tmp_path)
        content.have = {0, 1, 2}
        content.hash_on()
        assert not content.can_hash_on
        content.have.add(3)
        assert content.can_hash_on

    def test_a_disk_that_cannot_be_read(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        content = begun(tmp_path, *range(PIECES))

        def pread(fd, length, offset) -> None:
            raise OSError(errno.EIO, os.strerror(errno.EIO))

        monkeypatch.setattr(os, "pread", pread)
        with pytest.raises(DownloadError) as caught:
            content.hash_on()
        assert caught.value.kind == "unwritable"
        assert not content.is_hashed


class TestServed:
    def test_pieces_can_be_read_after_the_file_got_its_name(self, tmp_path: Path) -> None:
        content = begun(tmp_path, *range(PIECES))
        fd = content.open_piece()
        content.finish(False)
        assert os.pread(fd, PIECE, PIECE) == DOCUMENT.piece(1)
        os.close(fd)


def test_files_are_resumed_one_by_one_until_the_time_is_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begun(tmp_path, 0, 2).close()
    left = deque([DOCUMENT.content(tmp_path), DOCUMENT.content(tmp_path / "elsewhere")])
    monkeypatch.setattr(content_module, "RESUME_AT_ONCE", 0)
    [(storage, error)] = resume_some(left)
    assert (storage.have, error, len(left)) == ({0, 2}, None, 1)
    storage.close()
    monkeypatch.undo()
    [(storage, error)] = resume_some(left)
    assert (storage.have, error, len(left)) == (set(), None, 0)
    storage.close()


def test_one_that_cannot_be_resumed_keeps_no_other_from_it(tmp_path: Path) -> None:
    storages = [DOCUMENT.content(tmp_path), OTHER.content(tmp_path / "elsewhere")]
    full = DiskFull("no room")
    with mock.patch.object(storages[0], "resume", side_effect=full):
        assert resume_some(deque(storages)) == [(storages[0], full), (storages[1], None)]
