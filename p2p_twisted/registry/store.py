"""What a store of peer records does, whatever it keeps them in."""

from __future__ import annotations

from typing import Protocol

from ..wire.address import Address
from .record import PeerRecord

UNREGISTERED = "no peer is registered with this cookie and port"
INACTIVE = "this peer is not active: it has left, or its TTL ran out; register again"
UNKNOWN_COOKIE = "this cookie was never given out: register with an empty one"
FULL = "too many peers are registered from this address; use a cookie that was given to one of them"


class StoreError(Exception):
    """The store cannot be read or written; one line that names it and says what to do."""


class Registry(Protocol):
    """The peer records. Every method returns at once; what the clocks say is looked up at each call.

    A returned record is the store's own: read it before the next call, and never change it. Refusals are raised as
    `wire.errors.Forbidden` (403). Any method that writes may raise StoreError; then nothing has changed.
    """

    ttl: int
    """Seconds for which a peer stays active unless it renews."""

    @property
    def unwritten(self) -> int:
        """How many records have changed and wait for a sweep to be written down."""

    def register(self, host: str, port: int, cookie: int | None, wide: bool, limit: int | None = None) -> PeerRecord:
        """Enter a peer at `host` and `port`, or bring back the one that has `cookie`; it is on disk when this returns.

        Without a cookie it gets a new one that nobody had before and nobody can guess: 63 bits if `wide`, else 31.
        Whoever was active at that address with another cookie is inactive from now on: two peers cannot listen there.
        When its host (of IPv6, the /64) has `limit` records already, the one that has been inactive for longest makes
        room for a new peer, and its cookie is unknown from then on. Raises Forbidden when none of them is inactive, and
        when the cookie is unknown.
        """

    def leave(self, cookie: int, port: int) -> PeerRecord:
        """Make the peer inactive; it is on disk when this returns. Raises Forbidden: unknown, other port, inactive."""

    def keep_alive(self, cookie: int, port: int) -> PeerRecord:
        """Start the TTL anew; an inactive peer becomes active again. Raises Forbidden: unknown, other port.

        That is written down by one of the next sweeps: what a crash loses is some seconds of the TTL.
        """

    def query(self, cookie: int, port: int) -> PeerRecord:
        """As keep_alive, but raises Forbidden for an inactive peer too."""

    def active(self, limit: int | None = None, after: Address | None = None) -> tuple[list[Address], bool]:
        """Addresses of active peers, ascending: at most `limit` of those behind `after`; and whether more follow."""

    def generation(self) -> int:
        """A number that is another one whenever `active` would answer something else than before."""

    def __len__(self) -> int:
        """How many records there are, active or not."""

    def records(self) -> list[PeerRecord]:
        """Every record, active or not, by cookie."""

    def describe(self, record: PeerRecord) -> dict[str, str | int | bool]:
        """The seven fields of a record as they are now (`PeerRecord.fields`)."""

    def sweep(self) -> int:
        """Make those inactive whose TTL ran out; returns how many. Writes down what waits. To be called each second."""

    def start(self) -> None:
        """Take the store for this process alone. To be called once, after the process has become a daemon."""

    def close(self) -> None:
        """Write down everything and let the store go."""
