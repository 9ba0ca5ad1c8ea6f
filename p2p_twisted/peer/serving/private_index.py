"""The private files of this peer, in the words of an index, for each of those who may know of them.

The index feed tells everybody of the public files. To a reader, who may know of private ones, the answers are longer:
private records and their changes are added, and to the version of the index another one, of the private files that he
may know of. Changes are numbered for each reader apart, so that nobody can count what is not for him.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import replace
from typing import Any, Protocol

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import Cooperator

from ...events.types import PrivateFilesChanged
from ...library.catalogue import SharedFile
from ...wire.changes import Removed, encode_change, parse_change
from ...wire.messages import INITIAL_VERSION
from .content_store import ContentStore
from .index_answers import IndexAnswer, IndexAnswers
from .index_body import Parts, build
from .index_log import IndexLog

BATCH_INTERVAL = 0.3
"""Seconds for which changes are gathered."""
MAX_REMEMBERED = 1_000
"""Most changes that are remembered for a reader; one that is further behind gets everything."""
_MARK = ".private."
"""Stands between the two parts of a version."""


class Follower(Protocol):
    """A follower of the index whose client is a reader."""

    def private_changed(self) -> None:
        """Send what has changed."""


class PrivateIndex:
    """The private files of `content_store`, and their changes. A reader is named by his certificate."""

    def __init__(self, clock: IReactorTime, content_store: ContentStore, cooperator: Cooperator) -> None:
        self.clock = clock
        self._cooperator = cooperator
        self._content_store = content_store
        self._library = content_store.library
        self._changes: dict[str, IndexLog] = {}
        """Of each reader for whom there has been a private file."""
        self._followers: dict[str, set[Follower]] = {}
        self._new: set[str] = set()
        """Readers whose followers are to be told of changes."""
        self._timer: Any = None
        self._add({name: file.audience or frozenset() for name, file in self._library.private.items()})
        self._library.publisher.subscribe(PrivateFilesChanged, self._changed)

    def stop(self) -> None:
        """Tell followers nothing more, unless something changes again."""
        if self._timer is not None and self._timer.active():
            self._timer.cancel()

    def follow(self, reader: str, follower: Follower) -> None:
        """Let `follower` know of all changes that `reader` may know of."""
        self._followers.setdefault(reader, set()).add(follower)

    def unfollow(self, reader: str, follower: Follower) -> None:
        """Let it know no longer."""
        followers = self._followers.get(reader, set())
        followers.discard(follower)
        if not followers:
            self._followers.pop(reader, None)

    def _changed(self, event: PrivateFilesChanged) -> None:
        self._new.update(self._add(event.readers) & self._followers.keys())
        if self._new and (self._timer is None or not self._timer.active()):
            self._timer = self.clock.callLater(BATCH_INTERVAL, self._announce)

    def _add(self, readers: Mapping[str, frozenset[str]]) -> Set[str]:
        """Add changes of files (name -> who may know of it); return all who may know of one."""
        changed: dict[str, list[str]] = {}
        for name, audience in readers.items():
            for reader in audience:
                changed.setdefault(reader, []).append(name)
        for reader, names in changed.items():
            self._changes.setdefault(reader, IndexLog(MAX_REMEMBERED)).add(names)
        return changed.keys()

    def _announce(self) -> None:
        new, self._new = self._new, set()
        for reader in new:
            for follower in list(self._followers.get(reader, ())):
                follower.private_changed()

    # the lines

    def version(self, reader: str | None) -> str:
        """Return the version of the private files that `reader` may know of; "" if there never was one."""
        changes = None if reader is None else self._changes.get(reader)
        return "" if changes is None else changes.version

    async def whole(self, reader: str | None, here: str) -> Parts:
        """Return the records of all private files that `reader` may know of; he has reached this peer at `here`."""
        if reader is None or reader not in self._changes:
            return ()
        return await self._build({file.name for file in self._files(reader)}, reader, here)

    async def extended(self, public: IndexAnswer, reader: str | None, here: str) -> IndexAnswer:
        """Return the whole index `public` with the records of private files before it."""
        told = self.version(reader)
        parts = (*await self.whole(reader, here), *public.parts)
        return replace(public, parts=parts, index=joined(public.index, told))

    async def since(self, version: str, answers: IndexAnswers, reader: str | None, here: str) -> IndexAnswer:
        """Return what has changed for `reader` since that version of his; everything if it is not known."""
        if reader is None:
            return await answers.since(version, here)
        public, told = split_version(version)
        for start in (public, INITIAL_VERSION):
            answer = await answers.since(start, here)
            names = self.changed("" if answer.since is None else told, reader)
            if names is not None:
                return await self._extended(answer, told, names, reader, here)
        raise AssertionError("an answer from nothing can always be extended")

    async def _extended(self, answer: IndexAnswer, told: str, names: set[str], reader: str, here: str) -> IndexAnswer:
        """Return `answer`, which is about public files, with what has become of the private ones `names`."""
        index, since = joined(answer.index, self.version(reader)), answer.since
        if since is None:
            return replace(answer, parts=(*answer.parts, *await self._build(names, reader, here)), index=index)
        parts, hidden = self.without_private(answer.parts, reader)
        parts += await self._build(names | hidden, reader, here)
        return replace(answer, parts=parts, since=joined(since, told), index=index)

    def _build(self, names: Iterable[str], reader: str, here: str) -> Deferred[Parts]:
        return build(self._cooperator, ([line] for name in names for line in self.lines([name], reader, here)))

    def changed(self, told: str, reader: str) -> set[str] | None:
        """Return the names that have changed for `reader` since the version `told`, None if that is not known."""
        if not told:
            return {file.name for file in self._files(reader)}
        changes = self._changes.get(reader)
        return None if changes is None else changes.names_since(told)

    def _files(self, reader: str) -> Iterable[SharedFile]:
        return (file for file in self._library.private.values() if file.is_for(reader))

    def lines(self, names: Iterable[str], reader: str, here: str) -> Iterator[str]:
        """Yield a line about each of these files; none about one that is public by now: the index feed tells of it."""
        for name in names:
            file = self._library.find(name, None, reader)
            if file is None:
                yield encode_change(Removed(name))
            elif file.audience is not None:
                yield encode_change(self._content_store.record(file, here))

    def without_private(self, parts: Parts, reader: str) -> tuple[Parts, set[str]]:
        """Return `parts` without the lines that say of a file that it is gone, where it is private for `reader` now.

        Also return the names in these lines.
        """
        hidden: set[str] = set()
        if reader not in self._changes:
            return parts, hidden
        kept = []
        for part in parts:
            lines = part.splitlines(keepends=True) if b"-\t" in part else []
            names = {line: name for line in lines if (name := self._private_name(line, reader))}
            hidden.update(names.values())
            kept.append(b"".join(line for line in lines if line not in names) if names else part)
        return tuple(kept), hidden

    def _private_name(self, line: bytes, reader: str) -> str | None:
        """Return the name in a line that says that a file is gone, if it is private for `reader`; else None."""
        if not line.startswith(b"-\t"):
            return None
        change = parse_change(line.decode().rstrip("\n"))
        is_here = isinstance(change, Removed) and self._library.find(change.name, None, reader) is not None
        return change.name if isinstance(change, Removed) and is_here else None


def joined(public: str, private: str) -> str:
    """Return the version of an index of which that of the private files is `private`; "" for none."""
    return f"{public}{_MARK}{private}" if private else public


def split_version(version: str) -> tuple[str, str]:
    """Return the version of the public files in `version`, and that of the private ones, "" if there is none."""
    public, _, private = version.partition(_MARK)
    return public, private
