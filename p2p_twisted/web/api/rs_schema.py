"""The answers of the control API of an RS, as dataclasses; see ``schema``."""

from __future__ import annotations

from ...wire.quick_dataclass import quick_dataclass


@quick_dataclass(frozen=True)
class RsStatus:
    """The state of an RS: numbers of active peers, peer records and open connections.

    `waiting`: records that are to be written. `counts`: numbers since the start, by names of words separated by spaces.
    `workers`: processes that serve. `problem`: why no peer can register at the moment; None if it can.
    """

    role: str
    version: str
    uptime: int
    ttl: int
    active: int
    records: int
    connections: int
    waiting: int
    counts: dict[str, float]
    workers: int = 1
    problem: str | None = None


@quick_dataclass(frozen=True)
class PeerRecordView:
    """A peer record, named as in the protocol, without its cookie, which is a secret of that peer."""

    hostName: str
    isActive: bool
    TTL: int
    port: int
    registered_count: int
    last_registered: str


@quick_dataclass(frozen=True)
class PeerRecordPage:
    """A part of the peer records, and the number of all of them."""

    total: int
    items: list[PeerRecordView]
