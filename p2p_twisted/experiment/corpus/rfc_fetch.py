"""Fetch RFCs from a mirror over HTTP, a few at a time, with pauses; in threads, without a reactor."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from .mirror import FetchError, Mirror

RFC_EDITOR = "https://www.rfc-editor.org/rfc/"
WORKERS = 3
REQUEST_INTERVAL = 0.5
"""Seconds between the starts of two requests, of all workers together."""
MAX_ATTEMPTS = 3
RETRY_INTERVAL = 2.0
"""Seconds before the second attempt at a document; twice that before the third."""
MAX_RETRY_AFTER = 120.0
"""Seconds."""
MAX_NUMBERS = 20_000
MAX_FAILURES = 3
"""The number of failed documents in a row after which the rest is not requested."""
FIRST_NEW_PDF = 8650
"""The first RFC whose PDF is made from XML and has another path."""


@dataclass
class Outcome:
    """The outcome: files fetched, files that were there before, numbers missing on the mirror, number -> failure."""

    fetched: list[Path] = field(default_factory=list)
    present: list[Path] = field(default_factory=list)
    missing: list[int] = field(default_factory=list)
    failed: dict[int, str] = field(default_factory=dict)


def parse_numbers(text: str) -> list[int]:
    """Parse ``"8423-8496,791"`` into RFC numbers, each once, in the order given. Raises ValueError."""
    numbers: dict[int, None] = {}
    for part in text.split(","):
        found = re.fullmatch(r"([0-9]{1,6})(?:-([0-9]{1,6}))?", part.strip())
        low, high = (int(found[1]), int(found[2] or found[1])) if found else (1, 0)
        if not 0 < low <= high:
            raise ValueError(f"{part!r} is neither a number nor a range like 8423-8496")
        numbers.update(dict.fromkeys(range(low, high + 1)))
        if len(numbers) > MAX_NUMBERS:
            raise ValueError(f"more than {MAX_NUMBERS} documents")
    return list(numbers)


def paths_of(number: int, kind: str) -> tuple[str, ...]:
    """Return the possible paths of an RFC at the RFC Editor, the likelier one first. ``kind``: txt or pdf."""
    if kind == "txt":
        return (f"rfc{number}.txt",)
    old, new = f"pdfrfc/rfc{number}.txt.pdf", f"rfc{number}.pdf"
    return (new, old) if number >= FIRST_NEW_PDF else (old, new)


class Fetcher:
    """Fetches RFCs of one ``kind`` (txt or pdf) from ``mirror`` into ``directory``.

    ``on_document(number)`` is called from the workers' threads when a document is done. ``wait(seconds)`` and ``now()``
    replace the pauses and the monotonic clock in tests. Raises ValueError if the mirror is not HTTP(S).
    """

    def __init__(
        self,
        directory: Path,
        mirror: str = RFC_EDITOR,
        kind: str = "txt",
        *,
        on_document: Callable[[int], None] = lambda number: None,
        wait: Callable[[float], object] | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._stopped = threading.Event()
        self._mirror = Mirror(mirror, kind, self._stopped)
        self._directory = directory
        self._kind = kind
        self._on_document = on_document
        self._wait = self._stopped.wait if wait is None else wait
        self._now = now
        self._turn = threading.Lock()
        self._next_turn = 0.0
        self._failures = 0

    def run(self, numbers: Sequence[int]) -> Outcome:
        """Fetch the RFCs that are not there yet. Blocks. Raises OSError if writing fails.

        When it returns or raises (KeyboardInterrupt too), all threads have ended, and unfinished documents are kept in
        ``.part`` files.
        """
        self._directory.mkdir(parents=True, exist_ok=True)
        outcome = Outcome()
        with ThreadPoolExecutor(WORKERS, "fetch") as workers:
            try:
                for future in [workers.submit(self._one, number, outcome) for number in numbers]:
                    future.result()
            except BaseException:
                self._stopped.set()
                workers.shutdown(wait=False, cancel_futures=True)
                raise
        outcome.missing.sort()
        return outcome

    def _one(self, number: int, outcome: Outcome) -> None:
        paths = paths_of(number, self._kind)
        present = [path for path in map(self._target, paths) if path.exists()]
        try:
            if present:
                outcome.present.append(present[0])
            elif found := next(filter(None, map(self._fetch, paths)), None):
                outcome.fetched.append(found)
            else:
                outcome.missing.append(number)
        except FetchError as error:
            outcome.failed[number] = str(error)
        self._on_document(number)

    def _target(self, path: str) -> Path:
        return self._directory / path.rpartition("/")[2]

    def _fetch(self, path: str) -> Path | None:
        """Return the file of ``path``, None if the mirror does not have it. Raises FetchError if all attempts fail."""
        for pause in (*(RETRY_INTERVAL * 2**i for i in range(MAX_ATTEMPTS - 1)), None):
            self._take_turn()
            try:
                found = self._mirror.fetch(path, self._target(path))
            except FetchError as error:
                if pause is None or error.wait is None or error.wait > MAX_RETRY_AFTER:
                    self._failures += 1
                    raise
                self._hold_all(error.wait or pause)
            else:
                self._failures = 0
                return self._target(path) if found else None
        raise AssertionError("the last attempt returns or raises")

    def _take_turn(self) -> None:
        """Wait until the next request may start; if the mirror told one worker to wait, all wait."""
        with self._turn:
            self._wait(max(0.0, self._next_turn - self._now()))
            self._next_turn = max(self._next_turn, self._now()) + REQUEST_INTERVAL
        if self._stopped.is_set() or self._failures >= MAX_FAILURES:
            raise FetchError("not requested: the mirror does not answer", None)

    def _hold_all(self, seconds: float) -> None:
        with self._turn:
            self._next_turn = max(self._next_turn, self._now() + seconds)
