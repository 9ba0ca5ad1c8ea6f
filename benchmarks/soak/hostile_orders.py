"""The honest part of the hostile soak: documents come and go, and each is fetched by another peer."""

from __future__ import annotations

import hashlib
import random
import time
from collections import deque
from pathlib import Path
from threading import Event, Thread

from benchmarks.attacks.place import Place
from benchmarks.soak.hostile_strangers import Attackers
from p2p_twisted.experiment.run.processes import Member
from p2p_twisted.web.control_client import ControlClient, ControlError

INTERVAL = 5.0
"""Seconds from one order to the next."""
LIE_SECONDS = 3.0
"""For the lies about a new document to arrive before it is ordered."""
LEARN_SECONDS = 60.0
"""Until the reader must know of a new document first-hand."""
MAX_SECONDS = 60.0
"""Until an order must be fulfilled."""
MIN_SIZE, MAX_SIZE = 1_000, 2_000_000
KEPT = 40
"""Documents; older ones are removed from all folders."""


class HonestOrders:
    """Makes documents and has them fetched, for the time of a ``with`` block; ``faults`` are orders not fulfilled."""

    def __init__(self, place: Place, attackers: Attackers) -> None:
        self.faults: list[str] = []
        self.done = 0
        self.slowest = 0.0
        """Seconds of an order, from the order to the file."""
        self._place = place
        self._attackers = attackers
        self._over = Event()
        self._kept: deque[list[Path]] = deque()
        self._random = random.Random(9)
        self._thread = Thread(target=self._run, daemon=True)

    def __enter__(self) -> HonestOrders:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        number = 0
        while not self._over.wait(INTERVAL):
            number += 1
            try:
                fault = self._order(f"honest{number}.bin")
            except (ControlError, OSError) as error:
                fault = str(error)
            if fault is None:
                self.done += 1
            else:
                self.faults.append(f"order {number}: {fault}")
                print(self.faults[-1], flush=True)

    def _order(self, name: str) -> str | None:
        """Make a document at one peer, and fetch it at another one; return what went wrong, or None."""
        holder, reader = self._random.sample(range(len(self._place.peers)), 2)
        here, there = self._place.cluster.peers[holder], self._place.cluster.peers[reader]
        data = self._random.randbytes(self._random.randint(MIN_SIZE, MAX_SIZE))
        self._write(here.share_dir / name, data)
        self._attackers.lie(name, data, self._place.peers[holder])
        self._keep([here.share_dir / name, there.download_dir / name])
        if self._over.wait(LIE_SECONDS):
            return None
        control = ControlClient(there.state_dir)
        try:
            sha256 = hashlib.sha256(data).hexdigest()
            if not self._is_learnt(control, name, sha256, self._place.peers[holder]):
                return f"{there.role} does not know of {name} at {here.role} after {LEARN_SECONDS:.0f} s: " + _seen(
                    control, here, name, self._place.peers[holder]
                )
            chosen = self._random.choice((name, f"{name}@{sha256[:8]}"))  # hearsay makes no name ambiguous
            return self._fetch(control, there, chosen, data)
        finally:
            control.close()

    def _write(self, path: Path, data: bytes) -> None:
        part = path.with_name(f".{path.name}")
        part.write_bytes(data)
        part.rename(path)

    def _keep(self, paths: list[Path]) -> None:
        self._kept.append(paths)
        if len(self._kept) > KEPT:
            for path in self._kept.popleft():
                path.unlink(missing_ok=True)

    def _is_learnt(self, control: ControlClient, name: str, sha256: str, holder: tuple[str, int]) -> bool:
        end = time.monotonic() + LEARN_SECONDS
        while time.monotonic() < end:
            items = control.get("index", q=name)["items"]
            holders = [held for item in items if item["sha256"] == sha256 for held in item["holders"]]
            if holder in {(held["host"], held["port"]) for held in holders}:
                return True
            time.sleep(0.2)
        return False

    def _fetch(self, control: ControlClient, reader: Member, name: str, data: bytes) -> str | None:
        start = time.monotonic()
        path = f"downloads/{control.post('downloads', {'names': [name]})['id']}"
        while (download := control.get(path))["ended"] is None:
            if time.monotonic() > start + MAX_SECONDS:
                return f"{name} at {reader.role}: not over after {MAX_SECONDS:.0f} s"
            time.sleep(0.05)
        self.slowest = max(self.slowest, time.monotonic() - start)
        if download["state"] != "done":
            return f"{name} at {reader.role}: {download['files'] and download['files'][0]['error']}"
        if (reader.download_dir / name.partition("@")[0]).read_bytes() != data:
            return f"{name} at {reader.role}: another content"
        return None


def _seen(control: ControlClient, holder: Member, name: str, address: tuple[str, int]) -> str:
    """Return what the reader knows of a holder, and what the holder says of the document."""
    others = [other for other in control.get("peers")["items"] if (other["host"], other["port"]) == address]
    there = ControlClient(holder.state_dir)
    try:
        shares = [item["local"] for item in there.get("index", q=name)["items"]]
    finally:
        there.close()
    return f"it knows {others} and {control.get('index', q=name)['items']}, and there it is {shares}"
