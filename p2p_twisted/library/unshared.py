"""Files in the shared folders that are not shared, and why: all counted, a limited number kept by name."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from types import MappingProxyType

from twisted.logger import Logger

from ..wire.visible import visible

MAX_LISTED = 100
"""Most files and folders kept by name: a folder may hold a million links."""


class Unshared:
    """Files and folders that are not shared. `total` counts them; `items` maps the first MAX_LISTED to the reason."""

    def __init__(self) -> None:
        self.total = 0
        self._items: dict[str, str] = {}

    @property
    def items(self) -> Mapping[str, str]:
        """The first of them: path -> the reason in one line; a live view."""
        return MappingProxyType(self._items)

    def add(self, path: str, why: str) -> None:
        """Add one file and its reason."""
        self.total += 1
        if len(self._items) < MAX_LISTED:
            self._items[path] = why

    def update(self, others: Mapping[str, str]) -> None:
        """Add all of `others`: path -> reason."""
        for path, why in others.items():
            self.add(path, why)

    def extend(self, other: Unshared) -> None:
        """Add all of `other`."""
        self.update(other.items)
        self.total += other.total - len(other.items)

    def lines(self) -> Iterator[str]:
        """Yield one line for each that is kept by name, and one for all the others."""
        yield from (f"{path}: {why}" for path, why in self._items.items())
        if self.total > len(self._items):
            yield f"{self.total - len(self._items)} more"


class Report:
    """The files that are not shared at the moment: `now`, unreadable ones first. New ones are logged once."""

    log = Logger()

    def __init__(self) -> None:
        self.now = Unshared()
        self._failures = self._refused = self.now
        self._unread: dict[str, str] = {}
        self._differing: dict[str, str] = {}
        self._said: set[str] = set()

    def walked(
        self, failures: Unshared, refused: Unshared, unread: Collection[str] = (), shadowed: Collection[str] = ()
    ) -> None:
        """Record the files that a walk could not read and those it refused.

        Earlier results of reading and comparing stay only for the paths in `unread` and `shadowed`."""
        self._failures, self._refused = failures, refused
        self._unread = {path: why for path, why in self._unread.items() if path in unread}
        self._differing = {path: why for path, why in self._differing.items() if path in shadowed}
        self._update()

    def read(self, paths: Collection[str], failed: Mapping[str, str]) -> None:
        """Record that the files at `paths` were read, except those that `failed`: path -> reason."""
        before = dict(self._unread)
        for path in paths:
            self._unread.pop(path, None)
        self._unread |= failed
        if self._unread != before:
            self._update()

    def compared(self, differing: Mapping[str, str]) -> None:
        """Record files that were compared with others of the same name, and differ: path -> reason."""
        self._differing = dict(differing)
        self._update()

    def _update(self) -> None:
        failures, refused = Unshared(), Unshared()
        failures.extend(self._failures)
        failures.update(self._unread)
        refused.extend(self._refused)
        refused.update(self._differing)
        for line in failures.lines():
            if line not in self._said:
                self.log.warn("not shared: {problem}", problem=visible(line))
        for line in refused.lines():
            if line not in self._said:
                self.log.info("not shared: {line}", line=visible(line))
        self._said = {*failures.lines(), *refused.lines()}
        failures.extend(refused)
        self.now = failures


def reason(error: BaseException) -> str:
    """Return in one line why a file could not be read."""
    return getattr(error, "strerror", None) or f"{type(error).__name__}: {error}".rstrip(": ")
