"""A want: which documents a peer is to have, and in which folder. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from ...index.query import Pattern, is_pattern
from ...library.paths import safe_name
from ...wire.address import Address
from ...wire.fields import has_control
from ...wire.limits import MAX_NAME

EVERYTHING = "*"
"""The pattern of all documents."""


def check_pattern(text: str) -> str:
    """Return `text`, which stands for documents. Raises ValueError, which says what it must be."""
    if not text or len(text.encode("utf-8", "replace")) > MAX_NAME or has_control(text):
        raise ValueError(f"must be a name or pattern of 1 to {MAX_NAME} bytes, without control characters")
    if not is_several(text):
        try:
            safe_name(text)
        except ValueError as e:
            raise ValueError(f"must be a name that a document can have: {e}") from None
    return text


def is_several(text: str) -> bool:
    """Return whether `text` may mean several documents: a pattern, or ``FOLDER/``."""
    return is_pattern(text) or text.endswith("/")


@dataclass(frozen=True)
class Want:
    """Documents by `pattern`: a name, a pattern for whole names, or ``FOLDER/``; in the folder `directory`.

    With `holder`, only what that peer has of them counts. If it `deletes`, a file is removed when its holders have
    removed theirs. One that `is_set` stands in the settings.
    """

    id: str
    pattern: str
    directory: Path
    holder: Address | None = None
    deletes: bool = False
    is_set: bool = field(default=False, compare=False)

    @cached_property
    def _matches(self) -> Callable[[str], bool]:
        if not is_several(self.pattern):
            return self.pattern.__eq__
        pattern = Pattern(f"{self.pattern}*" if self.pattern.endswith("/") else self.pattern)
        return lambda name: pattern.matches(name) or name == self.pattern

    def matches(self, name: str) -> bool:
        """Return whether it is for the document `name`."""
        return self._matches(name)

    def counts(self, holder: Address) -> bool:
        """Return whether it matters what the peer at `holder` has."""
        return self.holder is None or self.holder == holder

    def is_same(self, other: Want) -> bool:
        """Return whether it is for the same documents in the same folder."""
        return (self.pattern, self.directory, self.holder) == (other.pattern, other.directory, other.holder)
