"""Which addresses somebody vouches for whose word counts: the RS that lists them, or the peer that said Hello there.

Records of others name holders, and anybody may invent them. What they name is looked up at the RS before it is dialled.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from twisted.internet.defer import Deferred, FirstError, gatherResults
from twisted.logger import Logger

from ...net.dial_policy import DialPolicy
from ...net.errors import FetchError, Unreachable
from ...net.remembered import Remembered
from ...wire.address import Address
from ...wire.fields import parse_address
from .known_peer import KnownPeer
from .peer_list import MAX_LISTED
from .registration import Registration

LISTED_FOR = 10.0
"""Seconds for which the word of the RS about one address is not asked for again."""
AT_ONCE = 200
"""Addresses of a list that are judged between two looks at the clock."""
MAX_SINGLE = 24
"""Addresses about which the RS is asked one by one, all at once; about more, it is asked for the whole list."""


class Vouching:
    """Knows whether an address may be dialled that others have named. `peers` are the known ones."""

    log = Logger()

    def __init__(
        self,
        registration: Registration,
        peers: Mapping[Address, KnownPeer],
        policy: DialPolicy,
        now: Callable[[], float],
    ) -> None:
        """`now` gives monotonic seconds."""
        self._registration = registration
        self._peers = peers
        self._policy = policy
        self._listed: Remembered[bool] = Remembered(now, LISTED_FOR)
        self._refused = 0

    def sort_out(self, listed: Iterable[Address], allowed: dict[Address, None]) -> Iterator[None]:
        """Put the addresses in the list of the RS into `allowed` that the policy allows, some in each step."""
        refused: list[tuple[Address, str]] = []
        for number, address in enumerate(listed, 1):
            why = self._policy.refusal(address)
            if why is None:
                allowed[address] = None
            else:
                refused.append((address, why))
            if number % AT_ONCE == 0:
                yield
        self._note(refused)

    def _note(self, refused: list[tuple[Address, str]]) -> None:
        """Log how many addresses of the list are not dialled, if they have become more."""
        if len(refused) > self._refused:
            (host, port), why = refused[0]
            self.log.info(
                "of the peers that the RS lists, {n} are not dialled, such as {host}:{port}: {why} (see --dial)",
                n=len(refused),
                host=host,
                port=port,
                why=why,
            )
        self._refused = len(refused)

    async def is_listed(self, address: Address) -> bool:
        """Return whether the RS lists the peer at `address`. Raises FetchError."""
        peer = self._peers.get(address)
        if peer is not None and peer.is_listed:
            return True
        listed = await self._registration.is_listed(address)
        self._listed.put(address, listed)
        return listed

    def was_listed(self, address: Address) -> bool:
        """Return whether the RS has said lately, when asked about it, that it lists the peer at `address`."""
        return bool(self._listed.get(address))

    async def check(self, address: Address) -> None:
        """Raise Unreachable if nobody vouches for `address`."""
        if not await self.among([address]):
            raise Unreachable("the RS does not list it")

    async def among(self, addresses: Iterable[Address]) -> list[Address]:
        """Return those of `addresses` for which somebody vouches, in their order. Raises Unreachable."""
        known = {address: self._known(address) for address in addresses}
        unknown = [address for address, vouched in known.items() if vouched is None]
        try:
            known.update(await self._ask(unknown))
        except FetchError as e:
            raise Unreachable(f"the RS cannot say whether it lists it: {e}") from e
        return [address for address, vouched in known.items() if vouched]

    def _known(self, address: Address) -> bool | None:
        """Return whether somebody vouches for `address`, None if the RS must be asked."""
        if address in self._peers or self._policy.covers(address[0]):
            return True
        if parse_address(address[0]) is None or self._policy.refusal(address):
            return False
        return self._listed.get(address)

    async def _ask(self, unknown: list[Address]) -> dict[Address, bool]:
        found: dict[Address, bool] = {}
        if len(unknown) > MAX_SINGLE:
            listed = await self._registration.peers()
            found = dict.fromkeys(unknown, False) | dict.fromkeys(set(unknown) & set(listed), True)
            for address, is_listed in found.items():
                self._listed.put(address, is_listed)
            if len(listed) < MAX_LISTED:
                return found
            unknown = [address for address, is_listed in found.items() if not is_listed]
        single = unknown[:MAX_SINGLE]
        asked = gatherResults([Deferred.fromCoroutine(self.is_listed(one)) for one in single], consumeErrors=True)
        try:
            return found | dict(zip(single, await asked, strict=True))
        except FirstError as e:
            e.subFailure.raiseException()
            raise
