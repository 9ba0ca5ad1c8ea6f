r"""The values inside messages, strictly: what is not exactly of the form is a BadRequest that names the field.

`int()` would take ``+1``, ``1_0``, `` 1`` and Arabic digits; none of these is a number here.
"""

from __future__ import annotations

import re
from calendar import timegm
from datetime import datetime, timezone

from .address import clean_host
from .errors import BadRequest
from .limits import MAX_COOKIE, MAX_NAME, MAX_SIZE

CONTROL = "\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff"
"""What no text on the wire holds, as the inside of a regular expression's character class."""

LAST_MODIFIED = 253_402_300_799
"""Unix seconds at the end of the year 9999."""

_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}", re.ASCII)
_NUMBER = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)
_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)
_HOST = re.compile(r"[\x21-\x7e]{1,255}", re.ASCII)
_INDEX_VERSION = re.compile(r"[0-9a-zA-Z.]{1,64}", re.ASCII)
_CONTROL = re.compile(f"[{CONTROL}]")


def number(text: str, what: str, low: int = 0, high: int = MAX_SIZE) -> int:
    """The decimal number `text`, within low..high; raises BadRequest that says `what` it was to be."""
    if not _NUMBER.fullmatch(text) or not low <= (value := int(text)) <= high:
        raise BadRequest(f"{what} must be a decimal number from {low} to {high}")
    return value


def port(text: str) -> int:
    """A TCP port, 1..65535."""
    return number(text, "port", 1, 65535)


def cookie(text: str) -> int:
    """A cookie, 0..2**63-1."""
    return number(text, "cookie", 0, MAX_COOKIE)


def sha256(text: str) -> str:
    """A SHA-256 as 64 lower-case hexadecimal digits."""
    if not _SHA256.fullmatch(text):
        raise BadRequest("SHA-256 must be 64 lower-case hexadecimal digits")
    return text


def byte_range(text: str) -> tuple[int, int]:
    """``first-last``, both included: (first, last) with first <= last."""
    first, dash, last = text.partition("-")
    if dash:
        pair = number(first, "Range", 0, MAX_SIZE), number(last, "Range", 0, MAX_SIZE)
        if pair[0] <= pair[1]:
            return pair
    raise BadRequest("Range must be FIRST-LAST with FIRST not after LAST")


def index_version(text: str) -> str:
    """A version of an index: a word that only its maker understands."""
    if not _INDEX_VERSION.fullmatch(text):
        raise BadRequest("a version of an index has at most 64 letters, digits and dots")
    return text


def modified(text: str) -> int:
    """A moment ``YYYY-MM-DD HH:MM:SS`` in UTC, as Unix seconds, 0..LAST_MODIFIED."""
    try:
        if _MOMENT.fullmatch(text):
            return number(str(timegm(datetime.fromisoformat(text).timetuple())), "Modified", 0, LAST_MODIFIED)
    except ValueError:
        pass
    raise BadRequest("Modified must be YYYY-MM-DD HH:MM:SS from 1970 on")


def modified_text(seconds: int) -> str:
    """The inverse of `modified`."""
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%d %H:%M:%S")


def yes(text: str) -> bool:
    """The one value of a header that says yes by being there."""
    if text != "yes":
        raise BadRequest("this header can only be yes")
    return True


def host(text: str) -> str:
    """What a Host line says: 1 to 255 visible ASCII characters."""
    if not _HOST.fullmatch(text):
        raise BadRequest("Host must be an address of visible ASCII characters")
    return text


def peer_host(text: str) -> str:
    """An IP address or a host name at which a peer may be reached."""
    if clean_host(text) is None:
        raise BadRequest("the host of a peer must be an IP address or a host name")
    return text


def address(text: str) -> tuple[str, int]:
    """``host SP port``, as in the lines of a peer list."""
    name, _, number_ = text.partition(" ")
    return peer_host(name), port(number_)


def has_control(text: str) -> bool:
    """Whether `text` holds a control character, a line or paragraph separator, or half a surrogate pair."""
    return _CONTROL.search(text) is not None


def name(text: str) -> str:
    """A document's name: 1..MAX_NAME bytes of UTF-8 without control characters."""
    if not text or has_control(text):
        raise BadRequest("a name must not be empty and must not hold control characters")
    if len(text.encode()) > MAX_NAME:
        raise BadRequest(f"a name has at most {MAX_NAME} bytes")
    return text


def split_type(full: str) -> tuple[str, str]:
    """(name, type) as 1.0 has them apart: ``rfc8446.txt.pdf`` -> (``rfc8446.txt``, ``pdf``).

    The type is empty where the last segment has no dot inside it: ``README``, ``.x``, ``a.``, ``a.b/c``.
    """
    folder, slash, base = full.rpartition("/")
    stem, _, kind = base.rpartition(".")
    if not kind or not stem.strip("."):
        return full, ""
    return folder + slash + stem, kind


def join_type(stem: str, kind: str) -> str:
    """The inverse of `split_type`."""
    return f"{stem}.{kind}" if kind else stem
