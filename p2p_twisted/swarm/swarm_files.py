"""The files of a swarm: which of them are unfinished, and how each ends."""

from __future__ import annotations

from collections.abc import Iterable

from twisted.internet.defer import Deferred

from .errors import DownloadError, WrongContent
from .picker_state import PickerState
from .prospects import Prospects
from .storage import Storage
from .verifier import Verifier

FALSE_RECORD = "its pieces are right, but the whole file is not: the index record is false"


class SwarmFiles:
    """`storages` by the hashes of their files; pieces of those that are unfinished are wanted in `state`."""

    def __init__(self, storages: Iterable[Storage], state: PickerState, prospects: Prospects) -> None:
        self.storages = {storage.sha256: storage for storage in storages}
        self.unfinished = set(self.storages)
        """The hashes of the files that are neither complete nor failed."""
        self.over = False
        """Whether nothing more is to happen: all files have ended, or the swarm was stopped."""
        self.all_ended: Deferred[None] = Deferred()
        self._state = state
        self._prospects = prospects
        self._ends: dict[str, Deferred[None]] = {}

    def finished(self, sha256: str) -> Deferred[None]:
        """Return a Deferred that fires when the file is complete and right, or fails with its DownloadError."""
        return self._ends.setdefault(sha256, Deferred())

    def end(self, storage: Storage, error: DownloadError | None = None) -> None:
        """End a file: it is complete and right, or has failed with `error`."""
        if self.over or storage.sha256 not in self.unfinished:
            return
        self.unfinished.remove(storage.sha256)
        self._state.unwant(storage.sha256)
        end = self._ends.pop(storage.sha256, None)
        if end is not None:
            end.callback(None) if error is None else end.errback(error)
        if not self.unfinished and not self.over:
            self.over = True
            self.all_ended.callback(None)

    async def hash_on(self, storage: Storage, verifier: Verifier) -> None:
        """Hash the whole file as far as it is here; when all of it is, end the file."""
        try:
            right = await verifier.hash_on(storage)
        except DownloadError as e:
            self.end(storage, e)
        else:
            if right is not None:
                self.end(storage, None if right else WrongContent(FALSE_RECORD))

    def end_all(self, error: DownloadError) -> None:
        """Let all unfinished files fail with `error`."""
        for sha256 in list(self.unfinished):
            self.end(self.storages[sha256], error)

    def check(self, files: Iterable[str]) -> None:
        """Let those of `files` fail that no source can give any more."""
        for sha256 in self.unfinished.intersection(files):
            error = self._prospects.error_of(sha256)
            if error is not None:
                self.end(self.storages[sha256], error)
