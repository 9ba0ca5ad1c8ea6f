"""The values of fields."""

from __future__ import annotations

from ipaddress import IPv4Address

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from p2p_twisted.wire.fields import clean_host, neighbourhood


@pytest.mark.parametrize(
    ("host", "wanted"),
    [
        ("10.0.0.1", "10.0.0.1"),
        ("::ffff:10.0.0.1", "10.0.0.1"),
        ("peer.example", "peer.example"),
        ("2001:db8::1", "2001:db8::"),
        ("2001:db8:0:0:1::", "2001:db8::"),
        ("2001:db8:0:1::", "2001:db8:0:1::"),
        ("not:an:address", "not:an:address"),
    ],
)
def test_one_host_is_one_address_or_one_ipv6_network(host: str, wanted: str) -> None:
    assert neighbourhood(host) == wanted


@given(st.ip_addresses(v=4))
@example(IPv4Address("0.0.0.0"))
@example(IPv4Address("223.255.255.255"))
@example(IPv4Address("224.0.0.1"))
@example(IPv4Address("239.0.0.1"))
@example(IPv4Address("240.0.0.1"))
def test_a_peer_may_be_at_any_ipv4_address_but_those_of_all_or_many(address: IPv4Address) -> None:
    is_one = not address.is_unspecified and not address.is_multicast
    assert clean_host(str(address)) == (str(address) if is_one else None)
