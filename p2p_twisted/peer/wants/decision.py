"""What a want does about one name: given who has it, what was fetched before, and what is in its place. Pure.

A file is replaced and removed only if it was fetched for a want and has not been changed since, and only on the word of
its holders: the peers that had the content when it was fetched. While one of them still has that content, it stays,
whatever others have under the name: they may be behind, or mean another document.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ...index.search import Document
from ...wire.address import Address


@dataclass(frozen=True)
class Place:
    """What is in the place of a document: its SHA-256, "" if it is none of the known contents.

    `holders` are those of a file that was fetched for a want and is unchanged, less those that have removed theirs;
    None for any other file.
    """

    sha256: str
    holders: frozenset[Address] | None = None


@dataclass(frozen=True)
class Fetch:
    """Fetch `document` to its place, where nothing is."""

    document: Document


@dataclass(frozen=True)
class Replace:
    """Fetch `document`, and put it in the place of the file that is there."""

    document: Document


@dataclass(frozen=True)
class Delete:
    """Remove the file: nobody has it any more, and all of its holders have said that they have removed it."""


@dataclass(frozen=True)
class Stay:
    """Do nothing; `why`, if the user should know of that."""

    why: str | None = None


Decision = Fetch | Replace | Delete | Stay

_NOT_OURS = "another file is in its place, which was not fetched for a want; it stays as it is"
_SILENT = "other peers have another content, and none that had this one says so; remove the file to fetch theirs"
_CHANGED = "the file was changed here since it was fetched; it stays as it is"


def decide(known: Sequence[Document], told: Sequence[Document], place: Place | None, was_kept: bool) -> Decision:
    """Return what to do about a name.

    `known` are its contents as their holders describe them, `told` what others say that holders have; only of peers
    that count for the want. `place` is None if nothing is there. `was_kept`: a want has fetched a file to this place.
    """
    if place is None:
        return _fetch(known or told)
    if place.holders is None:
        return _beside_another_file(known, place, was_kept)
    if not known:
        return Stay() if told or place.holders else Delete()
    return _replace(known, place.sha256, place.holders)


def _fetch(contents: Sequence[Document]) -> Decision:
    if len(contents) > 1:
        return Stay(_choice(contents))
    return Fetch(contents[0]) if contents else Stay()


def _beside_another_file(known: Sequence[Document], place: Place, was_kept: bool) -> Decision:
    hashes = {document.sha256 for document in known}
    if not hashes or place.sha256 in hashes or None in hashes:  # a peer of 1.0 does not say which content it has
        return Stay()
    return Stay(_CHANGED if was_kept else _NOT_OURS)


def _replace(known: Sequence[Document], sha256: str, holders: frozenset[Address]) -> Decision:
    """Decide about a file with this hash, which is ours: is there a new version? Without holders, anybody's counts."""
    hashed = [one for one in known if one.sha256 is not None]
    theirs = [one for one in hashed if not holders.isdisjoint((record.host, record.port) for record in one.holders)]
    contents = theirs if holders else hashed
    if any(one.sha256 == sha256 for one in contents or hashed):
        return Stay()
    if not contents:
        return Stay(_SILENT if hashed else None)
    return Stay(_choice(contents)) if len(contents) > 1 else Replace(contents[0])


def _choice(contents: Sequence[Document]) -> str:
    hashes = ", ".join(f"@{(one.sha256 or '')[:8]}" for one in contents[:5])
    return f"there are {len(contents)} contents of this name ({hashes}); name the peer that counts"
