"""The values of fields."""

from __future__ import annotations

import pytest

from p2p_twisted.wire.fields import neighbourhood


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
