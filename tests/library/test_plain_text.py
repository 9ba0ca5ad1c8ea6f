"""The text of a document as it is searched."""

import pytest

from p2p_twisted.library.plain_text import decoded, flowing


def test_pages_of_an_rfc_flow_into_each_other() -> None:
    foot, head = "Postel              Standards Track       [Page 7]", "RFC 793      TCP      September 1981"
    assert flowing(f"the window is\n\n{foot}\n\f\n{head}\n\nclosed.\n\n{foot}\n") == "the window is closed."
    assert flowing(f"the window is\n{foot}\n{head}\nclosed.") == "the window is closed."


def test_control_characters_are_spaces() -> None:
    assert flowing("a\x01b\tc\u2028d\ud800e") == "a b c d e"


@pytest.mark.parametrize(
    ("data", "is_text", "text"),
    [
        (b"plain", False, "plain"),
        ("Z\u00fcrich".encode(), False, "Z\u00fcrich"),
        ("Z\u00fcrich".encode()[:2], False, "Z"),
        (b"\xef\xbb\xbfmarked", False, "marked"),
        ("Z\u00fcrich".encode("latin-1"), True, "Z\u00fcrich"),
        ("Z\u00fcrich".encode("latin-1"), False, ""),
        (b"text\0text", True, ""),
    ],
)
def test_decoding(data: bytes, is_text: bool, text: str) -> None:
    assert decoded(data, is_text) == text
