"""Sites: their names, and the networks that stand for them where a peer tells no name."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, ip_network

from ..wire import fields
from ..wire.errors import BadRequest

_EXAMPLE = "must be the bits of an IPv4 network, such as 24, or of an IPv4 and an IPv6 network, such as 24,64"


@dataclass(frozen=True)
class SitePrefix:
    """The bits of an address that are the same for all peers of a site, for IPv4 and IPv6."""

    v4: int
    v6: int = 64


NETWORKS = SitePrefix(24)
"""The usual networks of one site."""


def site_name(text: str) -> str:
    """Return the name of a site. Raises ValueError."""
    try:
        return fields.site(text)
    except BadRequest as error:
        raise ValueError(f"must be a name: {error.reason}") from None


def site_prefix(text: str) -> SitePrefix:
    """Return the prefix in ``24`` or ``24,64``. Raises ValueError."""
    numbers = text.split(",")
    if len(numbers) > 2 or not all(n.isascii() and n.isdigit() and len(n) < 4 for n in numbers):
        raise ValueError(_EXAMPLE)
    prefix = SitePrefix(*map(int, numbers))
    if not (1 <= prefix.v4 <= 32 and 1 <= prefix.v6 <= 128):
        raise ValueError(_EXAMPLE)
    return prefix


@lru_cache(4096)
def network_site(host: str, prefix: SitePrefix) -> str:
    """Return the site of a peer that tells no name: the network of its address, ``10.1.2.0/24``, or its host name."""
    address = fields.parse_address(host)
    if address is None:
        return host
    bits = prefix.v4 if isinstance(address, IPv4Address) else prefix.v6
    return str(ip_network((address, bits), strict=False))
