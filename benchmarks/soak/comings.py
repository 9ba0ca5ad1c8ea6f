"""Processes of a soak: they are killed, stopped, suspended and restarted at random."""

from __future__ import annotations

import os
import signal
import time
from random import Random

from benchmarks.soak.record import Record
from p2p_twisted.experiment.run.cluster import RS, START_TIMEOUT, Cluster, wait_until
from p2p_twisted.experiment.run.processes import Member

AWAY_SECONDS = (0.5, 20.0)
"""Minimum and maximum time that a peer is away."""
MIN_RUNNING = 2
STOP_SECONDS = 20
"""A peer that takes longer to stop is a fault."""


class Comings:
    """Ends and starts the processes of ``cluster``, all of which run, and writes that into ``record``.

    ``faults`` are those found so far.
    """

    def __init__(self, cluster: Cluster, record: Record, random: Random) -> None:
        self.faults: list[str] = []
        self._cluster = cluster
        self._record = record
        self._random = random
        self._running = {peer.role: peer for peer in cluster.peers}
        self._due: dict[str, float] = {}
        """Those that are away, and when they are started again."""
        self._stopped: set[str] = set()
        """Those of them that have left the RS."""
        self._suspended: set[str] = set()

    @property
    def running(self) -> list[Member]:
        """The peers that run."""
        return list(self._running.values())

    def is_suspended(self, role: str) -> bool:
        """Whether a peer answers nobody, and will go on where it was."""
        return role in self._suspended

    def kill(self) -> None:
        """Kill a peer with signal 9."""
        if (peer := self._leave("is killed")) is not None:
            peer.kill()

    def stop(self) -> None:
        """Stop a peer in the orderly way."""
        if (peer := self._leave("is asked to stop")) is not None:
            self._stopped.add(peer.role)
            peer.terminate()
            if not peer.wait(STOP_SECONDS):
                self.faults.append(f"{peer.role} does not stop within {STOP_SECONDS} s")
                peer.kill()

    def suspend(self) -> None:
        """Suspend a peer, as a laptop that is closed."""
        if (peer := self._leave("is suspended")) is not None:
            self._suspended.add(peer.role)
            _signal(peer, signal.SIGSTOP)

    def kill_rs(self) -> None:
        """Kill the RS with signal 9 and start it again. Raises ClusterError."""
        self._record.ended(RS, "is killed")
        self._cluster.kill9(RS)
        self._cluster.restart(RS)
        self._record.started(RS)

    def start_due(self) -> list[str]:
        """Start those whose time has come; returns their roles. Raises ClusterError."""
        due = [role for role, when in self._due.items() if when <= time.monotonic()]
        for role in due:
            self._start(role)
        return due

    def start_all(self) -> None:
        """Start all that are away; now and then, one that has stopped stays away. Raises ClusterError."""
        away = sorted(self._stopped)[: self._random.choice((0, 1))]
        for role in sorted(self._due.keys() - set(away)):
            self._start(role)

    def wake_all(self) -> None:
        """Let nobody be suspended any more."""
        for role in self._suspended:
            _signal(self._cluster[role], signal.SIGCONT)
        self._suspended.clear()

    def _leave(self, how: str) -> Member | None:
        """Choose a peer that is away from now on; None when too few run."""
        if len(self._running) <= MIN_RUNNING:
            return None
        peer = self._running.pop(self._random.choice(list(self._running)))
        self._due[peer.role] = time.monotonic() + self._random.uniform(*AWAY_SECONDS)
        self._record.ended(peer.role, how)
        return peer

    def _start(self, role: str) -> None:
        peer = self._cluster[role]
        del self._due[role]
        self._stopped.discard(role)
        if role in self._suspended:
            self._suspended.remove(role)
            _signal(peer, signal.SIGCONT)
        self._cluster.restart(role)

        def registered() -> bool:
            status = peer.status()
            return status is not None and status["rs"]["registered"]

        wait_until(registered, time.monotonic() + START_TIMEOUT, f"{role} is not registered")
        self._running[role] = peer
        self._record.started(role)


def _signal(peer: Member, number: signal.Signals) -> None:
    if peer.pid is not None:
        os.kill(peer.pid, number)
