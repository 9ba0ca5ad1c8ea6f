"""The text of a document as it is searched: one line, without what stands between its pages. Pure."""

from __future__ import annotations

import codecs
import re

from ..wire.fields import CONTROL

_PAGE_BREAK = re.compile(r"\n[^\n]*\[Page \d+\]\s*(?:\nRFC \d+ [^\n]*)?(?=\n|$)")
"""The foot of a page of an RFC, and the head of the next: they stand in the middle of sentences."""
_UNPRINTABLE = re.compile(f"[{CONTROL}]+")


def decoded(data: bytes, is_text: bool) -> str:
    """Return `data` if it is UTF-8, its last character perhaps cut off, else "".

    If the file is a text by its type, it may also be in Latin-1.
    """
    if b"\0" in data:
        return ""
    try:
        return codecs.getincrementaldecoder("utf-8-sig")().decode(data)
    except UnicodeDecodeError:
        return data.decode("latin-1") if is_text else ""


def flowing(text: str) -> str:
    """Return `text` as one line, without page breaks and control characters."""
    return " ".join(_UNPRINTABLE.sub(" ", _PAGE_BREAK.sub("", text)).split())
