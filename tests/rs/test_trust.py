"""The address that is recorded for a peer: the one it comes from, or the one it names."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from p2p_twisted.rs.trust import TrustedNetworks
from p2p_twisted.wire.fields import clean_host


@pytest.mark.parametrize(
    ("said", "recorded"),
    [
        ("10.0.0.1", "10.0.0.1"),
        ("::ffff:10.0.0.1", "10.0.0.1"),
        ("2001:DB8:0::1", "2001:db8::1"),
        ("peer1.Example", "peer1.example"),
        ("localhost", "localhost"),
        ("0.0.0.0", None),
        ("::", None),
        ("224.0.0.1", None),
        ("fe80::1%eth0", None),
        ("999.1.1.1", None),
        ("10.0.0", None),
        ("1", None),
        ("", None),
        ("a..b", None),
        ("-a.example", None),
        ("a_b", None),
        ("a/b", None),
        ("<script>", None),
        ("x" * 64, None),
        (".".join(["x" * 60] * 5), None),
    ],
)
def test_a_host_is_recorded_if_somebody_could_be_reached_there(said: str, recorded: str | None) -> None:
    assert clean_host(said) == recorded


TRUSTED = TrustedNetworks([ip_network("127.0.0.0/8"), ip_network("::1/128"), ip_network("10.1.0.0/16")])


@pytest.mark.parametrize(
    ("peer", "said", "recorded"),
    [
        ("127.0.0.1", "10.0.0.1", "10.0.0.1"),
        ("::1", "10.0.0.1", "10.0.0.1"),
        ("::ffff:127.0.0.1", "10.0.0.1", "10.0.0.1"),
        ("10.1.2.3", "peer.example", "peer.example"),
        ("127.0.0.1", "0.0.0.0", "127.0.0.1"),
        ("127.0.0.1", "not a host", "127.0.0.1"),
        ("10.2.0.1", "10.0.0.1", "10.2.0.1"),
        ("::ffff:10.2.0.1", "10.0.0.1", "10.2.0.1"),
        ("2001:db8::1", "10.0.0.1", "2001:db8::1"),
    ],
)
def test_only_a_trusted_network_may_say_another_address(peer: str, said: str, recorded: str) -> None:
    assert TRUSTED.host_of(peer, said) == recorded


def test_a_name_is_in_no_network() -> None:
    assert "localhost" not in TRUSTED
