"""Faults made to happen to running peers: killed, started again, made corrupt."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from random import Random

from ..plan.faults import Schedule
from .cluster import Cluster
from .downloaders import Downloader

BLOCK = 2**20
"""Bytes that are made at once."""


class FaultInjector:
    """Kills peers of ``cluster`` as ``schedule`` says; ``happened(role, text)`` is told."""

    def __init__(self, cluster: Cluster, schedule: Schedule, happened: Callable[[str, str], object]) -> None:
        self._cluster = cluster
        self._schedule = schedule
        self._happened = happened
        self.killed: list[str] = []
        """The roles of the peers that were killed for good."""

    def do(self, downloaders: Sequence[Downloader], seconds: float, share: float) -> None:
        """What is due after ``seconds``, with ``share`` (0 to 1) of all bytes fetched. Raises ClusterError."""
        for role in self._schedule.killed(seconds, share):
            self._kill(role, downloaders, for_good=True)
        churned = self._schedule.churned(seconds)
        if churned is not None and self._cluster[churned].pid is not None:
            self._kill(churned, downloaders, for_good=False)
            self._cluster.restart(churned)
            self._happened(churned, f"{churned} back")
            for downloader in _of(churned, downloaders):
                downloader.resume()

    def _kill(self, role: str, downloaders: Sequence[Downloader], for_good: bool) -> None:
        for downloader in _of(role, downloaders):
            downloader.read()
        self._cluster.kill9(role)
        if for_good:
            self.killed.append(role)
        self._happened(role, f"{role} killed")
        for downloader in _of(role, downloaders):
            downloader.lost(for_good)


def corrupt_files(files: Iterable[Path], random_seed: int) -> None:
    """Replace the content of files by garbage of the same length, so that a peer that knows them does not notice.

    It goes by size, time of change and inode: what it says of them stays true, what it sends of them is not. Raises
    OSError.
    """
    for number, path in enumerate(files):
        before = path.stat()
        write_random_bytes(path, before.st_size, f"{random_seed}/garbage/{number}")
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def write_random_bytes(path: Path, size: int, random_seed: str) -> None:
    """Fill the file at ``path`` with ``size`` random bytes, the same for the same ``random_seed``. Raises OSError.

    A file that is there already keeps its inode.
    """
    random = Random(random_seed)
    with path.open("r+b" if path.exists() else "wb") as file:
        for place in range(0, size, BLOCK):  # all at once would be more than randbytes can do
            file.write(random.randbytes(min(BLOCK, size - place)))


def _of(role: str, downloaders: Sequence[Downloader]) -> list[Downloader]:
    return [downloader for downloader in downloaders if downloader.member.role == role and not downloader.over]
