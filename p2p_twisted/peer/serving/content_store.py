"""The documents that this peer knows and serves: own files and learnt records as one index, and its files opened."""

from __future__ import annotations

import builtins
from collections.abc import Callable
from typing import NamedTuple

from ...index.distributed import DistributedIndex
from ...library.catalogue import Changed, SharedFile
from ...library.pieces import list_digest, piece_size
from ...library.shared import Library
from ...swarm.errors import DownloadError
from ...swarm.storage import Storage
from ...wire.errors import FileNotFound
from ...wire.limits import TTL
from ...wire.records import IndexRecord

READ_AGAIN = 1
"""Seconds after which a file that cannot be sent at the moment may be requested again."""


class OpenFile(NamedTuple):
    """A file open for reading: its descriptor, size in bytes, SHA-256 (hex), and time of change (Unix seconds)."""

    fd: int
    size: int
    sha256: str
    modified: int | None


class ContentStore:
    """The library, the unfinished files and the index together."""

    def __init__(self, library: Library, index: DistributedIndex, now: Callable[[], float]) -> None:
        """Make an empty one; `now` gives monotonic seconds."""
        self.library = library
        self.index = index
        self.port = 0
        self.advertise: str | None = None
        self.now = now
        """Gives monotonic seconds, as the TTLs of the index are counted."""
        self.parts: dict[str, Storage] = {}
        """The unfinished files of running downloads by their hash; their verified pieces are served too."""

    def record(self, file: SharedFile, host: str) -> IndexRecord:
        """Return the index record of an own file; `host` is this peer's host, unless it advertises another."""
        pieces = list_digest(file.pieces) if file.pieces else ""
        host = self.advertise or host
        private = file.audience is not None
        return IndexRecord(file.name, file.title, host, self.port, TTL, file.size, file.sha256, pieces, private)

    def find(self, name: str, sha256: str | None, reader: str | None = None) -> SharedFile:
        """Return the shared file `name`, or one with the hash `sha256` if that is given, for the peer named `reader`.

        Raises FileNotFound, with `retry_after` while the shared folders are being scanned: the same whether there is no
        such file or it is not for this reader.
        """
        file = self.library.find(name, sha256, reader)
        if file is None:
            raise FileNotFound(f"no such document here: {name}", self._retry_after)
        return file

    def check_has_some(self, sha256: str) -> None:
        """Raise FileNotFound unless something of the file with that hash is here that everybody may know of."""
        if sha256 not in self.parts:
            self.find("", sha256)

    @property
    def _retry_after(self) -> int | None:
        """Seconds after which a missing file may be here; None unless a scan is under way."""
        return READ_AGAIN if self.library.is_scanning else None

    def name_of(self, sha256: str, reader: str | None = None) -> str:
        """Return the name under which the file with that hash is served to `reader`, or the hash."""
        found = self.library.find("", sha256, reader) or self.parts.get(sha256)
        return sha256 if found is None else found.name

    def serve(self, content: Storage) -> bool:
        """Serve the verified pieces of `content`; return whether.

        They are not served if those of another download are, or if they are received in confidence.
        """
        if self.library.confidential.keeps(content.sha256, content.target.path):
            return False
        return self.parts.setdefault(content.sha256, content) is content

    def withdraw(self, content: Storage) -> None:
        """Stop serving `content`."""
        if self.parts.get(content.sha256) is content:
            del self.parts[content.sha256]

    def part(self, sha256: str, first: int, last: int) -> Storage | None:
        """Return the unfinished file with that hash if its bytes `first` to `last` are verified, else None."""
        content = self.parts.get(sha256)
        if content is None or last >= content.size:
            return None
        size = piece_size(content.size)
        return content if content.have.issuperset(range(first // size, last // size + 1)) else None

    def piece_list(self, sha256: str, reader: str | None = None) -> bytes:
        """Return the piece hashes of the file with that hash, one after the other. Raises FileNotFound, as `find`."""
        file, content = self.library.find("", sha256, reader), self.parts.get(sha256)
        if file is not None:
            return file.pieces or bytes.fromhex(sha256)
        if content is not None and content.digests is not None:
            return content.digests
        raise FileNotFound(f"no piece list here of {sha256}")

    def open_part(self, content: Storage) -> OpenFile:
        """Open an unfinished file, for its verified pieces. Raises FileNotFound as `open` does."""
        try:
            return OpenFile(content.open_piece(), content.size, content.sha256, content.modified)
        except DownloadError as e:
            raise FileNotFound(f"cannot be opened now: {content.name}", READ_AGAIN) from e

    def open(self, file: SharedFile) -> OpenFile:
        """Open `file` for reading; closing it is up to the caller.

        Raises FileNotFound when it is gone or has changed, with `retry_after` when it may be available again soon: it
        is being read again, or this process has no descriptor left at the moment.
        """
        try:
            return OpenFile(self.library.open(file), file.size, file.sha256, file.modified)
        except Changed:
            self.library.scan()
            raise FileNotFound(f"is being read again: {file.name}", READ_AGAIN) from None
        except builtins.FileNotFoundError:
            self.library.scan()
            raise FileNotFound(f"no longer here: {file.name}", self._retry_after) from None
        except OSError as e:
            raise FileNotFound(f"cannot be opened now ({e.strerror}): {file.name}", READ_AGAIN) from None
