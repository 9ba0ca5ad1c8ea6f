"""The answers of the control API: every JSON object of docs/api.rst as a dataclass, field for field and in that order.

Times are Unix seconds, durations seconds, sizes bytes, rates bytes/s. Downloads are in ``download_schema``, events in
``events``; the answers about experiments are in the package that runs those. Needs no Twisted.
"""

from __future__ import annotations

import json

from ...wire.quick_dataclass import quick_dataclass
from .download_schema import BytesBySite


def encode(answer: object) -> bytes:
    """Return the JSON of `answer`: a dataclass of this module, or anything that JSON knows and that holds them."""
    return json.dumps(answer, separators=(",", ":"), default=vars).encode()


@quick_dataclass(frozen=True)
class ErrorAnswer:
    """A refusal: one line for people."""

    error: str


@quick_dataclass(frozen=True)
class FileReceived:
    """A file that is written part by part: how many of its `size` bytes are here."""

    name: str
    received: int
    size: int


@quick_dataclass(frozen=True)
class WebLink:
    """The address of the pages; it begins one session, and can be used once."""

    url: str


# a peer


@quick_dataclass(frozen=True)
class OtherRs:
    """An RS that a peer may use in place of its present one. `last_error` is None if it has not failed."""

    host: str
    port: int
    address: str
    last_error: str | None


@quick_dataclass(frozen=True)
class RsConnection:
    """The RS that a peer uses, and whether the peer is registered there and reachable for others.

    `address` is the IP address of `host`, None before it is known. `why` says why it is this RS and none of `others`.
    """

    host: str
    port: int
    address: str | None
    why: str
    others: list[OtherRs]
    registered: bool
    last_error: str | None
    reachable: bool | None
    unreachable_why: str | None


@quick_dataclass(frozen=True)
class UnsharedPath:
    """A file or folder that the last scan left out."""

    path: str
    why: str


@quick_dataclass(frozen=True)
class UnsharedPaths:
    """The number of files and folders that the last scan left out, and the first of them."""

    total: int
    items: list[UnsharedPath]


@quick_dataclass(frozen=True)
class PrivateFolder:
    """A shared folder that is shared with the peers `readers` only."""

    path: str
    readers: list[str]


@quick_dataclass(frozen=True)
class BannedSource:
    """A source that a download banned. `when` the download ended; None while it runs."""

    host: str
    port: int
    why: str
    when: float | None


@quick_dataclass(frozen=True)
class Limits:
    """The rate limits of a peer; None for no limit."""

    up_rate: float | None
    down_rate: float | None


@quick_dataclass(frozen=True)
class PeerStatus:
    """The state of a peer."""

    role: str
    version: str
    host: str
    port: int
    rs: RsConnection
    shared: list[str]
    private: list[PrivateFolder]
    download_dir: str
    files: int
    bytes: int
    not_shared: UnsharedPaths
    index_records: int
    peers: int
    uploaded: int
    site: str
    by_site: BytesBySite
    dropped_sources: list[BannedSource]
    limits: Limits
    uptime: float


@quick_dataclass(frozen=True)
class SharedDocument:
    """A shared file by its name in the swarm, and its size in bytes."""

    name: str
    size: int


@quick_dataclass(frozen=True)
class SharedFolder:
    """A shared folder: `files` and `bytes` in it, `readers` (None: everybody), and the `first` of its files by name."""

    path: str
    readers: list[str] | None
    files: int
    bytes: int
    first: list[SharedDocument]


@quick_dataclass(frozen=True)
class SharedFolders:
    """The shared folders, the download folder last. `is_reading`: files are still being read and hashed."""

    items: list[SharedFolder]
    is_reading: bool


@quick_dataclass(frozen=True)
class OtherPeer:
    """Another peer. `last_seen` is seconds since it last answered, None if it never did. The rates are bytes/s.

    `up_rate` is that to all peers on its host.
    """

    host: str
    port: int
    files: int
    last_seen: float | None
    failures: int
    up_rate: float
    down_rate: float


@quick_dataclass(frozen=True)
class OtherPeers:
    """The other peers that a peer knows."""

    items: list[OtherPeer]


@quick_dataclass(frozen=True)
class Holder:
    """A peer that has a document. `ttl` is the seconds for which its record still counts."""

    host: str
    port: int
    ttl: int


@quick_dataclass(frozen=True)
class IndexedDocument:
    """One name with one content, and its holders. `size` and `sha256` are None if only 1.0 peers have it.

    `first_hand` is false if none of the holders has said so itself yet, but others have. `readers` are the peers that
    may know of a private document of this peer; none if it is received in confidence, None if it is for everybody.
    """

    name: str
    type: str
    title: str
    size: int | None
    sha256: str | None
    local: bool
    first_hand: bool
    readers: list[str] | None
    holders: list[Holder]


@quick_dataclass(frozen=True)
class IndexPage:
    """A part of the documents that match a search, and the number of all of them."""

    total: int
    items: list[IndexedDocument]


# settings


@quick_dataclass(frozen=True)
class SettingValue:
    """A setting and the origin of its value: "flag", "default", or the path of the config file."""

    name: str
    value: str | float | bool | list[str] | None
    origin: str


@quick_dataclass(frozen=True)
class Settings:
    """All settings of a process."""

    items: list[SettingValue]
