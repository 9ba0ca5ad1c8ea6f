"""The RS that are announced on the local network: for a peer to which no RS was named."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ...net.local_network import Browser
from ...wire.address import Address
from .rs_choice import Record, Rs, draw
from .rs_cookies import Name

FIRST_WAIT = 3.0
"""Seconds for the first RS to answer."""


class LocalFinder:
    """Finds the RS that `browser` knows. Anybody on the network may announce one; only TLS says who it is."""

    names: Sequence[Name] = ()
    may_change = True
    nothing = "no RS is announced on the local network; name one with --rs"

    def __init__(self, browser: Browser, has_tls: bool, refusal: Callable[[Address], str | None]) -> None:
        """`has_tls`: find those that speak TLS, else those that do not. `refusal`: why an address is not dialled."""
        self._browser = browser
        self._has_tls = has_tls
        self._refusal = refusal

    async def find(self) -> list[Rs]:
        """Return the RS that are announced, in an order drawn by chance; wait for the first one for a moment."""
        await self._browser.wait(FIRST_WAIT)
        found = [rs for rs in self._browser.found if rs.has_tls == self._has_tls]
        drawn = draw((str(number), [Record(rs.port, rs.hosts)]) for number, rs in enumerate(found))
        return [Rs(rs.host, rs.port, rs.host) for rs in drawn if self._refusal(rs.address) is None]
