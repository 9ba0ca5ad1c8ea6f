"""The sorted addresses against a plain set."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from p2p_twisted.registry.address_book import AddressBook
from p2p_twisted.registry.arrange import Arranged
from p2p_twisted.wire.address import Address
from tests.support.registries import listed

hosts = ["10.0.0.1", "10.0.0.10", "10.0.0.2", "9.0.0.1", "100.0.0.1", "10.host", "2001:db8::1", "host"]
addresses = st.tuples(st.sampled_from(hosts), st.integers(1, 5))


def book_of(toggled: list[Address]) -> tuple[AddressBook, set[Address]]:
    """Return a book, and the set of the addresses in it."""
    book, model = AddressBook(), set[Address]()
    for slot, address in enumerate(toggled):
        before = book.generation
        if address in model:
            book.remove(address)
        else:
            book.add(address, slot)
        assert book.generation > before
        model ^= {address}
    return book, model


@given(st.lists(addresses), st.none() | st.integers(1, 4), st.none() | addresses)
def test_a_page_is_what_a_sorted_set_has_there(
    toggled: list[Address], limit: int | None, after: Address | None
) -> None:
    book, model = book_of(toggled)
    wanted = sorted(a for a in model if after is None or a > after)
    page, more = book.page(limit, after)
    assert page == wanted[:limit]
    assert more == (page != wanted)
    assert len(book) == len(model)


@given(st.lists(addresses))
def test_each_address_has_the_slot_with_which_it_was_added(toggled: list[Address]) -> None:
    book, model = book_of(toggled)
    last = {address: slot for slot, address in enumerate(toggled)}
    for address in toggled:
        assert book.slot(address) == (last[address] if address in model else None)


@given(st.lists(addresses), st.integers(1, 12))
def test_a_sample_has_others_of_as_many_hosts_as_it_can(toggled: list[Address], number: int) -> None:
    book, model = book_of(toggled)
    lines, more = book.sample(number)
    some = listed(lines)
    assert some == sorted(set(some)) and set(some) <= model
    assert (len(some), more) == (min(number, len(model)), number < len(model))
    assert len({host for host, _ in some}) >= min(number // 2, len({host for host, _ in model}))


def test_who_registers_many_times_does_not_hide_another() -> None:
    book, _ = book_of([("10.0.0.7", port) for port in range(1, 3001)] + [("10.0.0.8", 4000)])
    some = listed(book.sample(65)[0])
    assert ("10.0.0.8", 4000) in some and len(some) == 65


def test_all_are_chosen_by_chance_whatever_kind_they_are() -> None:
    model = [(host, port) for host in ("10.0.0.1", "10.0.0.2", "h", "::1") for port in range(1, 6)]
    book, _ = book_of(model)
    seen = dict.fromkeys(model, 0)
    for _ in range(2000):
        for address in listed(book.sample(8)[0]):
            seen[address] += 1
    assert all(400 < count < 1600 for count in seen.values()), "each is in two fifths of the samples"


def test_loading_replaces_everything() -> None:
    book, _ = book_of([("a", 1), ("10.0.0.1", 1)])
    before = book.generation
    book.load(Arranged([5 << 16 | 7, 5 << 16 | 9], [1, 2], []), Arranged([("b", 1)], [3], []))
    assert book.generation > before
    page, more = book.page(None, None)
    assert [book.slot(address) for address in page] == [1, 2, 3] and not more
    assert list(book.packed_hosts()) == [(5, 2)]
