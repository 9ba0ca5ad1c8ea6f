"""IPv4 addresses as numbers: back and forth, and in the order of their texts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2p_twisted.registry.packed import pack, pack_all, unpack

hosts = st.ip_addresses(v=4).map(str)
near = st.tuples(*[st.sampled_from([0, 1, 2, 10, 11, 19, 20, 100, 109, 110, 199, 255])] * 4).map(
    lambda octets: ".".join(map(str, octets))
)


@given(hosts | near, hosts | near)
def test_numbers_are_in_the_order_of_the_texts(one: str, other: str) -> None:
    first, second = pack(one), pack(other)
    assert first is not None and second is not None
    assert (unpack(first), unpack(second)) == (one, other)
    assert (first < second) == (one < other)
    assert list(pack_all([one, other])) == [first, second]


@pytest.mark.parametrize(
    "host", ["::1", "::ffff:10.0.0.1", "h", "10.0.0", "10.0.0.01", "10.0.0.256", "", "\0", "\ud800"]
)
def test_what_is_no_ipv4_address_in_its_one_spelling_has_no_number(host: str) -> None:
    assert pack(host) is None
    with pytest.raises((OSError, ValueError)):
        pack_all(["10.0.0.1", host])
