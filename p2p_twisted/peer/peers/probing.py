"""Find out whether a peer can be reached at its registered address: another peer tries on its behalf.

The RS records the address that a peer connects from. If the peer does not listen there, it is listed like all others,
and every connection to it fails.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Coroutine, Iterable
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger

from ...events.publisher import Publisher
from ...events.types import Event, IndexReceived, Registered, RoundStarted
from ...net.dialler import Dialler
from ...net.errors import FetchError, Garbled
from ...net.receiving import MAX_REFUSAL
from ...wire.address import Address
from ...wire.errors import Forbidden
from ...wire.fields import clean_host
from ...wire.messages import Probe, Version
from .arrivals import HostQuota
from .known_peer import KnownPeer
from .registration import Registration

MAX_PROBES = 32
"""Most connections tried at the same time on behalf of others."""
MAX_PROBES_OF_HOST = 16
MAX_PROBES_OF_ALL = 200
"""Most probes in a window of time: for one host, and in all."""
WITNESSES = 2
"""Peers that must fail to connect before this peer counts as unreachable, if so many are known."""

REMEDY = (
    "others cannot fetch from this peer: listen on all interfaces (--listen tcp:PORT), open the port in the firewall, "
    "or name the address under which it is reached (--advertise)"
)

IsListed = Callable[[Address], Coroutine[Deferred[Any], Any, bool]]


class Prober:
    """Tries to reach other peers, at the address that they ask from or at the one that the RS lists."""

    def __init__(self, dialler: Dialler, now: Callable[[], float], is_listed: IsListed) -> None:
        """`now` gives seconds; `is_listed` says whether the RS lists an address, and raises FetchError."""
        self._dialler = dialler
        self._quota = HostQuota(now, MAX_PROBES_OF_HOST, MAX_PROBES_OF_ALL)
        self._is_listed = is_listed
        self._probes = 0

    async def probe(self, source: str, said: str, port: int) -> str:
        """Try the peer that asks from the address `source` with the Host line `said`; return the outcome as a line.

        Raises Forbidden when there are too many requests.
        """
        here = clean_host(source) or source
        self._quota.take(here)
        if self._probes >= MAX_PROBES:
            raise Forbidden("too many at once; try again in a moment")
        self._probes += 1
        try:
            address = await self._address(here, clean_host(said) or here, port)
            where = f"{address[0]}:{address[1]}"
            try:
                (await self._dialler.dial(address)).close()
            except FetchError as e:
                return f"{where} cannot be reached: {str(e).removeprefix(f'{where}: ')}"
            return f"{where} can be reached"
        finally:
            self._probes -= 1

    async def _address(self, here: str, claimed: str, port: int) -> Address:
        try:
            if claimed != here and await self._is_listed((claimed, port)):
                return claimed, port
        except FetchError:
            pass  # the address that it asks from can be tried in any case
        return here, port


class Reachability:
    """Whether others can connect to this peer: True, False, or None as long as no peer could be asked."""

    log = Logger()

    def __init__(
        self,
        dialler: Dialler,
        registration: Registration,
        peers: Callable[[], Iterable[KnownPeer]],
        publisher: Publisher,
    ) -> None:
        """`peers` returns the known peers."""
        self.is_reachable: bool | None = None
        self.why: str | None = None
        """The reason why it is not reachable, with the remedy; None unless it is not."""
        self._dialler = dialler
        self._registration = registration
        self._peers = peers
        self._asking: Deferred[None] | None = None
        publisher.subscribe(Registered, self._registered)
        publisher.subscribe(RoundStarted, self.look)
        publisher.subscribe(IndexReceived, self.look)

    def look(self, _: Event | None = None) -> None:
        """Have others try, unless this peer is known to be reachable."""
        witnesses = [peer for peer in self._peers() if _may_be_asked(peer)]
        if self._asking is None and not self.is_reachable and self._registration.registered and witnesses:
            asked = random.sample(witnesses, min(WITNESSES, len(witnesses)))
            self._asking = Deferred.fromCoroutine(self._ask(asked))
            self._asking.addErrback(lambda failure: failure.trap(CancelledError) and None)
            self._asking.addErrback(lambda failure: self.log.failure("reachability", failure))
            self._asking.addBoth(self._over)

    def stop(self) -> None:
        """Stop asking."""
        if self._asking is not None:
            self._asking.cancel()

    def _registered(self, event: Registered) -> None:
        if not event.renewed:
            self.is_reachable = self.why = None

    def _over(self, _: object) -> None:
        self._asking = None

    async def _ask(self, witnesses: list[KnownPeer]) -> None:
        complaints = []
        for witness in witnesses:
            try:
                line = await self._try(witness)
            except FetchError:
                return  # it does not know Probe, or is busy
            if "cannot be reached" not in line:
                self._found(True, None)
                return
            complaints.append(f"{witness.address[0]}:{witness.address[1]} says: {line}")
        self._found(False, f"{complaints[-1]}; {REMEDY}")

    async def _try(self, witness: KnownPeer) -> str:
        connection = await self._dialler.dial(witness.address, self._registration.seen_as)
        try:
            if connection.version is None:
                raise Garbled("it has not answered lately")
            _, body = await connection.collect(Probe(self._registration.port), MAX_REFUSAL)
        finally:
            connection.close()
        line = body.decode("utf-8", "replace").partition("\n")[0]
        return "".join(char for char in line if char.isprintable())

    def _found(self, is_reachable: bool, why: str | None) -> None:
        if is_reachable is False and self.is_reachable is not False:
            self.log.warn("{why}", why=why)
        elif is_reachable and self.is_reachable is False:
            self.log.info("others can connect to this peer now")
        self.is_reachable, self.why = is_reachable, why


def _may_be_asked(peer: KnownPeer) -> bool:
    return peer.version is Version.V11 and not peer.failures and not peer.is_self
