"""A twistd whose peer is at one of several sites of loopback: ``linked_twistd ADDRESS RATE``, then as twistd.

The peer connects to others from ADDRESS, so that they see where it is, and sends no more than RATE bytes/s of files to
hosts of other networks (of 24 bits): its share of the link between the sites.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from twisted.internet.endpoints import TCP4ClientEndpoint
from twisted.scripts.twistd import run

from ...net import connect
from ...net.throttle import Throttle
from ...peer import service
from ...peer.serving import protocol
from ...peer.serving.factory import PeerFactory
from ...peer.serving.file_sender import Sender, file_sender


class Link:
    """The limit of what the peer at `address` sends to other networks, together `rate` bytes/s."""

    def __init__(self, address: str, rate: float) -> None:
        self._address = address
        self._rate = rate
        self._throttle: Throttle | None = None

    def factory(self, clock: Any, *rest: Any) -> PeerFactory:
        """Return the server of the peer, of which `clock` is the reactor."""
        self._throttle = Throttle(clock, time.monotonic, self._rate)
        return PeerFactory(clock, *rest)

    def send(
        self, transport: Any, fd: int, first: int, length: int, touch: Callable[[], None], uplink: Throttle | None
    ) -> Sender:
        """Return what sends a range of a file, over the link where the other end is in another network."""
        is_far = network(transport.getPeer().host) != network(self._address)
        return file_sender(transport, fd, first, length, touch, self._throttle if is_far else uplink)


def network(host: str) -> str:
    """Return the first 24 bits of an IPv4 address."""
    return host.rpartition(".")[0]


def main() -> None:
    """Run twistd."""
    program, address, rate, *rest = sys.argv
    link = Link(address, float(rate))
    vars(service)["PeerFactory"] = link.factory
    vars(protocol)["file_sender"] = link.send
    vars(connect)["TCP4ClientEndpoint"] = partial(TCP4ClientEndpoint, bindAddress=(address, 0))
    sys.argv = [program, *rest]
    run()


if __name__ == "__main__":
    main()
