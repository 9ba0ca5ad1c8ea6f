"""What lies in the shared folders and is not shared, and why: counted in full, and kept by name up to a limit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

MAX_LISTED = 100
"""Files and folders that are kept by name: a folder may hold a million links."""


class Unshared:
    """Files and folders that are not shared. `total` counts them; `items` maps the first MAX_LISTED to the reason."""

    def __init__(self) -> None:
        self.total = 0
        self._items: dict[str, str] = {}

    @property
    def items(self) -> Mapping[str, str]:
        """The first of them: path -> one line that says why; a live view."""
        return MappingProxyType(self._items)

    def add(self, path: str, why: str) -> None:
        """Count one more."""
        self.total += 1
        if len(self._items) < MAX_LISTED:
            self._items[path] = why

    def extend(self, other: Unshared) -> None:
        """Count all of `other` as well."""
        for path, why in other.items.items():
            self.add(path, why)
        self.total += other.total - len(other.items)

    def lines(self) -> Iterator[str]:
        """Yield one line for each that is kept by name, and one for all others together."""
        yield from (f"{path}: {why}" for path, why in self._items.items())
        if self.total > len(self._items):
            yield f"{self.total - len(self._items)} more"


def reason(error: BaseException) -> str:
    """Return in one line why a file could not be read."""
    return getattr(error, "strerror", None) or f"{type(error).__name__}: {error}".rstrip(": ")
