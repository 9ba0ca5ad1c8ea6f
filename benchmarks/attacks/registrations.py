"""Attacks on registrations: a takeover of a peer's address and port, and guesses of its cookie."""

from __future__ import annotations

import json
import time
from subprocess import Popen

from benchmarks.attacks.honest_requests import HonestRequests
from benchmarks.attacks.outcome import Outcome
from benchmarks.attacks.place import Place, place, stranger_address
from p2p_twisted.wire.address import Address
from tests.support.strangers import Stranger

SECONDS = 60
GUESSES = 10**6
GUESSERS = 4
"""Processes, each with an address of its own; one of them is at the host of the victim."""


def takeover() -> Outcome:
    """Register without a cookie, at the victim's own host and port, once a second for a minute."""
    with place(1) as here:
        here.cluster.start()
        here.cluster.wait_registered()
        watcher = here.add(None, *stranger_address(0))
        before = _record(here, here.peers[0])
        thief = here.run_at("peer1", "benchmarks.attacks.thief", *map(str, (*here.rs, here.peers[0][1], SECONDS)))
        looks = _watch(watcher, here.peers[0], thief)
        granted = json.loads(thief.communicate()[0] or b"[]")
        after, faults = _record(here, here.peers[0]), here.log_faults()
        is_same = before["registered_count"] == after["registered_count"]
        registered = here.cluster.peers[0].control.get("status")["rs"]["registered"]
    figure = (
        f"{granted.count(True)} of {len(granted)} granted; victim listed {looks.count(True)} of {len(looks)} times, "
        f"{'undisturbed' if is_same and registered else 'displaced'}; {len(faults)} errors in logs"
    )
    is_ok = granted.count(True) == 0 and len(granted) > 0 and all(looks) and is_same and registered and not faults
    return Outcome("takeover tried once a second for a minute", figure, "none granted, victim listed throughout", is_ok)


def _record(here: Place, address: Address) -> dict[str, int]:
    items = here.cluster.rs.control.get("peers", limit=1000)["items"]
    records = [item for item in items if (item["hostName"], item["port"]) == address and item["isActive"]]
    return records[0] if records else {"registered_count": -1}


def _watch(watcher: Stranger, victim: Address, thief: Popen[bytes]) -> list[bool]:
    looks = []
    while thief.poll() is None:
        looks.append(victim in watcher.peers())
        time.sleep(0.25)
    return looks


def guesses() -> Outcome:
    """Guess the victim's cookie, a million times or as often as the RS lets a minute pass."""
    with place(1) as here:
        here.cluster.start()
        here.cluster.wait_registered()
        watcher = here.add(None, *stranger_address(200))
        here.forget()
        where = [("peer1", here.peers[0][0]), *(("", stranger_address(n)[0]) for n in range(1, GUESSERS))]
        guessers = [_guesser(here, role, source) for role, source in where]
        with HonestRequests(lambda: watcher.keep_alive().startswith(b"200")) as honest:
            looks = _watch(watcher, here.peers[0], guessers[0])
            counts = [json.loads(guesser.communicate()[0]) for guesser in guessers]
        load, faults = here.load(here.cluster.rs), here.log_faults()
        registered = here.cluster.peers[0].control.get("status")["rs"]["registered"]
    sent, right, answered, connections = (
        sum(count[name] for count in counts) for name in ("sent", "right", "answered", "connections")
    )
    figure = (
        f"{right} right of {sent} sent ({answered} answered, {connections} connections); victim listed "
        f"{looks.count(True)} of {len(looks)} times; honest KeepAlive: {honest.tally}; RS stall "
        f"{load.stall * 1000:.0f} ms; {len(faults)} errors in logs"
    )
    is_ok = right == 0 and all(looks) and registered and not faults
    return Outcome("10^6 cookie guesses", figure, "none right, victim listed throughout", is_ok)


def _guesser(here: Place, role: str, source: str) -> Popen[bytes]:
    arguments = map(str, (*here.rs, here.peers[0][1], source, GUESSES // GUESSERS, SECONDS))
    argv = ("benchmarks.attacks.guesser", *arguments)
    return here.run_at(role, *argv) if role else here.run_here(*argv)


ATTACKS = {"takeover": takeover, "guesses": guesses}
