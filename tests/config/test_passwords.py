"""No password of a URL is shown, however the URL is mistaken."""

from __future__ import annotations

import pytest

from p2p_twisted.config.passwords import quoted


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("redis://:secret@h:1/0", "'redis://...@h:1/0'"),
        ("redis://user:secret@h", "'redis://...@h'"),
        ("foo:/secret@h", "'foo:/...@h'"),
        ("redis://u:sec/ret@h/0", "'redis://...@h/0'"),
        ("redis://u:secr@et@h/0", "'redis://...@h/0'"),
        ("redis://u:sec\nret@h", "'redis://...@h'"),
        ("redis://h:1/0", "'redis://h:1/0'"),
        ("/home/a@b", "'/home/a@b'"),
        ("a'b", '"a\'b"'),
    ],
)
def test_a_login_is_not_shown(text: str, shown: str) -> None:
    assert quoted(text) == shown
