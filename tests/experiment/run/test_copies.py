"""Copies counted, and what is lost when only some of the peers are left."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from p2p_twisted.experiment.run.copies import Copies, count_copies, lost, verified_pieces
from p2p_twisted.library.pieces import MIN_PIECE
from p2p_twisted.swarm.storage import Storage
from p2p_twisted.swarm.target import Target

SHA256 = {name: hashlib.sha256(name.encode()).hexdigest() for name in ("a.txt", "b.txt", "sub/c.txt")}
ANY = "0" * 64


@dataclass
class Peer:
    """A member of a cluster, as far as its folders go."""

    share_dir: Path
    download_dir: Path

    def has(self, folder: Path, name: str, data: bytes) -> None:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)


def made(folder: Path) -> Peer:
    for name in ("share", "downloads"):
        (folder / name).mkdir(parents=True)
    return Peer(folder / "share", folder / "downloads")


@pytest.fixture
def peers(tmp_path: Path) -> Any:
    return [made(tmp_path / "peer1"), made(tmp_path / "peer2")]


def test_copies_are_right_or_wrong_or_missing(peers: Any) -> None:
    peer = peers[0]
    assert count_copies(peer, SHA256, SHA256) == Copies(missing=3)
    peer.has(peer.share_dir, "a.txt", b"a.txt")
    peer.has(peer.download_dir, "b.txt", b"garbage")
    peer.has(peer.download_dir, "b.txt.part", b"b.txt")
    assert count_copies(peer, SHA256, SHA256) == Copies(right=1, wrong=1, missing=1)
    peer.has(peer.download_dir, "sub/c.txt", b"sub/c.txt")
    peer.has(peer.share_dir, "b.txt", b"b.txt")
    assert count_copies(peer, SHA256, SHA256) == Copies(right=3)
    assert count_copies(peer, ["a.txt"], SHA256).all == 1


def test_a_document_that_no_peer_has_whole_is_lost(peers: Any) -> None:
    sizes = dict.fromkeys(SHA256, 5)
    peers[0].has(peers[0].share_dir, "a.txt", b"a.txt")
    peers[1].has(peers[1].download_dir, "sub/c.txt", b"sub/c.txt")
    peers[1].has(peers[1].download_dir, "b.txt.part", b"b.")
    for swarm in (False, True):
        assert lost(sizes, SHA256, peers, swarm) == {"b.txt"}
        assert lost(sizes, SHA256, peers[:1], swarm) == {"b.txt", "sub/c.txt"}
        assert lost(sizes, SHA256, [], swarm) == set(SHA256)


def test_in_a_swarm_pieces_of_several_peers_make_a_copy(peers: Any) -> None:
    size = 3 * MIN_PIECE
    for peer, pieces in zip(peers, ([0, 2], [1]), strict=True):
        content = Storage("big", ANY, size, "", Target(peer.download_dir, "big"))
        content.digests = bytes(3 * 32)
        for piece in pieces:
            content.write(piece * MIN_PIECE, b"x")
            content.keep(piece)
        content.close()
    assert [verified_pieces(peer.download_dir, "big", size, ANY) for peer in peers] == [{0, 2}, {1}]
    assert verified_pieces(peers[0].download_dir, "big", size, "1" * 64) == set()
    assert lost({"big": size}, {"big": ANY}, peers, True) == set()
    assert lost({"big": size}, {"big": ANY}, peers[:1], True) == {"big"}
    assert lost({"big": size}, {"big": ANY}, peers, False) == {"big"}
