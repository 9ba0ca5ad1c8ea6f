"""Keeps the full text in step with the library: reads what is new, and forgets what is gone, one document at a time."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import replace
from itertools import islice
from typing import ParamSpec, TypeVar

from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThreadPool
from twisted.logger import Logger

from ..events.types import LibraryChanged, PrivateFilesChanged
from ..index.fulltext import FullText
from ..index.text_tables import Entry
from ..library.catalogue import Catalogue, SharedFile
from ..library.extraction import Extracted, Extractor, NoText
from ..library.shared import Reactor
from ..wire.search import RfcFacts
from ..wire.visible import visible

AT_ONCE = 500
"""Documents that are looked at in one go; those that are new are read one by one."""
PAUSE = 2.0
"""Seconds for which nothing must have changed before texts are read: a download of many files is not slowed down."""
MAX_PAUSE = 30.0
"""Seconds after which they are read all the same."""

_P = ParamSpec("_P")
_T = TypeVar("_T")


class TextIndexer:
    """Reads the documents of `library` into `fulltext`, in a thread."""

    log = Logger()

    def __init__(self, reactor: Reactor, library: Catalogue, fulltext: FullText) -> None:
        self._reactor = reactor
        self._library = library
        self._fulltext = fulltext
        self._extractor = Extractor()
        self._known: dict[str, Entry] = {}
        self._waiting: dict[str, None] = {}
        """Names of documents to be looked at."""
        self._changed_at = float("-inf")
        self._pause: Deferred[None] = succeed(None)
        self._is_working = False
        self._worked: Deferred[None] = succeed(None)
        """Fires when nothing is at work."""
        self._is_open = self._is_scanned = False
        self._is_stopped = False

    def start(self) -> None:
        """Open the full text if there is one or anything to put there, and follow the library from now on."""
        publisher = self._library.publisher
        publisher.subscribe(LibraryChanged, lambda event: self._add((*event.added, *event.removed)))
        publisher.subscribe(PrivateFilesChanged, lambda event: self._add(event.readers))
        self._add(self._library.files)

    def scanned(self) -> None:
        """Note that the library is complete: what it does not have is forgotten."""
        self._is_scanned = True
        self._add(self._known)

    async def stop(self) -> None:
        """Read no further. Returns when no thread is at work any more."""
        self._is_stopped = True
        self._extractor.close()
        self._pause.cancel()
        await self._worked
        self._fulltext.close()

    def _add(self, names: Iterable[str]) -> None:
        before = len(self._waiting)
        self._waiting.update(dict.fromkeys(names))
        if len(self._waiting) > before:
            self._changed_at = self._reactor.seconds()
        if self._waiting or self._is_open or self._fulltext.exists():
            self._begin()

    def _begin(self) -> None:
        if not self._is_working and not self._is_stopped:
            self._is_working = True
            self._worked = Deferred.fromCoroutine(self._work())
            self._worked.addErrback(lambda failure: failure.trap(CancelledError) and None)
            self._worked.addErrback(lambda failure: self.log.failure("reading texts failed", failure))

    async def _work(self) -> None:
        """Look at all that is waiting."""
        try:
            if not self._is_open:
                self._known = await self._in_thread(self._fulltext.open)
                self._is_open = True
                self._waiting.update(dict.fromkeys(self._known if self._is_scanned else ()))
            await self._until_it_is_calm()
            while self._waiting and not self._is_stopped:
                batch = list(islice(self._waiting, AT_ONCE))
                for name in batch:
                    del self._waiting[name]
                await self._look_at(batch)
        finally:
            self._is_working = False
            self._extractor.rest()

    async def _until_it_is_calm(self) -> None:
        """Return when nothing has changed for PAUSE, or after MAX_PAUSE."""
        latest = self._reactor.seconds() + MAX_PAUSE
        while not self._is_stopped:
            now = self._reactor.seconds()
            left = min(self._changed_at + PAUSE, latest) - now
            if left <= 0 or not self._waiting:
                return
            self._pause = deferLater(self._reactor, left)
            await self._pause

    async def _look_at(self, names: list[str]) -> None:
        """Bring what is known of these documents up to date."""
        gone = [name for name in names if self._library.get(name) is None and self._known.pop(name, None) is not None]
        if gone:
            await self._in_thread(self._fulltext.remove, gone)
        for name in names:
            file = self._library.get(name)
            if file is not None and not self._is_known(file) and not self._is_stopped:
                entry = Entry(name, file.title, file.size, file.sha256, file.audience is None)
                if await self._in_thread(self._read, file, entry):
                    self._known[name] = entry
        await deferLater(self._reactor, 0)

    def _is_known(self, file: SharedFile) -> bool:
        known = self._known.get(file.name)
        if known is None:
            return False
        return (known.sha256, known.is_public, known.title) == (file.sha256, file.audience is None, file.title)

    # in a thread

    def _in_thread(self, work: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> Deferred[_T]:
        return deferToThreadPool(self._reactor, self._reactor.getThreadPool(), work, *args, **kwargs)

    def _read(self, file: SharedFile, entry: Entry) -> bool:
        """Read a document and put it into the full text. Return whether it could be read."""
        same = self._fulltext.same_content(file.sha256)
        try:
            found = Extracted(same.facts, same.text) if same is not None else self._extracted(file)
        except OSError:  # it is gone by now, or has changed: the library will tell
            return False
        if not self._is_stopped:
            self._fulltext.put(replace(entry, facts=found.facts, text=found.text))
        return True

    def _extracted(self, file: SharedFile) -> Extracted:
        """Return what is in a document. Raises OSError if it cannot be opened or read."""
        fd = self._library.open(file)
        try:
            return self._extractor.read(fd, file.name)
        except NoText as e:
            if not self._is_stopped:
                self.log.info("{name} is found without its text: it {why}", name=visible(file.name), why=str(e))
            return Extracted(RfcFacts(), "")
        finally:
            os.close(fd)
