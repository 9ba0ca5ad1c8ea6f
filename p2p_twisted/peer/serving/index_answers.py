"""The answers to GET INDEX: own files first, then what was learnt of others; or the changes of own files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import islice

from twisted.internet.defer import Deferred
from twisted.internet.task import Cooperator

from ...library.catalogue import SharedFile
from ...swarm.storage import Storage
from ...wire.changes import Change, Have, Removed, encode_change
from ...wire.handout import encode_rfc_record
from ...wire.messages import Version
from ...wire.ranges import bits, to_ranges
from ...wire.records import IndexRecord, encode_record
from .content_store import ContentStore
from .index_body import Body, Lines, Parts, SharedBody, Source, build
from .index_log import IndexLog

AT_ONCE = 32
"""Lines made in one go."""
MAX_CHANGES = 500
"""Most changes told to one client alone; one further behind gets the whole index, which all share."""
MAX_HAVE = 256 * 1024
"""Most bytes of an answer that tell of unfinished files."""
MAX_RANGES = 4_000
"""Most ranges of pieces told of a file: they fit into a line."""
MAX_TOLD = 10_000
MAX_TOLD_BYTES = 2 * 2**20
"""Most records of others in an answer, and their bytes: hints, for each peer tells its own documents itself."""
LEARNT_FOR = 10
"""Seconds for which the TTLs in a body of learnt records are right enough."""
MAX_BODIES = 32
"""Most bodies kept, one for each own address and version of the protocol."""


@dataclass(frozen=True)
class IndexAnswer:
    """An answer to GET INDEX: its body, the version it starts from (None: from nothing), and the one it leads to.

    `shared` are the bodies shared with others that its parts are from: they count as read while it is sent.
    """

    parts: Parts
    since: str | None
    index: str
    shared: tuple[Body, ...] = ()

    def hold(self) -> None:
        """Note that it is being sent."""
        for body in self.shared:
            body.readers += 1

    def release(self) -> None:
        """Note that it is sent."""
        for body in self.shared:
            body.readers -= 1


class IndexAnswers:
    """Makes the answers of `content_store`, for everybody; `log` has the versions of its index."""

    def __init__(self, content_store: ContentStore, log: IndexLog, cooperator: Cooperator) -> None:
        self._content_store = content_store
        self._log = log
        self._cooperator = cooperator
        self._own: dict[tuple[str, Version], SharedBody] = {}
        self._learnt = {version: self._shared(partial(self._learnt_source, version)) for version in Version}
        self.is_swarm_large: Callable[[], bool] = lambda: False

    async def whole(self, here: str, version: Version, hearsay: bool = True) -> IndexAnswer:
        """Return all that this peer knows, for a client that has reached it at the address `here`.

        Without `hearsay`, nothing of what others have if the swarm is large: the client asks many.
        """
        own = await self._own_body(here, version).get()
        if self.is_swarm_large() and not hearsay:
            return IndexAnswer(own.parts, None, own.state[0], (own,))
        learnt = await self._learnt[version].get()
        return IndexAnswer(own.parts + learnt.parts, None, own.state[0], (own, learnt))

    async def since(self, since: str, here: str) -> IndexAnswer:
        """Return what has changed of own files since the version `since`, and the pieces of all unfinished files."""
        names, index = self._log.names_since(since), self._log.version
        have = await build(self._cooperator, _batches(map(encode_change, self._have())), MAX_HAVE)
        if names is None or len(names) > MAX_CHANGES:
            own = await self._own_body(here, Version.V11).get()
            return IndexAnswer(own.parts + have, None, own.state[0], (own,))
        return IndexAnswer(await self.changes(names, here) + have, since, index)

    def changes(self, names: Iterable[str], here: str) -> Deferred[Parts]:
        """Return a Deferred for what has become of the documents `names`."""
        return build(self._cooperator, _batches(encode_change(self._change(name, here)) for name in names))

    def have(self, content: Storage, pieces: set[int]) -> Have:
        """Return that these pieces of an unfinished file are here."""
        return Have(content.sha256, content.size, to_ranges(bits(pieces))[:MAX_RANGES])

    def _have(self) -> Iterator[Have]:
        contents = [content for content in self._content_store.parts.values() if content.count > 1]
        return (self.have(content, content.have) for content in contents)

    def _change(self, name: str, here: str) -> Change:
        file = self._content_store.library.public.get(name)
        return Removed(name) if file is None else self._content_store.record(file, here)

    # the bodies that are shared

    def _shared(self, source: Callable[[], Source]) -> SharedBody:
        return SharedBody(self._cooperator, lambda: self._content_store.now(), source)

    def _own_body(self, here: str, version: Version) -> SharedBody:
        if (here, version) not in self._own:
            if len(self._own) >= MAX_BODIES:
                del self._own[next(iter(self._own))]
            self._own[here, version] = self._shared(partial(self._own_source, here, version))
        return self._own[here, version]

    def _own_source(self, here: str, version: Version) -> Source:
        store = self._content_store

        def line(file: SharedFile) -> str | None:
            return _line(store.record(file, here), version)

        public = store.library.public
        state = self._log.version, store.port, store.advertise
        return Source(state, len(public), lambda: _batches(map(line, list(public.values()))))

    def _learnt_source(self, version: Version) -> Source:
        index, now = self._content_store.index, self._content_store.now()
        return Source(
            (index.generation, now // LEARNT_FOR),
            len(index),
            lambda: self._learnt_lines(version),
        )

    def _learnt_lines(self, version: Version) -> Lines:
        left, size = MAX_TOLD, 0
        for records in self._content_store.index.batches(self._content_store.now()):
            lines = [line for record in records[:left] if (line := _line(record, version)) is not None]
            left -= len(lines)
            size += sum(map(len, lines))
            yield lines
            if not left or size >= MAX_TOLD_BYTES:
                return


def _line(record: IndexRecord, version: Version) -> str | None:
    """Return the line of an index of `version`; None if that does not have such documents."""
    return encode_rfc_record(record) if version is Version.HANDOUT else encode_record(record, version)


def _batches(lines: Iterable[str | None]) -> Lines:
    """Yield the lines, some at a time; None is passed over, and counts."""
    waiting = iter(lines)
    while batch := list(islice(waiting, AT_ONCE)):
        yield [line for line in batch if line is not None]
