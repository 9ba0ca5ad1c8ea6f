"""The downloads of wants: started within a budget, noted when their files come, tried again when they fail."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from itertools import islice

from ...events.publisher import Publisher
from ...events.types import DownloadEnded, FileEnded
from ..downloads.manager import DownloadManager
from ..downloads.model import CANCELLED, DONE, PAUSED, THERE, Download
from .decision import Fetch, Replace
from .look import Judged
from .places import stamp_at
from .progress import Progress
from .retries import LAST_PAUSE, Retries
from .want import Want
from .want_file import Content, KeptFile, WantFile

MAX_RUNNING = 4
"""Most downloads of wants at the same time,"""
MAX_NAMES = 500
"""and most documents of each."""


class Fetching:
    """Starts downloads with `manager` and notes in `file` what they bring. `now` gives monotonic seconds."""

    def __init__(
        self,
        manager: DownloadManager,
        file: WantFile,
        publisher: Publisher,
        now: Callable[[], float],
        on_ended: Callable[[Progress, Sequence[str]], object],
    ) -> None:
        """`on_ended` is called with the want and the documents of a download that is over."""
        self.retries = Retries()
        self._manager = manager
        self._file = file
        self._now = now
        self._on_ended = on_ended
        self._queue: dict[str, dict[str, tuple[Progress, Judged]]] = {}
        """By the id of the want, and the name."""
        self._running: dict[str, tuple[Progress, Download]] = {}
        publisher.subscribe(FileEnded, self._file_ended)
        publisher.subscribe(DownloadEnded, self._download_ended)

    def is_under_way(self, want: Want, name: str) -> bool:
        """Return whether a document is being fetched for `want`, also in a download that is paused."""
        return any(name in download.contents for download in self._of(want))

    def count(self, want: Want) -> int:
        """Return the number of documents that are being fetched for `want`, or wait for that."""
        return sum(len(download.contents) for download in self._of(want)) + len(self._queue.get(want.id, ()))

    def _of(self, want: Want) -> list[Download]:
        return [download for progress, download in self._running.values() if progress.want.id == want.id]

    def forget(self, want: Want, names: Iterable[str]) -> None:
        """Take documents that need not be fetched now from those that wait."""
        waiting = self._queue.get(want.id, {})
        for name in names:
            waiting.pop(name, None)

    def add(self, progress: Progress, judged: Iterable[Judged]) -> None:
        """Fetch documents for a want, those whose decision is Fetch or Replace; some have to wait for others."""
        waiting = self._queue.setdefault(progress.want.id, {})
        waiting.update((one.name, (progress, one)) for one in judged)
        self._fill()

    def _fill(self) -> None:
        """Start downloads, as many as there may be, in turns of the wants.

        A file that is replaced and one that is not there are never in one download: only the former may be overwritten.
        """
        while len(self._running) < MAX_RUNNING and (want := next(filter(self._queue.get, self._queue), None)):
            waiting = self._queue.pop(want)
            progress, first = next(iter(waiting.values()))
            same = (one for _, one in waiting.values() if type(one.decision) is type(first.decision))
            part = list(islice(same, MAX_NAMES))
            for one in part:
                del waiting[one.name]
            if waiting:
                self._queue[want] = waiting  # behind the others
            self._download(progress, part, isinstance(first.decision, Replace))

    def _download(self, progress: Progress, judged: Sequence[Judged], overwrite: bool) -> None:
        want = progress.want
        documents = {one.name: one.decision.document for one in judged if isinstance(one.decision, Fetch | Replace)}
        download = Download(
            secrets.token_hex(4),
            list(documents),
            want.directory,
            overwrite,
            holders=None if want.holder is None else [want.holder],
            contents={name: document.sha256 or "" for name, document in documents.items()},
            replaces={one.name: one.stamp for one in judged if one.stamp is not None},
            want=want.id,
        )
        coming = {
            name: Content(document.sha256, frozenset((record.host, record.port) for record in document.holders))
            for name, document in documents.items()
            if document.sha256 is not None
        }
        self._note_coming(want, coming)
        self._running[download.id] = progress, download
        try:
            self._manager.add(download)
        except ValueError as e:
            del self._running[download.id]
            self._failed(progress, download, dict.fromkeys(documents, str(e)))

    def _note_coming(self, want: Want, coming: dict[str, Content]) -> None:
        """Write down what is about to come: if the peer is killed when it is in place, it is known as fetched."""
        nothing = KeptFile(None, None, None)
        rows = {name: self._file.get(want.directory, name) or nothing for name in coming}
        self._file.put(want.directory, [(name, replace(row, coming=coming[name])) for name, row in rows.items()])

    def close(self) -> None:
        """Start nothing more, and note nothing: downloads end from now on because the peer stops."""
        self._queue.clear()
        self._running.clear()

    def stop(self, want: Want) -> None:
        """Stop all downloads for `want`."""
        self._queue.pop(want.id, None)
        for id_ in [id_ for id_, (progress, _) in self._running.items() if progress.want.id == want.id]:
            self._manager.cancel(id_)
        self.retries.forget(self.retries.of(want.id))

    def _file_ended(self, event: FileEnded) -> None:
        if event.download not in self._running or event.state == PAUSED:
            return
        progress, _ = self._running[event.download]
        folder = progress.want.directory
        row = self._file.get(folder, event.name)
        if row is None or row.coming is None:
            return
        if event.state == DONE:
            row = KeptFile(row.coming, stamp_at(folder, event.name), None)
            progress.arrived(event.name)
        if event.state == DONE or row.here is not None:
            self._file.put(folder, [(event.name, replace(row, coming=None))])
        else:  # nothing was fetched to there
            self._file.forget(folder, [event.name])

    def _download_ended(self, event: DownloadEnded) -> None:
        if event.download not in self._running or event.state == PAUSED:
            return
        progress, download = self._running.pop(event.download)
        states = {file.name: file for file in download.files}
        errors = {name: event.text or "it was stopped" for name in download.contents if name not in states}
        errors |= {
            one.name: str(one.error or "it was stopped") for one in download.files if one.state not in (DONE, THERE)
        }
        self._failed(progress, download, errors, LAST_PAUSE if event.state == CANCELLED else None)
        self.retries.forget((progress.want.id, name) for name in download.contents if name not in errors)
        self._on_ended(progress, list(download.contents))
        self._fill()

    def _failed(
        self, progress: Progress, download: Download, errors: dict[str, str], pause: float | None = None
    ) -> None:
        now = self._now()
        for name, why in errors.items():
            progress.problem(name, why)
            self.retries.failed((progress.want.id, name), download.contents.get(name, ""), now, pause)
