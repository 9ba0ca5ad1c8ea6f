"""The strangers of the hostile soak: every attack of ``benchmarks.attacks`` at once, at a tenth of the rates."""

from __future__ import annotations

import contextlib
import itertools
import random
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from subprocess import DEVNULL, Popen
from threading import Event, Thread

from benchmarks.attacks.guesser import BATCH, guesses
from benchmarks.attacks.place import Place, stranger_address
from benchmarks.attacks.services import LOOPBACK
from fuzz.harness import seeds
from fuzz.mutations import mutated
from p2p_twisted.wire.address import Address
from p2p_twisted.wire.records import IndexRecord
from tests.support.invented_rows import Flood, record_of, row
from tests.support.strangers import How, Plan, Stranger

HOLDERS: tuple[Address, ...] = tuple((f"10.79.{number}.1", 4400) for number in range(200))
"""Nobody is there."""
SLOW = 1000
"""Slow connections at the RS, and at one peer."""
FALSE_HOLDERS = 10
SLOW_READERS = 6
CYCLE_SECONDS = 60
"""In which each flood comes once."""
WAIT_SECONDS = 10.0


class Told:
    """Changes that a liar tells: those in ``rows``, each soon after it was added; without end."""

    def __init__(self) -> None:
        self.rows: list[bytes] = []

    def __iter__(self) -> Iterator[bytes]:
        at = 0
        while True:
            new, at = self.rows[at:], len(self.rows)
            yield b"".join(new)


class Attackers:
    """Attacks the processes of ``place``, each attack in a thread of its own, for the time of a ``with`` block."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._over = Event()
        self._numbers = itertools.count()
        self._told = Told()
        self._liars: list[tuple[Stranger, Told]] = []
        self._processes: list[Popen[bytes]] = []
        self._threads: list[Thread] = []
        self._random = random.Random(20261126)

    def lie(self, name: str, data: bytes, holder: Address) -> None:
        """Tell false records about a document that ``holder`` has just begun to share."""
        true, _ = record_of(name, data, holder)
        wrong = {true.sha256 or "": bytes(len(data))}
        for liar, told in self._liars:
            own = replace(true, host=liar.address[0], port=liar.address[1])
            liar.plan.contents = wrong
            told.rows.append(row(own))
        lies: list[IndexRecord] = [replace(true, size=len(data) * 2), replace(true, pieces="00" * 32)]
        lies += [record_of(name, data[::-1], HOLDERS[0])[0], replace(true, host=HOLDERS[1][0])]
        self._told.rows += [*map(row, lies), b"-\t%s\tbin\n" % name.removesuffix(".bin").encode()]

    def __enter__(self) -> Attackers:
        self._start_liars()
        self._slow_connections()
        for attack, seconds in self._attacks().items():
            self._threads.append(Thread(target=self._repeat, args=(attack, seconds), daemon=True))
            self._threads[-1].start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(3 * WAIT_SECONDS)
        for process in self._processes:
            process.kill()
            process.wait()
        for stranger in self._place.strangers:
            if stranger.cookie is not None:
                with contextlib.suppress(OSError):
                    stranger.leave()
        self._place.hang_up()

    def _attacks(self) -> dict[Callable[[], None], float]:
        """Map each attack to the seconds between two times."""
        floods = (
            self._flood(lambda start: Flood(HOLDERS, 100_000, start)),
            *(self._flood(lambda start: Flood(HOLDERS, 30_000, start)) for _ in range(3)),
            self._flood(lambda start: Flood(HOLDERS, 26_000, start, width=1000)),
            self._flood(lambda start: Flood((stranger_address(0),), 100_000, start)),
        )
        return {
            **dict.fromkeys(floods, CYCLE_SECONDS),
            self._slow_readers: CYCLE_SECONDS,
            self._guess: 1.0,
            self._take_over: 10.0,
            self._mutate: 0.1,
            self._greet: 15.0,
        }

    def _repeat(self, attack: Callable[[], None], seconds: float) -> None:
        while not self._over.wait(seconds * self._random.uniform(0.5, 1.5)):
            with contextlib.suppress(OSError):  # refused, or cut off: as it should be
                attack()

    def _add(self, plan: Plan) -> Stranger:
        return self._place.add(plan, *stranger_address(next(self._numbers)))

    def _hello(self, stranger: Stranger) -> None:
        for peer in self._place.peers:
            stranger.hello(peer)

    def _flood(self, rows: Callable[[int], Flood]) -> Callable[[], None]:
        """Return an attack: other rows each time, which all must ask for anew, as the connections have ended."""
        stranger, cycles = self._add(Plan()), itertools.count(1)

        def attack() -> None:
            cycle = next(cycles)
            flood = rows(cycle * 100_000)
            if len(flood.holders) == 1:
                flood = replace(flood, holders=(stranger.address,))
            stranger.plan = Plan(flood, [b""] * 8, 4.0, True, f"stranger.{cycle}")
            stranger.register()
            self._hello(stranger)

        return attack

    def _start_liars(self) -> None:
        """Start those that push: 400 empty pushes and 30 000 changes a minute, lies, traps, and false holders."""
        self._add(Plan(Flood(HOLDERS[:1], 5_000), _endless([b""]), 0.15))
        pusher = self._add(Plan())
        changes = list(Flood((pusher.address,), 30_000))
        pusher.plan = Plan([], _endless([b"".join(changes[at : at + 100]) for at in range(0, 30_000, 100)]), 0.2)
        self._add(Plan([], self._told, 1.0))
        traps = [(host, int(port)) for host, _, port in (name.rpartition(":") for name in LOOPBACK)]
        self._add(Plan([row(record_of(f"trap{n}.txt", b"x", trap)[0]) for n, trap in enumerate(traps)]))
        hows = itertools.cycle((How.ANSWER, How.CLOSE, How.REFUSE, How.SILENT, How.DRIP))
        for how, told in zip(hows, [Told() for _ in range(FALSE_HOLDERS)], strict=False):
            self._liars.append((self._add(Plan([], told, 1.0, file=how)), told))
        self._greet()

    def _greet(self) -> None:
        """Renew, come back where a registration was lost, and say Hello where the connection was."""
        for stranger in self._place.strangers:
            stranger.register()
            self._hello(stranger)

    def _slow_connections(self) -> None:
        sources = [stranger_address(1000 + number)[0] for number in range(SLOW // 100)]
        for host, port in (self._place.rs, self._place.peers[0]):
            argv = ("benchmarks.attacks.slow", host, str(port), str(SLOW), *sources)
            self._processes.append(self._place.run_here(*argv))

    def _slow_readers(self) -> None:
        """Of each peer's whole index, for as long as the peer lets them."""
        reader = self._place.strangers[0]
        socks = [sock for peer in self._place.peers for sock in reader.readers(peer, SLOW_READERS)]
        self._over.wait(CYCLE_SECONDS)
        for sock in socks:
            sock.close()

    def _guess(self) -> None:
        """Make 1 600 guesses: a tenth of a million in a minute."""
        with socket.create_connection(self._place.rs, WAIT_SECONDS, (stranger_address(1999)[0], 0)) as sock:
            for _ in range(1600 // BATCH):
                sock.sendall(guesses(self._place.peers[0][1]))
                sock.recv(2**18)

    def _take_over(self) -> None:
        host, port = self._place.rs
        argv = ("benchmarks.attacks.thief", host, str(port), str(self._place.peers[0][1]), "1")
        thief = self._place.run_at("peer1", *argv, stdout=DEVNULL)
        thief.wait(3 * WAIT_SECONDS)

    def _mutate(self) -> None:
        """Send a mutated request, or several, to the RS or to a peer, and read for a moment."""
        to = self._random.choice([self._place.rs, *self._place.peers])
        corpus = "rs_connections" if to == self._place.rs else "peer_connections"
        with socket.create_connection(to, WAIT_SECONDS, (stranger_address(1998)[0], 0)) as sock:
            sock.settimeout(0.05)
            sock.sendall(mutated(self._random, list(seeds(corpus).values())))
            sock.recv(65536)
            time.sleep(0.01)


def _endless(bodies: list[bytes]) -> Iterator[bytes]:
    return itertools.cycle(bodies)
