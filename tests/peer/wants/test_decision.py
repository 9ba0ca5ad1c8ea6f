"""What a want does about a name: every case in which a file is fetched, replaced, removed, or stays."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2p_twisted.index.search import Document
from p2p_twisted.peer.wants.decision import Decision, Delete, Fetch, Place, Replace, Stay, decide
from p2p_twisted.wire.address import Address
from p2p_twisted.wire.records import IndexRecord

A, B, C = (f"10.0.0.{number}" for number in (1, 2, 3))
OLD, NEW, OTHER = "a" * 64, "b" * 64, "c" * 64


def at(*hosts: str) -> frozenset[Address]:
    return frozenset((host, 1) for host in hosts)


def content(sha256: str | None, *hosts: str) -> Document:
    records = [IndexRecord("name", "", host, 1, 100, 3, sha256) for host in hosts]
    return Document("name", "", 3, sha256, records)


def about(known: Sequence[Document], place: Place | None, was_kept: bool = True) -> Decision:
    return decide(known, [], place, was_kept)


def test_what_is_not_here_is_fetched() -> None:
    document = content(OLD, A)
    assert about([document], None, False) == Fetch(document)
    assert about([document], None) == Fetch(document), "somebody has removed it here"
    assert about([content(None, A)], None) == Fetch(content(None, A)), "of a peer of 1.0"
    assert about([], None) == Stay()


def test_hearsay_is_enough_to_fetch_and_for_nothing_else() -> None:
    document = content(NEW, A)
    assert decide([], [document], None, False) == Fetch(document)
    assert decide([], [document], Place(OLD, at(A)), True) == Stay()
    assert decide([], [document], Place(OLD, at()), True) == Stay(), "somebody may have it"


def test_several_contents_are_not_chosen_between() -> None:
    decision = about([content(OLD, A), content(NEW, B)], None, False)
    assert isinstance(decision, Stay) and decision.why is not None
    assert decision.why.startswith("there are 2 contents of this name (@aaaaaaaa, @bbbbbbbb)")


def test_a_new_version_replaces_the_old_one() -> None:
    assert about([content(NEW, A)], Place(OLD, at(A))) == Replace(content(NEW, A))
    assert about([content(NEW, A, B)], Place(OLD, at(A, B))) == Replace(content(NEW, A, B))
    assert about([content(OLD, A)], Place(OLD, at(A))) == Stay()


def test_who_is_behind_keeps_nobody_from_the_new_version() -> None:
    """B has the old version from A as well; two such peers must not wait for one another."""
    known = [content(OLD, B), content(NEW, A)]
    assert about(known, Place(OLD, at(A))) == Replace(content(NEW, A))


def test_while_a_holder_has_the_old_version_it_stays() -> None:
    assert about([content(OLD, A), content(NEW, B)], Place(OLD, at(A))) == Stay(), "B was no holder"
    assert about([content(OLD, A), content(NEW, B)], Place(OLD, at(A, B))) == Stay(), "A may be right"


def test_holders_that_differ_are_not_chosen_between() -> None:
    decision = about([content(NEW, A), content(OTHER, B)], Place(OLD, at(A, B)))
    assert isinstance(decision, Stay) and decision.why is not None


def test_others_do_not_count_while_no_holder_says_anything() -> None:
    decision = about([content(NEW, B)], Place(OLD, at(A)))
    assert isinstance(decision, Stay) and decision.why is not None
    assert "none that had this one says so" in decision.why
    assert about([content(NEW, B), content(OLD, C)], Place(OLD, at(A))) == Stay()


def test_others_count_when_all_holders_have_removed_theirs() -> None:
    assert about([content(NEW, B)], Place(OLD, at())) == Replace(content(NEW, B))
    assert isinstance(about([content(NEW, B), content(OTHER, C)], Place(OLD, at())), Stay)
    assert about([content(None, B)], Place(OLD, at(A))) == Stay(), "of a peer of 1.0 nobody knows which content"


def test_a_file_is_removed_when_its_holders_have_said_so() -> None:
    assert about([], Place(OLD, at())) == Delete()


def test_a_file_stays_while_a_holder_only_cannot_be_reached() -> None:
    assert about([], Place(OLD, at(A))) == Stay()
    assert about([], Place(OLD, at(A, B))) == Stay()
    assert about([content(OLD, B)], Place(OLD, at())) == Stay()


@pytest.mark.parametrize("was_kept", [True, False])
def test_other_files_stay(was_kept: bool) -> None:
    assert about([content(OLD, A)], Place(OLD), was_kept) == Stay(), "it has that content by itself"
    assert about([], Place(OTHER), was_kept) == Stay()
    decision = about([content(NEW, A)], Place(OTHER), was_kept)
    assert isinstance(decision, Stay) and decision.why is not None
    assert ("was changed here" in decision.why) is was_kept
    assert about([content(None, A)], Place("")) == Stay()


_hosts = st.sampled_from([A, B, C])
_contents = st.lists(st.builds(content, st.sampled_from([OLD, NEW, OTHER, None]), _hosts), max_size=3)
_places = st.builds(
    Place, st.sampled_from([OLD, NEW, ""]), st.none() | st.frozensets(_hosts.map(lambda host: (host, 1)))
)


@given(_contents, _contents, st.none() | _places, st.booleans())
def test_never_a_file_that_is_not_ours_and_never_without_a_word(
    known: list[Document], told: list[Document], place: Place | None, was_kept: bool
) -> None:
    decision = decide(known, told, place, was_kept)
    if isinstance(decision, Delete):
        assert place is not None and place.holders == frozenset() and not known and not told
    if isinstance(decision, Replace):
        assert place is not None and place.holders is not None and decision.document in known
        assert decision.document.sha256 not in (place.sha256, None)
    if isinstance(decision, Fetch):
        assert place is None
