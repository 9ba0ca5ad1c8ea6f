"""Which documents a want is for."""

from __future__ import annotations

from pathlib import Path

import pytest

from p2p_twisted.peer.wants.want import Want, check_pattern


def want(pattern: str, directory: Path = Path("/d")) -> Want:
    return Want("1", pattern, directory)


@pytest.mark.parametrize(
    ("pattern", "name", "matches"),
    [
        ("rfc8*", "rfc8446.txt", True),
        ("rfc8*", "RFC8446.txt", True),
        ("rfc8*", "old/rfc8446.txt", False),
        ("rfc8*", "rfc8*", True),
        ("rfc[1].txt", "rfc[1].txt", True),
        ("rfc[1].txt", "rfc1.txt", False),
        ("rfc1.txt", "RFC1.txt", False),
        ("reports/", "reports/2026/a", True),
        ("reports/", "reports", False),
        ("reports/", "reportsx/a", False),
        ("a?", "ab", True),
        ("a?", "a", False),
        ("*", "any/thing", True),
    ],
)
def test_names(pattern: str, name: str, matches: bool) -> None:
    assert want(pattern).matches(name) is matches


def test_whose_documents_count() -> None:
    assert want("*").counts(("10.0.0.1", 1))
    one = Want("1", "*", Path("/d"), ("10.0.0.1", 1))
    assert one.counts(("10.0.0.1", 1)) and not one.counts(("10.0.0.1", 2))


def test_the_same_want() -> None:
    assert want("a*").is_same(Want("2", "a*", Path("/d"), deletes=True))
    assert not want("a*").is_same(want("b*"))
    assert not want("a*").is_same(want("a*", Path("/e")))


@pytest.mark.parametrize("text", ["", "../a", "a\nb", "a/.hidden", "x" * 5000, "a\\b"])
def test_what_can_mean_no_document(text: str) -> None:
    with pytest.raises(ValueError, match="must be a name"):
        check_pattern(text)


@pytest.mark.parametrize("text", ["a", "*", "a/", "reports/2026/", "r\u00e9sum\u00e9*", "a b?"])
def test_what_may_be_wanted(text: str) -> None:
    assert check_pattern(text) == text
