"""Characters that a reader cannot see, in text that strangers have written."""

from __future__ import annotations

import sys
import unicodedata

import pytest

from p2p_twisted.wire.visible import MAX_SHOWN, has_invisible, shown, visible


def test_every_format_character_is_invisible() -> None:
    characters = map(chr, range(sys.maxunicode + 1))
    assert [c for c in characters if unicodedata.category(c) == "Cf" and not has_invisible(c)] == []


@pytest.mark.parametrize(
    "text", ["rfc8446.txt", "Müll", "日本語", "❤️.png", "葛\U000e0100城", "עברית", "a b", "100 %", ""]
)
def test_what_can_be_seen_stays(text: str) -> None:
    assert not has_invisible(text)
    assert visible(text) == shown(text) == text


@pytest.mark.parametrize("hidden", ["\u202e", "\u2067", "\u200b", "\u200d", "\ufeff", "\xad", "\u3164", "\U000e0041"])
def test_invisible_characters_are_escaped(hidden: str) -> None:
    assert has_invisible(f"a{hidden}b")
    assert visible(f"a{hidden}b") == f"a{hidden.encode('unicode_escape').decode()}b"


@pytest.mark.parametrize("control", ["\x00", "\n", "\x1b", "\x7f", "\x85", "\u2028", "\udcff"])
def test_controls_are_escaped(control: str) -> None:
    assert visible(control) == control.encode("unicode_escape").decode()


def test_a_long_text_is_cut() -> None:
    assert shown("x" * MAX_SHOWN) == "x" * MAX_SHOWN
    assert shown("x" * (MAX_SHOWN + 1)) == shown("x" * 10**6) == "x" * MAX_SHOWN + "..."
    assert len(shown("\U000e0041" * 10**6)) == MAX_SHOWN + 3
