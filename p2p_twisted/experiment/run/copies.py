"""Count the copies of documents that are right, wrong and missing, and find the documents lost with killed peers."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ...library.pieces import piece_count
from ...swarm.errors import DownloadError
from ...swarm.part_state import State
from ...swarm.target import Target
from .originals import sha256_of
from .processes import Member


@dataclass(frozen=True)
class Copies:
    """Numbers of copies."""

    right: int = 0
    wrong: int = 0
    missing: int = 0

    def __add__(self, other: Copies) -> Copies:
        return Copies(self.right + other.right, self.wrong + other.wrong, self.missing + other.missing)

    @property
    def all(self) -> int:
        """The number of copies that there must be."""
        return self.right + self.wrong + self.missing


def count_copies(peer: Member, names: Iterable[str], sha256: Mapping[str, str | None]) -> Copies:
    """Verify the copies of the documents ``names`` that ``peer`` must have; ``sha256``: name -> hash (hex)."""
    return sum((_verify(_paths(peer, name), sha256[name]) for name in names), Copies())


def lost(sizes: Mapping[str, int], sha256: Mapping[str, str | None], peers: Sequence[Member], swarm: bool) -> set[str]:
    """Return the documents of which ``peers`` do not have a copy; ``sizes``: name -> bytes, ``sha256``: name -> hash.

    In a ``swarm``, they also have a copy if they have all pieces together.
    """
    missing = {name for name in sizes if not any(_paths(peer, name) for peer in peers)}
    return {name for name in missing if not (swarm and _have_all_pieces(name, sizes[name], sha256[name] or "", peers))}


def verified_pieces(folder: Path, name: str, size: int, sha256: str) -> set[int]:
    """Return the numbers of the pieces that an unfinished download to ``name`` in ``folder`` has verified and written.

    ``size`` in bytes and ``sha256`` are those of the whole document.
    """
    try:
        return State(Target(folder, name), sha256, size, piece_count(size)).read(lambda digests: True)
    except DownloadError:  # it has just become complete
        return set()


def _paths(peer: Member, name: str) -> list[Path]:
    return [folder / name for folder in (peer.share_dir, peer.download_dir) if (folder / name).exists()]


def _verify(paths: Collection[Path], sha256: str | None) -> Copies:
    if not paths:
        return Copies(missing=1)
    return Copies(right=1) if any(sha256_of(path) == sha256 for path in paths) else Copies(wrong=1)


def _have_all_pieces(name: str, size: int, sha256: str, peers: Sequence[Member]) -> bool:
    found = set().union(*(verified_pieces(peer.download_dir, name, size, sha256) for peer in peers))
    return len(found) == piece_count(size) > 1
