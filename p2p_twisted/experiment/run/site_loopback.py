"""Several sites on loopback (Linux): an address for each peer, in a network for each site, and limits between them."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from typing import Any

from ..plan.site_layout import SiteLayout
from ..results import LinkBytes, Transfer
from .processes import TWISTD, Loopback

LINKED = (TWISTD[0], "-m", "p2p_twisted.experiment.run.linked_twistd")


class SiteLoopback(Loopback):
    """The peers of site S listen on 127.77.S.N, and each sends to other sites at its share of the link."""

    def __init__(self, layout: SiteLayout) -> None:
        super().__init__()
        self._layout = layout

    def address(self, role: str) -> str:
        """Return the loopback address of a peer, or of the RS, which is at the first site."""
        number = role.removeprefix("peer") if role.startswith("peer") else "254"
        return f"127.77.{self._layout.site_of(role)}.{number}"

    def share(self, role: str) -> float:
        """Return the rate in bytes/s at which a peer may send to other sites."""
        return self._layout.between / self._layout.peers[self._layout.site_of(role) - 1]

    def launch(self, role: str, argv: Sequence[str], **options: Any) -> subprocess.Popen[bytes]:
        """Start ``argv``; see Loopback.launch."""
        if role.startswith("peer"):
            options_of_twistd = argv[TWISTD.index("-n") :]
            argv = [*LINKED, self.address(role), f"{self.share(role):.0f}", *options_of_twistd]
        return super().launch(role, argv, **options)


def carried(transfers: Sequence[Transfer], layout: SiteLayout) -> list[LinkBytes]:
    """Return the bytes of documents that crossed each link: those between peers of different sites."""
    there, back = [0] * len(layout.peers), [0] * len(layout.peers)
    for transfer in transfers:
        start, end = layout.site_of(transfer.source), layout.site_of(transfer.peer)
        way = there if start < end else back
        for link in range(min(start, end), max(start, end)):
            way[link] += transfer.bytes
    return [LinkBytes(*both) for both in list(zip(there, back, strict=True))[1:]]
