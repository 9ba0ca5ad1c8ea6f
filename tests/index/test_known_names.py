"""The names and titles of others' documents."""

from __future__ import annotations

import pytest

from p2p_twisted.index import fts
from p2p_twisted.index.known_names import KnownNames
from p2p_twisted.wire.search_terms import as_typed

DOCUMENTS = [
    ("rfc/rfc8446.txt", {"The Transport Layer Security (TLS) Protocol Version 1.3"}),
    ("notes/Zürich 2026.md", {"Notes", "On trains"}),
    ("README", {""}),
]


@pytest.fixture
def names() -> KnownNames:
    found = KnownNames()
    found.update(DOCUMENTS, [])
    return found


def found(names: KnownNames, search: str) -> list[str]:
    return [name for name, _ in names.search(as_typed(search), 10)]


@pytest.mark.parametrize(
    ("search", "number"),
    [
        ("tls", 0),
        ("TRANSP", 0),
        ("transp ", None),
        ("rfc8446", 0),
        ("8446", 0),
        ("rfc:8446", 0),
        ("zurich trains", 1),
        ("read", 2),
        ("title:readme", None),
        ("author:rescorla", None),
        ("tls trains", None),
    ],
)
def test_what_is_found_as_one_types(names: KnownNames, search: str, number: int | None) -> None:
    assert found(names, search) == ([] if number is None else [DOCUMENTS[number][0]])


def test_what_changes_and_what_goes(names: KnownNames) -> None:
    names.update([("README", {"Read me first"})], ["rfc/rfc8446.txt", "unknown"])
    assert found(names, "first") == ["README"]
    assert found(names, "tls") == []
    names.close()
    assert found(names, "first") == []


def test_nothing_is_found_before_anything_is_known() -> None:
    assert KnownNames().search(as_typed("tls"), 10) == []


def test_a_search_that_takes_too_long_finds_nothing(names: KnownNames, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fts, "TIMEOUT", -1)
    monkeypatch.setattr(fts, "STEPS", 1)
    assert found(names, "tls") == []
