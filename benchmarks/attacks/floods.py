"""Floods of records: what they cost the honest peers, and what a newcomer still learns."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from benchmarks.attacks.outcome import Outcome
from benchmarks.attacks.place import MB, Load, Place, memory, names_known, place, stranger_address
from p2p_twisted.wire.address import Address
from tests.support.invented_rows import Flood
from tests.support.strangers import Plan, Stranger

DOCUMENTS = 300
"""Of each honest peer."""
MAX_MEMORY, MAX_STALL = 64 * MB, 0.1
"""Bytes, seconds."""
BAR = "≤ 64 MB more, stall ≤ 100 ms, newcomer knows all"
MAX_SECONDS = 120
"""Until a flood is over, or is taken to be."""
CALM_SECONDS = 6
"""For so long neither what was sent nor memory changes at the end of a flood."""
NEWCOMER_SECONDS = 60
HOLDERS: tuple[Address, ...] = tuple((f"10.79.{number}.1", 4400) for number in range(200))
"""Nobody is there."""
STRANGERS = tuple(map(stranger_address, range(3)))


@dataclass(frozen=True)
class _Victims:
    """Two honest peers, and the newcomer that is started at the end."""

    place: Place
    before: dict[str, int]

    def hear(self, *plans: Plan) -> list[Stranger]:
        """Have strangers with ``plans``, at STRANGERS, register and say Hello to both peers."""
        crowd = [self.place.add(plan, *address) for plan, address in zip(plans, STRANGERS, strict=False)]
        for stranger in crowd:
            for peer in self.place.peers[:2]:
                stranger.hello(peer)
        return crowd

    def wait_calm(self) -> None:
        """Return when for a while nothing was sent, and the memory of all peers was the same."""
        end, since, last = time.monotonic() + MAX_SECONDS, time.monotonic(), [0]
        while time.monotonic() < min(end, since + CALM_SECONDS):
            time.sleep(0.25)
            now = [memory(peer) // (2 * MB) for peer in self.place.cluster.peers if peer.pid is not None]
            now += [stranger.sent for stranger in self.place.strangers]
            if now != last:
                since, last = time.monotonic(), now

    def newcomer_knows(self) -> int:
        """Start the newcomer; return how many documents of the honest peers it knows soon."""
        peer = self.place.cluster.peers[2]
        self.place.cluster.restart(peer.role)
        end, known = time.monotonic() + NEWCOMER_SECONDS, 0
        while known < 2 * DOCUMENTS and time.monotonic() < end:
            time.sleep(0.5)
            known = len(names_known(peer, "honest"))
        self.wait_calm()
        return known


def _hearsay(*starts: int, count: int) -> Callable[[_Victims], None]:
    def attack(victims: _Victims) -> None:
        victims.hear(*(Plan(rows=Flood(HOLDERS, count, start)) for start in starts))
        victims.wait_calm()

    return attack


def _own(victims: _Victims) -> None:
    """One that says to hold everything itself."""
    victims.hear(Plan(rows=Flood(STRANGERS[:1], 10**6)))
    victims.wait_calm()


def _large(victims: _Victims) -> None:
    victims.hear(Plan(rows=Flood(HOLDERS, 256 * 2**20 // 1000 - 1000, width=1000)))
    victims.wait_calm()


def _pushes(victims: _Victims) -> None:
    rows = list(Flood(STRANGERS[:1], 300_000))
    victims.hear(Plan(pushes=[b"".join(rows[start : start + 100]) for start in range(0, len(rows), 100)]))
    victims.wait_calm()


def _empty_pushes(victims: _Victims) -> None:
    victims.hear(Plan(rows=Flood(STRANGERS[:1], 50_000), pushes=[b""] * 4000))
    victims.wait_calm()


def _slow_readers(victims: _Victims) -> None:
    """Of an index with as much hearsay as it takes."""
    crowd = victims.hear(Plan(rows=Flood(HOLDERS, 200_000)))
    victims.wait_calm()
    readers = [sock for peer in victims.place.peers[:2] for sock in crowd[0].readers(peer, 60)]
    victims.wait_calm()
    for sock in readers:
        sock.close()


FLOODS: dict[str, tuple[str, Callable[[_Victims], None]]] = {
    "hearsay": ("10^6 hearsay rows of one", _hearsay(0, count=10**6)),
    "hearsay-3": ("3 x 300 000 hearsay rows", _hearsay(0, 300_000, 600_000, count=300_000)),
    "own-rows": ("10^6 rows of one about itself", _own),
    "index-256": ("an index of 256 MiB", _large),
    "pushes": ("300 000 pushed changes", _pushes),
    "empty-pushes": ("4 000 empty pushes of one with 50 000 rows", _empty_pushes),
    "slow-readers": ("60 slow readers of 200 000 rows", _slow_readers),
}


def flood(name: str) -> Outcome:
    """Let a flood come over two honest peers; a third one comes later."""
    row, attack = FLOODS[name]
    with place(2, idle=1) as here:
        for peer in here.cluster.peers:
            for number in range(DOCUMENTS):
                (peer.share_dir / f"honest-{peer.role}-{number}.txt").write_text(f"{peer.role} {number}\n")
        here.cluster.peers, newcomer = here.cluster.peers[:2], here.cluster.peers[2]
        here.cluster.start()
        here.cluster.wait_for_documents(2 * DOCUMENTS)
        here.cluster.peers.append(newcomer)
        victims = _Victims(here, here.forget())
        attack(victims)
        loads = {peer.role: here.load(peer) for peer in here.cluster.peers[:2]}
        known = victims.newcomer_knows()
        newcomer_load = here.load(newcomer)
        faults, sent = here.log_faults(), sum(stranger.sent for stranger in here.strangers)
    more = max(load.peak - victims.before[role] for role, load in loads.items())
    newcomer_more = newcomer_load.peak - victims.before["peer1"]
    worst = max(loads.values(), key=lambda load: load.stall)
    is_light = max(more, newcomer_more) <= MAX_MEMORY and max(worst.stall, newcomer_load.stall) <= MAX_STALL
    figure = (
        f"{sent / MB:.1f} MB were read; {more / MB:.0f} MB more, stall {_ms(worst)}; newcomer knows "
        f"{min(known, 2 * DOCUMENTS)} of {2 * DOCUMENTS}, {newcomer_more / MB:.0f} MB more, stall {_ms(newcomer_load)}"
        f"; {len(faults)} errors in logs"
    )
    return Outcome(row, figure, BAR, is_light and known >= 2 * DOCUMENTS and not faults)


def _ms(load: Load) -> str:
    return f"{load.stall * 1000:.0f} ms"


ATTACKS = {name: partial(flood, name) for name in FLOODS}
