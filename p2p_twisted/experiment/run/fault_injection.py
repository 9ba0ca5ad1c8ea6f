"""Inject faults into running peers: kill them, restart them, make them corrupt."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from ..corpus.samples import write_random_bytes
from ..plan.faults import Schedule
from .cluster import Cluster
from .downloader import Downloader


class FaultInjector:
    """Kills peers of ``cluster`` as ``schedule`` says, and calls ``on_fault(role, text)`` for each event."""

    def __init__(self, cluster: Cluster, schedule: Schedule, on_fault: Callable[[str, str], object]) -> None:
        self._cluster = cluster
        self._schedule = schedule
        self._on_fault = on_fault
        self.killed: list[str] = []
        """The roles of the peers that were killed for good."""

    def inject(self, downloaders: Sequence[Downloader], seconds: float, share: float) -> None:
        """Inject the faults due after ``seconds``, at a ``share`` (0 to 1) of all bytes. Raises ClusterError."""
        for role in self._schedule.kills_due(seconds, share):
            self._kill(role, downloaders, for_good=True)
        role_to_restart = self._schedule.restart_due(seconds)
        if role_to_restart is not None and self._cluster[role_to_restart].pid is not None:
            self._restart(role_to_restart, downloaders)

    def _restart(self, role: str, downloaders: Sequence[Downloader]) -> None:
        self._kill(role, downloaders, for_good=False)
        self._cluster.restart(role)
        self._on_fault(role, f"{role} back")
        for downloader in _active(role, downloaders):
            downloader.resume()

    def _kill(self, role: str, downloaders: Sequence[Downloader], for_good: bool) -> None:
        for downloader in _active(role, downloaders):
            downloader.refresh()
        self._cluster.kill9(role)
        if for_good:
            self.killed.append(role)
        self._on_fault(role, f"{role} killed")
        for downloader in _active(role, downloaders):
            downloader.killed(for_good)


def corrupt_files(files: Iterable[Path], random_seed: int) -> None:
    """Replace the content of ``files`` by garbage of the same length, unnoticed by a peer that shares them.

    A peer recognises a file by its size, modification time and inode; they stay, so the peer goes on offering the hash
    of the original. Raises OSError.
    """
    for number, path in enumerate(files):
        before = path.stat()
        write_random_bytes(path, before.st_size, f"{random_seed}/garbage/{number}")
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def _active(role: str, downloaders: Sequence[Downloader]) -> list[Downloader]:
    return [downloader for downloader in downloaders if downloader.member.role == role and not downloader.over]
