"""The events that an RS publishes. An address is that of a peer; `caller` is where the connection comes from."""

from __future__ import annotations

from ..wire.address import Address
from ..wire.quick_dataclass import quick_dataclass
from .types import Event


@quick_dataclass(frozen=True)
class PeerRegistered(Event):
    """A peer has registered, for the first time or again."""

    peer: Address
    caller: Address


@quick_dataclass(frozen=True)
class PeerLeft(Event):
    """A peer has left."""

    peer: Address
    caller: Address


@quick_dataclass(frozen=True)
class PeersExpired(Event):
    """So many peers are inactive: their TTL ran out."""

    count: int


@quick_dataclass(frozen=True)
class RequestRefused(Event):
    """A request was refused. `reason` may repeat text of a stranger."""

    caller: Address
    status: int
    reason: str


@quick_dataclass(frozen=True)
class CookiesGuessed(Event):
    """A host has sent `count` wrong cookies, and is treated otherwise from now on: `treatment`, in words."""

    host: str
    count: int
    treatment: str
