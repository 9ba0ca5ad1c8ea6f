"""The sorted addresses against a plain set."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from p2p_twisted.registry.memory import MAX_SINGLE_REMOVALS, AddressBook
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
