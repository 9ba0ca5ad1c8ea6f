"""The file of peers that are remembered: bounded, and read line by line whatever is in it."""

from __future__ import annotations

from pathlib import Path

from p2p_twisted.peer.peers import peer_file
from p2p_twisted.peer.peers.peer_file import MAX_AGE, MAX_REMEMBERED, PeerFile, remembered

NOW = 1_800_000_000
A, B = ("10.0.0.1", 4000), ("2001:db8::1", 4001)


def test_saved_and_read(tmp_path: Path) -> None:
    file = PeerFile(tmp_path)
    assert file.load() == {}
    file.save({B: NOW, A: NOW - 5})
    assert (tmp_path / "peers").read_text() == f"2001:db8::1 4001 {NOW}\n10.0.0.1 4000 {NOW - 5}\n"
    assert (tmp_path / "peers").stat().st_mode & 0o777 == 0o600
    assert file.load() == {B: NOW, A: NOW - 5}


def test_lines_that_cannot_be_read_are_left_out(tmp_path: Path) -> None:
    lines = (
        "",
        "10.0.0.1 4000",
        "10.0.0.1 4000 -1",
        "10.0.0.1 0 5",
        "a b 4000 5",
        "\x00 1 1",
        "10.0.0.1 4000 5 5",
        "0.0.0.0 1 1",
    )
    (tmp_path / "peers").write_text("\n".join((*lines, "10.0.0.9 4000 5", "10.0.0.8 4000 99999999999999")))
    assert PeerFile(tmp_path).load() == {("10.0.0.9", 4000): 5}
    (tmp_path / "peers").write_bytes(b"\xff\xfe")
    assert PeerFile(tmp_path).load() == {}


def test_a_file_without_end(tmp_path: Path) -> None:
    (tmp_path / "peers").write_text("10.0.0.1 4000 5\n" * 100_000)
    assert PeerFile(tmp_path).load() == {A: 5}


def test_a_file_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "peers").mkdir()
    PeerFile(tmp_path).save({A: NOW})
    assert PeerFile(tmp_path).load() == {}


def test_the_last_to_answer_are_remembered() -> None:
    many = {("10.0.0.1", port): NOW - port for port in range(1, MAX_REMEMBERED + 100)}
    found = remembered(many, {B: NOW}, NOW)
    assert len(found) == MAX_REMEMBERED
    assert list(found)[:2] == [B, ("10.0.0.1", 1)]


def test_old_ones_are_forgotten_and_the_clock_may_be_wrong() -> None:
    assert remembered({A: NOW - MAX_AGE, B: NOW + 10**6}, {}, NOW) == {B: NOW}
    assert peer_file.MAX_SIZE > MAX_REMEMBERED * 300, "a whole file is read"
