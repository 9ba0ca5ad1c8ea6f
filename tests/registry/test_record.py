"""The rules of one record."""

import pytest

from p2p_twisted.registry.record import MAX_ACTIVATIONS, PeerRecord, neighbourhood


def test_registering_leaves_the_old_record_as_it_was():
    old = PeerRecord("a", 1, 7)
    new = old.registered("b", 2, 100.0, 50.9)
    assert (old.address, old.active, old.activations) == (("a", 1), False, ())
    assert (new.address, new.cookie, new.active, new.deadline) == (("b", 2), 7, True, 100.0)
    assert (new.registered_at, new.activations) == (50, (50,))
    assert new.inactive().ttl(0) == 0 and new.active


@pytest.mark.parametrize(("now", "ttl", "alive"), [(0, 100, True), (99.01, 1, True), (100, 0, False), (500, 0, False)])
def test_the_ttl_rounds_up_and_ends_at_0(now, ttl, alive):
    record = PeerRecord("a", 1, 7, True, 100.0)
    assert (record.ttl(now), record.alive(now)) == (ttl, alive)


def test_a_record_remembers_the_latest_activations():
    record = PeerRecord("a", 1, 7)
    for at in range(MAX_ACTIVATIONS + 3):
        record.revive(10.0, at)
        record = record.inactive()
    assert record.activations == tuple(range(3, MAX_ACTIVATIONS + 3))


@pytest.mark.parametrize(
    ("host", "wanted"),
    [
        ("10.0.0.1", "10.0.0.1"),
        ("peer.example", "peer.example"),
        ("2001:db8::1", "2001:db8::"),
        ("2001:db8:0:0:1::", "2001:db8::"),
        ("2001:db8:0:1::", "2001:db8:0:1::"),
        ("not:an:address", "not:an:address"),
    ],
)
def test_one_host_is_one_address_or_one_ipv6_network(host, wanted):
    assert neighbourhood(host) == wanted
