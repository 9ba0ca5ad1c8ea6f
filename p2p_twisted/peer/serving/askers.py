"""Who has asked this peer for the sources of a file lately: those are downloaders that others can ask, too. Pure."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable

from ...wire.address import Address
from ...wire.fields import clean_host, neighbourhood

MAX_ASKERS = 256
"""Askers that are remembered of a file: the last ones."""
MAX_OF_HOST = 16
"""Of one host among them: who asks under many ports displaces few others."""
MAX_NAMED = 32
"""Addresses that an answer names, chosen by chance."""
MAX_FILES = 1_000
"""Files of which askers are remembered: those that were asked for last."""
REMEMBERED_FOR = 600.0
"""Seconds for which an asker is named: it asks again as long as it needs others."""


class Askers:
    """Remembers who asked for which file. `now` gives monotonic seconds."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._files: dict[str, dict[Address, float]] = {}
        """SHA-256 -> asker -> when, the last ones last."""

    def answer(self, sha256: str, host: str, port: int) -> bytes:
        """Return the body of an answer to GET SOURCES for the downloader at `host` that serves at `port`."""
        others = self.ask(sha256, (clean_host(host) or host, port))
        return "".join(f"{host} {port}\n" for host, port in others).encode()

    def ask(self, sha256: str, asker: Address) -> list[Address]:
        """Note that the peer at `asker` downloads the file; return some others that do, ascending."""
        known = self._files.pop(sha256, {})
        self._files[sha256] = known
        if len(self._files) > MAX_FILES:
            del self._files[next(iter(self._files))]
        known.pop(asker, None)
        before = self._now() - REMEMBERED_FOR
        others = [address for address, at in known.items() if at > before]
        self._note(known, asker)
        return sorted(random.sample(others, min(MAX_NAMED, len(others))))

    def _note(self, known: dict[Address, float], asker: Address) -> None:
        host = neighbourhood(asker[0])
        if Counter(neighbourhood(other) for other, _ in known)[host] >= MAX_OF_HOST:
            del known[next(address for address in known if neighbourhood(address[0]) == host)]
        elif len(known) >= MAX_ASKERS:
            del known[next(iter(known))]
        known[asker] = self._now()
