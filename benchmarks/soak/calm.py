"""The end of a soak: what every peer must say and have once nothing happens any more."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

from benchmarks.ports import Ports
from benchmarks.soak.command import Command
from benchmarks.soak.life import Life
from benchmarks.soak.record import Record, Version
from benchmarks.soak.views import Address, by_api, by_command, differences, expected
from p2p_twisted.cli.exits import OK, PART_FAILED
from p2p_twisted.experiment.run.cluster import Cluster

SETTLE_SECONDS = 90
"""Until each peer must list what is there."""
POLL_SECONDS = 1
GET_SECONDS = 300
AMBIGUOUS = 10
"""The exit code where all that is lacking has several contents."""
SHOWN = 10
"""Differences of one peer's view that are listed."""


def last_look(cluster: Cluster, life: Life, record: Record, ports: Ports) -> Iterator[str]:
    """Yield the faults: views that are not those of the disks, wrong contents, and what cannot be fetched."""
    look = _Look(cluster, life, ports)
    record.note("calm")
    yield from look.settle(record)
    yield from look.commands()
    yield from look.contents()
    yield from look.get_all()
    record.note("everybody has fetched everything")
    yield from look.settle(record)


class _Look:
    """Looks at the peers of ``life`` that run."""

    def __init__(self, cluster: Cluster, life: Life, ports: Ports) -> None:
        self._cluster = cluster
        self._life = life
        self._roles: dict[Address, str] = {
            (ports.address(peer.role), ports.ports[peer.role]): peer.role for peer in cluster.peers
        }
        self._addresses = {role: address for address, role in self._roles.items()}

    def settle(self, record: Record) -> Iterator[str]:
        """Wait until the views are right; yield in what they are not after SETTLE_SECONDS."""
        disks = self._disks()
        start, wrong = time.monotonic(), {peer.role: peer for peer in self._life.running}
        while wrong and time.monotonic() < start + SETTLE_SECONDS:
            time.sleep(POLL_SECONDS)
            for role, peer in list(wrong.items()):
                if by_api(peer) == expected(self._addresses[role], disks):
                    del wrong[role]
                    record.note(f"{role} lists what is there")
        for role, peer in wrong.items():
            seen = by_api(peer)
            found = list(differences(seen, expected(self._addresses[role], disks), self._roles))
            yield from (f"after {SETTLE_SECONDS} s, {role}: {line}" for line in found[:SHOWN])
            if len(found) > SHOWN:
                yield f"after {SETTLE_SECONDS} s, {role}: and {len(found) - SHOWN} more"

    def commands(self) -> Iterator[str]:
        """Yield where ``p2p ls --json`` does not say what the API says."""
        for peer in self._life.running:
            view = by_command(peer, self._cluster.folder)
            if isinstance(view, str):
                yield f"p2p ls at {peer.role}: {view}"
            elif view != by_api(peer):
                yield f"p2p ls at {peer.role} does not list what the API lists"

    def contents(self) -> Iterator[str]:
        """Yield each file with a content that nobody ever made."""
        for role, disk in self._life.disks.items():
            for name, version in disk.files().items():
                if version.sha256 not in self._life.contents.made:
                    yield f"{role}: {name} has a content that never was"

    def get_all(self) -> Iterator[str]:
        """Have everybody fetch everything, where a name has several contents one of them; yield what is left over."""
        yield from self._get({peer.role: ["--all"] for peer in self._life.running}, (OK, PART_FAILED, AMBIGUOUS))
        yield from self._get({role: names for role, names in self._lacking().items() if names}, (OK,))
        for role, names in self._lacking().items():
            if names:
                yield f"at the end, {role} has not got {', '.join(names[:SHOWN])}"
            if left := self._life.disks[role].leftovers():
                yield f"at the end, {role} has left over: {', '.join(left[:SHOWN])}"

    def _get(self, what: dict[str, list[str]], codes: Sequence[int]) -> Iterator[str]:
        """Run ``p2p get`` with ``what`` at each peer at once; yield where the exit code is not one of ``codes``."""
        commands = {
            role: Command(
                self._cluster.folder / f"last-{role}-{codes[-1]}",
                "get",
                "--state-dir",
                str(self._cluster[role].state_dir),
                *words,
            )
            for role, words in what.items()
        }
        for role, command in commands.items():
            code = command.wait(GET_SECONDS)
            if code not in codes:
                yield f"at the end, {role}: get {' '.join(what[role])[:100]}: exit {code}: {command.first_words()}"

    def _lacking(self) -> dict[str, list[str]]:
        """Return what each peer lacks by name, as ``p2p get`` takes it: NAME@HASH."""
        disks = self._disks()
        every = {name: version for files in disks.values() for name, version in files.items()}
        return {
            peer.role: [
                f"{name}@{every[name].sha256[:8]}"
                for name in sorted(every.keys() - disks[self._addresses[peer.role]].keys())
            ]
            for peer in self._life.running
        }

    def _disks(self) -> dict[Address, dict[str, Version]]:
        return {self._addresses[peer.role]: self._life.disks[peer.role].files() for peer in self._life.running}
