"""The form of the names of peers and groups."""

from __future__ import annotations

import pytest

from p2p_twisted.config.names import is_name


@pytest.mark.parametrize("text", ["a", "alice", "Alice-2", "host.example.org", "a_b", "7", "x" * 64])
def test_names(text: str) -> None:
    assert is_name(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x" * 65,
        "a b",
        "a,b",
        "a:b",
        "@a",
        "-a",
        ".a",
        "_a",
        "a/b",
        "a\\b",
        "a\n",
        "\u0430lice",
        "a\u200b",
        "\u0663",
        "a@b",
    ],
)
def test_texts_that_are_none(text: str) -> None:
    assert not is_name(text)
