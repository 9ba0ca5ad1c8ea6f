"""The events that a peer publishes: plain values, each documented on its own.

Sizes are bytes, durations seconds. `sha256` is the hex digest of a whole file, `piece` the number of a piece from 0 on,
an address that of a peer's server. Events of a swarm know files by their content, those of a download by their names.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ..wire.address import Address
from ..wire.changes import Change
from ..wire.quick_dataclass import quick_dataclass


@quick_dataclass(frozen=True)
class Event:
    """Any event. Subscribing to this type is subscribing to all."""


# a swarm


@quick_dataclass(frozen=True)
class TransferStarted(Event):
    """A source has begun to send its first piece of a file."""

    sha256: str
    source: Address


@quick_dataclass(frozen=True)
class PieceHashesKnown(Event):
    """The piece hashes of a file are here: its pieces can be requested and verified from now on."""

    sha256: str


@quick_dataclass(frozen=True)
class PieceVerified(Event):
    """A piece was received, verified and written.

    `super_seeded`: the source has given it to no other peer.
    """

    sha256: str
    piece: int
    size: int
    source: Address
    super_seeded: bool


@quick_dataclass(frozen=True)
class HashFailed(Event):
    """A piece from a source was not the piece of the piece list."""

    sha256: str
    piece: int
    source: Address


@quick_dataclass(frozen=True)
class SourceConnected(Event):
    """A source may be asked."""

    source: Address


@quick_dataclass(frozen=True)
class SourceSnubbed(Event):
    """A source has sent nothing of what it was asked for; its requests are released to others."""

    source: Address


@quick_dataclass(frozen=True)
class SourceLost(Event):
    """A source could not be reached, or its connection was lost; it is tried again later."""

    source: Address
    reason: str


@quick_dataclass(frozen=True)
class SourceBanned(Event):
    """A source is not asked again in this swarm."""

    source: Address
    reason: str


# downloads


@quick_dataclass(frozen=True)
class DownloadStarted(Event):
    """A download was accepted. `names` is None for everything that this peer lacks."""

    download: str
    names: tuple[str, ...] | None
    directory: Path


@quick_dataclass(frozen=True)
class DownloadEnded(Event):
    """A download is over, or paused. `state`, `kind` and `text` (of its error, else None) are those of docs/api.rst."""

    download: str
    state: str
    kind: str | None = None
    text: str | None = None


@quick_dataclass(frozen=True)
class FileStarted(Event):
    """The first bytes of a file of a download have arrived."""

    download: str
    name: str


@quick_dataclass(frozen=True)
class FileProgress(Event):
    """More of a file of a download is here: `size` bytes from `source`, verified unless the file is fetched whole."""

    download: str
    name: str
    size: int
    source: Address


@quick_dataclass(frozen=True)
class FileEnded(Event):
    """A file of a download is in place, or failed. `state`, `kind` and `text` as in `DownloadEnded`.

    `size` is that of the file, or of the bytes received if it is not in place; `seconds` is the time since its first
    bytes; `sources` have sent some of them. A file that was copied on this machine has none.
    """

    download: str
    name: str
    state: str
    kind: str | None = None
    text: str | None = None
    size: int = 0
    seconds: float = 0.0
    sources: tuple[Address, ...] = ()


@quick_dataclass(frozen=True)
class WantChanged(Event):
    """A want was added or stopped, or what is here of it or in its way has changed. `want` is its id."""

    want: str


# the library


@quick_dataclass(frozen=True)
class LibraryChanged(Event):
    """A batch of documents for everybody was added or replaced, and another removed.

    One that is for some from now on counts as removed. An event for each document follows.
    """

    added: tuple[str, ...]
    removed: tuple[str, ...]


@quick_dataclass(frozen=True)
class PrivateFilesChanged(Event):
    """Documents that are for some, or were, have changed. `readers`: the peers that may know of each change."""

    readers: Mapping[str, frozenset[str]]


@quick_dataclass(frozen=True)
class DocumentShared(Event):
    """A document was added to the library, or its content replaced."""

    name: str
    size: int
    sha256: str


@quick_dataclass(frozen=True)
class DocumentUnshared(Event):
    """A document is no longer shared."""

    name: str


# other peers and the RS


@quick_dataclass(frozen=True)
class PeerSeen(Event):
    """Another peer became known: listed by the RS, or it said Hello."""

    peer: Address


@quick_dataclass(frozen=True)
class PeerGone(Event):
    """Another peer is no longer known."""

    peer: Address


@quick_dataclass(frozen=True)
class RoundStarted(Event):
    """The RS and the other peers are asked for news now, as they are from time to time."""


@quick_dataclass(frozen=True)
class IndexReceived(Event):
    """Another peer has answered with its index for the first time."""

    peer: Address


@quick_dataclass(frozen=True)
class IndexChanged(Event):
    """Another peer has announced changes of its index: possibly many thousands, so this event is not for keeping."""

    peer: Address
    changes: tuple[Change, ...]


@quick_dataclass(frozen=True)
class Registered(Event):
    """The RS has registered this peer; or, if `renewed`, it has answered again after a failure."""

    rs: Address
    renewed: bool = False


@quick_dataclass(frozen=True)
class RegistrationFailed(Event):
    """The RS could not be reached, or refused. Published once for each reason in a row."""

    rs: Address
    reason: str


# serving


@quick_dataclass(frozen=True)
class TransferServed(Event):
    """A file, or ranges of it, was sent over one connection, which was closed or has been idle for a while.

    `client` is the address of the connection's other end, not of that peer's server. `complete` is false if a range was
    cut short.
    """

    client: Address
    name: str
    sha256: str
    size: int
    seconds: float
    complete: bool = True
