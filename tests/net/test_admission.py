"""The networks from which connections are admitted, without any connection."""

from __future__ import annotations

from ipaddress import IPv4Address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2p_twisted.config.settings import Network, network
from p2p_twisted.net.admission import REPORT_INTERVAL, Admission, admission


def rule(allow: str = "", deny: str = "") -> Admission:
    return Admission([network(one) for one in allow.split()], [network(one) for one in deny.split()])


@pytest.mark.parametrize(
    ("allow", "deny", "host", "admitted"),
    [
        ("192.0.2.0/24", "", "192.0.2.7", True),
        ("192.0.2.0/24", "", "192.0.3.7", False),
        ("192.0.2.0/24 192.0.3.7", "", "192.0.3.7", True),
        ("192.0.2.0/24 192.0.3.7", "", "192.0.3.8", False),
        ("", "192.0.2.0/24", "192.0.2.7", False),
        ("", "192.0.2.0/24", "192.0.3.7", True),
        ("192.0.2.0/24", "192.0.2.7", "192.0.2.7", False),
        ("192.0.2.0/24", "192.0.2.7", "192.0.2.8", True),
        ("192.0.2.7", "192.0.2.0/24", "192.0.2.7", False),
        ("192.0.2.0/24", "", "::ffff:192.0.2.7", True),
        ("", "192.0.2.0/24", "::ffff:192.0.2.7", False),
        ("", "192.0.2.0/24", "::ffff:c000:207", False),
        ("::ffff:192.0.2.0/120", "", "192.0.2.7", True),
        ("", "::ffff:192.0.2.0/120", "192.0.2.7", False),
        ("::/0", "", "::ffff:192.0.2.7", False),
        ("", "::/0", "::ffff:192.0.2.7", True),
        ("", "::/0", "2001:db8::7", False),
        ("0.0.0.0/0", "", "2001:db8::7", False),
        ("2001:db8::/32", "", "2001:db8::7", True),
        ("fe80::/10", "", "fe80::1%eth0", True),
        ("", "fe80::/10", "fe80::1%eth0", False),
        ("0.0.0.0/0 ::/0", "", "host.example", False),
        ("", "192.0.2.0/24", "", False),
    ],
)
def test_admitted_are_allowed_addresses_that_are_not_denied(allow: str, deny: str, host: str, admitted: bool) -> None:
    assert rule(allow, deny).admits(host, 0) is admitted


networks = st.lists(
    st.tuples(st.ip_addresses(v=4), st.integers(0, 32)).map(lambda pair: ip_network(pair, strict=False)), max_size=3
)


@given(networks, networks, st.ip_addresses(v=4))
def test_a_mapped_address_is_judged_as_ipv4(allow: list[Network], deny: list[Network], address: IPv4Address) -> None:
    by_network = Admission(allow, deny)
    assert by_network.admits(str(address), 0) == by_network.admits(f"::ffff:{address}", 0)


def test_without_networks_there_is_nothing_to_ask() -> None:
    assert admission([], []) is None
    assert admission([network("10.0.0.0/8")], []) is not None
    assert admission([], [network("10.0.0.0/8")]) is not None


def test_a_report_counts_the_refused_and_comes_once_in_an_interval() -> None:
    deny = rule(deny="10.0.0.0/8")
    assert deny.admits("192.0.2.7", 0)
    assert deny.report(0) is None
    deny.admits("10.0.0.1", 0)
    deny.admits("10.0.0.2", 0)
    deny.admits("192.0.2.7", 0)
    assert deny.report(5) == (2, "10.0.0.2")
    assert deny.report(5 + REPORT_INTERVAL) is None
    deny.admits("10.0.0.3", 0)
    assert deny.report(5 + REPORT_INTERVAL) == (1, "10.0.0.3")
    for number in range(4, 9):
        deny.admits(f"10.0.0.{number}", 0)
    assert deny.report(4 + 2 * REPORT_INTERVAL) is None
    assert deny.report(5 + 2 * REPORT_INTERVAL) == (5, "10.0.0.8")
