"""The sorted addresses against a plain set."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from p2p_twisted.registry.address_book import MAX_SINGLE_REMOVALS, AddressBook
from p2p_twisted.wire.address import Address

addresses = st.tuples(st.sampled_from(["10.0.0.1", "10.0.0.10", "10.0.0.2", "host"]), st.integers(1, 5))


@given(st.lists(addresses), st.none() | st.integers(1, 4), st.none() | addresses)
def test_a_page_is_what_a_sorted_set_has_there(
    toggled: list[Address], limit: int | None, after: Address | None
) -> None:
    book = AddressBook()
    model: set[Address] = set()
    for address in toggled:
        if address in model:
            book.remove([address])
        else:
            book.add(address)
        model ^= {address}
    wanted = sorted(a for a in model if after is None or a > after)
    page, more = book.page(limit, after)
    assert page == wanted[:limit]
    assert more == (page != wanted)
    assert len(book) == len(model)


@given(st.sets(st.integers(1, 65535), min_size=MAX_SINGLE_REMOVALS + 1, max_size=2 * MAX_SINGLE_REMOVALS), st.data())
def test_many_are_removed_as_few_are(ports: set[int], data: st.DataObject) -> None:
    all_ = {("h", port) for port in ports}
    removed = data.draw(st.sets(st.sampled_from(sorted(all_))))
    book = AddressBook()
    book.load(all_)
    before = book.generation
    book.remove(removed)
    assert book.page(None, None) == (sorted(all_ - removed), False)
    assert (book.generation == before) == (not removed)


@given(st.lists(addresses), st.integers(1, 12))
def test_a_sample_has_others_of_as_many_hosts_as_it_can(toggled: list[Address], number: int) -> None:
    book = AddressBook()
    model: set[Address] = set()
    for address in toggled:
        if address in model:
            book.remove([address])
        else:
            book.add(address)
        model ^= {address}
    some, more = book.sample(number)
    assert some == sorted(set(some)) and set(some) <= model
    assert (len(some), more) == (min(number, len(model)), number < len(model))
    assert len({host for host, _ in some}) >= min(number // 2, len({host for host, _ in model}))


def test_who_registers_many_times_does_not_hide_another() -> None:
    book = AddressBook()
    book.load({("10.0.0.7", port) for port in range(1, 3001)} | {("10.0.0.8", 4000)})
    some, _ = book.sample(65)
    assert ("10.0.0.8", 4000) in some and len(some) == 65
