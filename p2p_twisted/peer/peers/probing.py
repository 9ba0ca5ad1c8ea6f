"""Whether a peer can be reached where the RS says that it is: another peer tries, on its behalf.

The RS records the address that a peer comes from. Where that is not one at which it listens, it is registered like
everybody else, and everybody who asks it for something is refused.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Coroutine, Iterable
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger

from ...net.connect import Reactor, dial
from ...net.errors import FetchError
from ...net.exchange import MAX_REFUSAL
from ...wire.address import Address, clean_host
from ...wire.errors import Forbidden
from ...wire.messages import Probe, Version
from .arrivals import Allowance
from .known_peer import KnownPeer
from .registration import Registration

MAX_PROBES = 32
"""Connections tried at the same time on behalf of others."""
MAX_PROBES_OF_HOST = 16
MAX_PROBES_OF_ALL = 200
"""Probes granted in a window of time: to one host, and in all."""
WITNESSES = 2
"""Peers that must have failed to connect before this peer counts as unreachable, if so many are known."""

REMEDY = (
    "others cannot fetch from this peer: listen on all interfaces (--listen tcp:PORT), open the port in the firewall, "
    "or name the address under which it is reached (--advertise)"
)

IsListed = Callable[[Address], Coroutine[Deferred[Any], Any, bool]]


class Prober:
    """Tries whether other peers can be reached. It connects to where they ask from, or where the RS says they are."""

    def __init__(self, reactor: Reactor, now: Callable[[], float], is_listed: IsListed) -> None:
        """`now` gives seconds; `is_listed` says whether the RS lists an address, and raises FetchError."""
        self._reactor = reactor
        self._allowance = Allowance(now, MAX_PROBES_OF_HOST, MAX_PROBES_OF_ALL)
        self._is_listed = is_listed
        self._probes = 0

    async def probe(self, source: str, said: str, port: int) -> str:
        """Try the peer that asks from the address `source` with a Host line `said`; returns how it went, as a line.

        Raises Forbidden when there are too many who ask.
        """
        here = clean_host(source) or source
        self._allowance.take(here)
        if self._probes >= MAX_PROBES:
            raise Forbidden("too many at once; try again in a moment")
        self._probes += 1
        try:
            address = await self._address(here, clean_host(said) or here, port)
            where = f"{address[0]}:{address[1]}"
            try:
                (await dial(self._reactor, address)).close()
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
            pass  # where it asks from can be tried in any case
        return here, port


class Reachability:
    """Whether others can connect to this peer: True, False, or None as long as nobody could be asked."""

    log = Logger()

    def __init__(self, reactor: Reactor, registration: Registration, peers: Callable[[], Iterable[KnownPeer]]) -> None:
        """`peers` returns the peers that are known."""
        self.is_reachable: bool | None = None
        self.why: str | None = None
        """Why it is not reachable, and what to do about it; None unless it is not."""
        self._reactor = reactor
        self._registration = registration
        self._peers = peers
        self._asking: Deferred[None] | None = None
        registration.on_registered.append(self._begin_anew)

    def look(self) -> None:
        """Have others try, unless it is known that this peer can be reached."""
        witnesses = [peer for peer in self._peers() if _may_be_asked(peer)]
        if self._asking is None and not self.is_reachable and self._registration.registered and witnesses:
            asked = random.sample(witnesses, min(WITNESSES, len(witnesses)))
            self._asking = Deferred.fromCoroutine(self._ask(asked))
            self._asking.addErrback(lambda failure: failure.trap(CancelledError) and None)
            self._asking.addErrback(lambda failure: self.log.failure("reachability", failure))
            self._asking.addBoth(self._over)

    def stop(self) -> None:
        """Ask nobody any more."""
        if self._asking is not None:
            self._asking.cancel()

    def _begin_anew(self) -> None:
        self.is_reachable = self.why = None

    def _over(self, _: object) -> None:
        self._asking = None

    async def _ask(self, witnesses: list[KnownPeer]) -> None:
        complaints = []
        for witness in witnesses:
            try:
                line = await self._try(witness)
            except FetchError:
                return  # it does not know the word, or has no time
            if "cannot be reached" not in line:
                self._found(True, None)
                return
            complaints.append(f"{witness.address[0]}:{witness.address[1]} says: {line}")
        self._found(False, f"{complaints[-1]}; {REMEDY}")

    async def _try(self, witness: KnownPeer) -> str:
        connection = await dial(self._reactor, witness.address, self._registration.seen_as, witness.version)
        try:
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
