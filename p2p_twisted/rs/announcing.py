"""Whether and how an RS is announced on the local network."""

from __future__ import annotations

from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address

from ..config.extras import MDNS, missing
from ..config.settings import SettingsError
from ..config.startup import StartError
from ..net.local_network import Multicast, announcement
from ..wire.fields import parse_address


def announce(reactor: Any, address: IPv4Address | IPv6Address, has_tls: bool) -> Multicast:
    """Return the service that announces the RS at `address`. Raises StartError without zeroconf, and SettingsError."""
    if line := missing(MDNS):
        raise StartError(f"--announce: {line}")
    ip = parse_address(address.host)
    if ip is not None and ip.is_loopback:
        raise SettingsError(f"--announce: --listen is at {address.host}, which no other machine can reach")
    return announcement(reactor, address.host, address.port, has_tls)
