"""Which addresses are dialled that others have named, in all the forms in which an address can be written."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2p_twisted.config.settings import network
from p2p_twisted.net.dial_policy import MIN_PORT, DialPolicy
from p2p_twisted.wire.fields import clean_host

PORT = 4394
REFUSED = {
    "unspecified": "0.0.0.0 0.1.2.3 ::",
    "loopback": "127.0.0.1 127.255.255.254 ::1 ::ffff:127.0.0.1 ::ffff:7f00:1 2002:7f00:1:: 64:ff9b:1::127.0.0.1",
    "link-local": "169.254.169.254 169.254.0.1 fe80::1 febf::1 ::ffff:169.254.1.1 2002:a9fe:a9fe::1",
    "multicast": "224.0.0.1 239.255.255.250 ff02::1 64:ff9b::e000:1",
    "broadcast": "255.255.255.255 ::ffff:255.255.255.255",
    "documentation": "192.0.2.1 198.51.100.7 203.0.113.255 2001:db8::1 3fff::1 2002:c000:201::",
    "reserved": "240.0.0.1 192.0.0.8 fec0::1 ::127.0.0.1 ::ffff:0:127.0.0.1 100::1 4000::1 5f00::1",
}
ALLOWED = "10.0.0.1 172.16.3.4 192.168.1.1 100.64.0.1 198.18.0.1 8.8.8.8 128.0.0.1 fd00::1 2002:a00:1::"
TUNNELS = "2001:0:1:2:3:4:80ff:fffe 2001:4860::5efe:7f00:1 2a00::200:5efe:127.0.0.1"


def policy(near: str = "10.0.0.1", *networks: str) -> DialPolicy:
    return DialPolicy([network(text) for text in networks], lambda: near.split())


def kinds() -> list[tuple[str, str]]:
    return [(host, kind) for kind, hosts in REFUSED.items() for host in hosts.split()]


@pytest.mark.parametrize(("host", "kind"), kinds())
def test_a_kind_that_is_refused(host: str, kind: str) -> None:
    assert policy().refusal((host, PORT)) == f"{kind} addresses are not dialled"


@pytest.mark.parametrize("host", TUNNELS.split())
def test_a_tunnel_to_loopback(host: str) -> None:
    assert policy().refusal((host, PORT)) == "loopback addresses are not dialled"


@pytest.mark.parametrize("host", ALLOWED.split())
def test_ordinary_addresses(host: str) -> None:
    assert policy().refusal((host, PORT)) is None


def test_ports_of_the_system() -> None:
    assert policy().refusal(("10.0.0.1", MIN_PORT)) is None
    for port in (1, 22, 80, MIN_PORT - 1):
        assert policy("127.0.0.1").refusal(("10.0.0.1", port)) == "ports below 1024 are not dialled"


@pytest.mark.parametrize(("near", "host"), [("127.0.0.1", "127.0.0.9"), ("::1", "127.0.0.1"), ("fe80::5", "fe80::6")])
def test_where_this_peer_or_its_rs_is_there_too(near: str, host: str) -> None:
    assert policy(f"10.0.0.1 {near}").refusal((host, PORT)) is None


@pytest.mark.parametrize("host", ["0.0.0.0", "224.0.0.1", "255.255.255.255"])
def test_what_no_host_has_is_never_near(host: str) -> None:
    assert policy(host).refusal((host, PORT)) is not None


def test_a_network_that_the_user_allows() -> None:
    allowing = policy("10.0.0.1", "127.0.0.0/29", "fe80::/10")
    for address in (("127.0.0.1", PORT), ("127.0.0.1", 80), ("::ffff:127.0.0.7", 1), ("fe80::1", 22)):
        assert allowing.refusal(address) is None
        assert allowing.covers(address[0])
    assert allowing.refusal(("127.0.0.8", PORT)) is not None
    assert not allowing.covers("rs.example")


def test_a_name_is_judged_by_what_it_leads_to() -> None:
    assert policy().refusal(("localhost", PORT)) is None
    assert not policy().permits("127.0.0.1")
    assert policy().permits("10.0.0.1")


@given(st.integers(0, 2**32 - 1))
def test_any_ipv4_address_in_any_form_is_what_it_carries(number: int) -> None:
    plain = policy().refusal((str(IPv4Address(number)), PORT))
    for base, shift in (("::ffff:0:0", 0), ("2002::", 80), ("64:ff9b::", 0)):
        carrying = IPv6Address(int(IPv6Address(base)) | number << shift)
        assert policy().refusal((str(carrying), PORT)) == plain
        assert policy().refusal((carrying.exploded, PORT)) == plain


@given(st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)))
def test_what_python_calls_special_is_not_dialled(ip: IPv4Address | IPv6Address) -> None:
    if ip.is_loopback or ip.is_link_local or ip.is_multicast or ip.is_unspecified:
        assert policy().refusal((str(ip), PORT)) is not None


@pytest.mark.parametrize("text", ["2130706433", "127.1", "0x7f.1", "0177.0.0.1", "fe80::1%eth0", "1.2.3.4.5"])
def test_other_spellings_are_no_hosts_at_all(text: str) -> None:
    assert clean_host(text) is None


def test_the_table_names_addresses() -> None:
    assert all(ip_address(host) for host, _ in kinds())
