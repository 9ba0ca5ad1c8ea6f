"""Addresses of peers and servers, and the one spelling of each host."""

from __future__ import annotations

import re
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address

Address = tuple[str, int]
"""Host (an IP address or a name, as `clean_host` spells it) and TCP port."""

_LABEL = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?", re.ASCII)


def parse_address(host: str) -> IPv4Address | IPv6Address | None:
    """The IP address that `host` is, an IPv4 address mapped into IPv6 as the former; None if it is none."""
    try:
        address = ip_address(host)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


@lru_cache(4096)
def clean_host(text: str) -> str | None:
    """An address or host name in its one spelling, or None if nobody can be reached there.

    A name is at most 253 characters of labels parted by dots, the last of them not a number (RFC 1123, 2.1).
    """
    address = parse_address(text)
    if address is not None:
        return None if address.is_unspecified or address.is_multicast or "%" in text else str(address)
    labels = text.lower().split(".")
    if len(text) > 253 or labels[-1].isdigit() or not all(map(_LABEL.fullmatch, labels)):
        return None
    return ".".join(labels)
