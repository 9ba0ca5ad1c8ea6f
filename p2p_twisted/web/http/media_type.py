"""The headers of a request's body: whether they say that it is JSON in UTF-8. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

from .errors import ApiError

JSON = "application/json"
MAX_MEDIA_TYPE = 256
"""Longest Content-Type, in characters."""

_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_PARAMETER = rf'[ \t]*;[ \t]*(?:({_TOKEN})=({_TOKEN}|"(?:[^"\\]|\\.)*"))?'
_MEDIA_TYPE = re.compile(rf"({_TOKEN}/{_TOKEN})((?:{_PARAMETER})*)[ \t]*")
_UTF8 = ("utf-8", "utf8", "us-ascii", "ascii")
"""Charsets of which each text is UTF-8."""


def check_json(types: Sequence[str], encodings: Sequence[str]) -> None:
    """Raise ApiError 415 unless these headers Content-Type and Content-Encoding mean JSON in UTF-8, as it is."""
    found = _MEDIA_TYPE.fullmatch(types[0]) if len(types) == 1 and len(types[0]) <= MAX_MEDIA_TYPE else None
    if found is None or found[1].lower() != JSON:
        raise ApiError(415, f"the body must be JSON, with Content-Type: {JSON}")
    for name, value in re.findall(_PARAMETER, found[2]):
        if name.lower() == "charset" and _unquoted(value).lower() not in _UTF8:
            raise ApiError(415, "the body must be JSON in UTF-8, not in another charset")
    codings = [coding.strip().lower() for line in encodings for coding in line.split(",")]
    if any(coding not in ("", "identity") for coding in codings):
        raise ApiError(415, "the body must be sent as it is, without a Content-Encoding")


def _unquoted(value: str) -> str:
    return re.sub(r"\\(.)", r"\1", value[1:-1]) if value.startswith('"') else value
