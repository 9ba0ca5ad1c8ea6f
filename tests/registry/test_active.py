"""The sorted addresses against a plain set."""

from hypothesis import given
from hypothesis import strategies as st

from p2p_twisted.registry.active import FEW, AddressBook

addresses = st.tuples(st.sampled_from(["10.0.0.1", "10.0.0.10", "10.0.0.2", "host"]), st.integers(1, 5))


@given(st.lists(addresses), st.none() | st.integers(1, 4), st.none() | addresses)
def test_a_page_is_what_a_sorted_set_has_there(toggled, limit, after):
    book, model = AddressBook(), set()
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


@given(st.sets(st.integers(1, 65535), min_size=FEW + 1, max_size=2 * FEW), st.data())
def test_many_go_as_few_do(ports, data):
    all_ = {("h", port) for port in ports}
    gone = data.draw(st.sets(st.sampled_from(sorted(all_))))
    book = AddressBook()
    book.load(all_)
    before = book.generation
    book.remove(gone)
    assert book.page(None, None) == (sorted(all_ - gone), False)
    assert (book.generation == before) == (not gone)
