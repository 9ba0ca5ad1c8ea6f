"""The events that an RS publishes. An address is that of a peer; `caller` is where the connection comes from."""

from __future__ import annotations

from dataclasses import dataclass

from ..wire.address import Address
from .types import Event


@dataclass(frozen=True)
class PeerRegistered(Event):
    """A peer has registered, for the first time or again."""

    peer: Address
    caller: Address


@dataclass(frozen=True)
class PeerLeft(Event):
    """A peer has left."""

    peer: Address
    caller: Address


@dataclass(frozen=True)
class PeersExpired(Event):
    """So many peers are inactive: their TTL ran out."""

    count: int


@dataclass(frozen=True)
class RequestRefused(Event):
    """A request was refused. `reason` may repeat text of a stranger."""

    caller: Address
    status: int
    reason: str


@dataclass(frozen=True)
class CookiesGuessed(Event):
    """A host has sent `count` wrong cookies, and is treated otherwise from now on: `treatment`, in words."""

    host: str
    count: int
    treatment: str
