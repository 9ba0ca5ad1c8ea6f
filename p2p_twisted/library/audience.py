"""Who may know of a file: everybody, or the peers whose certificates have certain names.

The folder that a file lies in decides, the innermost one that is shared. Folders are told apart by identity as well as
by path, so that neither a link nor a mount nor a new name makes a private folder public.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from .identity import Identity, identity, real

Audience = frozenset[str] | None
"""The names of the peers that may know of a file; None for everybody."""

NOBODY: Audience = frozenset()
"""The audience of a file that is for this machine only."""


def narrower(one: Audience, other: Audience) -> Audience:
    """Return the peers that belong to both."""
    if one is None or other is None:
        return other if one is None else one
    return one & other


def described(audience: Audience) -> str:
    """Return the audience for people: "everybody", or the names."""
    return "everybody" if audience is None else ", ".join(sorted(audience)) or "nobody"


class _Private(NamedTuple):
    """A private folder: its audience, and its identity when it was last seen (None: never)."""

    audience: Audience
    identity: Identity | None


class Audiences:
    """The audiences of the folders that are not shared with everybody.

    A scan calls `look` in its thread, and `of` after it; the rest belongs to the reactor's thread.
    """

    def __init__(self, private: Mapping[Path, Audience] | None = None) -> None:
        self._folders: dict[Path, _Private] = {}
        for path, audience in (private or {}).items():
            self.add(path, audience)

    def add(self, path: Path, audience: Audience) -> None:
        """Share the folder `path` with `audience` only; with the peers in both, if it is private already."""
        if audience is not None:
            known = self._folders.get(path.absolute(), _Private(None, None))
            self._folders[path.absolute()] = _Private(narrower(known.audience, audience), identity(path))

    def look(self) -> None:
        """Find the folders where they are now. One that has vanished keeps its identity, in case it was moved."""
        for path, known in list(self._folders.items()):
            if (now := identity(path)) is not None:
                self._folders[path] = known._replace(identity=now)

    def of(self, root: Path, which: Identity | None) -> Audience:
        """Return the audience of the shared folder at the real path `root`, which has this identity."""
        audience: Audience = None
        for path, private in list(self._folders.items()):
            if real(path) == root or (which is not None and private.identity == which):
                audience = narrower(audience, private.audience)
        return audience

    def is_private(self, which: Identity | None) -> bool:
        """Return whether a folder with this identity is, or was when it was last seen, a private one."""
        return which is not None and any(private.identity == which for private in list(self._folders.values()))
