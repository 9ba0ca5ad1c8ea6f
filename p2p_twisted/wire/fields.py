r"""The values inside messages, strictly: a value that is not exactly of the form is a BadRequest that names the field.

`int()` would take ``+1``, ``1_0``, `` 1`` and Arabic digits; none of these is a number here.
"""

from __future__ import annotations

import re
from calendar import timegm
from datetime import datetime, timezone
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address

from .address import Address
from .errors import BadRequest
from .limits import MAX_COOKIE, MAX_NAME, MAX_SIZE

CONTROL = "\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff"
"""The characters that no text on the wire contains, as the inside of a character class of a regular expression."""

LAST_MODIFIED = 253_402_300_799
"""Unix seconds at the end of the year 9999."""

_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}", re.ASCII)
_NUMBER = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)
_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)
_HOST = re.compile(r"[\x21-\x7e]{1,255}", re.ASCII)
_INDEX_VERSION = re.compile(r"[0-9a-zA-Z.]{1,64}", re.ASCII)
_SITE = re.compile(r"[0-9A-Za-z._-]{1,64}", re.ASCII)
_CONTROL = re.compile(f"[{CONTROL}]")
_OCTET = r"(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_IPV4 = re.compile(rf"({_OCTET})(?:\.{_OCTET}){{3}}", re.ASCII)
_LABEL = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?", re.ASCII)


def text(line: bytes) -> str:
    """Return a line as text, which must be UTF-8."""
    try:
        return line.decode()
    except UnicodeDecodeError:
        raise BadRequest("a line is not UTF-8") from None


def number(text: str, what: str, low: int = 0, high: int = MAX_SIZE) -> int:
    """Return the decimal number `text`, from `low` to `high`. `what` names the field in the BadRequest."""
    if not _NUMBER.fullmatch(text) or not low <= (value := int(text)) <= high:
        raise BadRequest(f"{what} must be a decimal number from {low} to {high}")
    return value


def port(text: str) -> int:
    """Return a TCP port, 1..65535."""
    return number(text, "port", 1, 65535)


def labelled(line: str, *labels: str) -> str:
    """Return the value in a data line ``label:value`` with one of these labels."""
    label, colon, value = line.partition(":")
    if not colon or label not in labels:
        raise BadRequest(f"a data line must be {' or '.join(f'{one}:VALUE' for one in labels)}")
    return value


def port_line(line: str) -> int:
    """Return the port in a data line ``port:value``."""
    return port(labelled(line, "port"))


def cookie(text: str) -> int:
    """Return a cookie, 0..2**63-1."""
    return number(text, "cookie", 0, MAX_COOKIE)


def sha256(text: str) -> str:
    """Return a SHA-256, 64 lower-case hexadecimal digits."""
    if not _SHA256.fullmatch(text):
        raise BadRequest("SHA-256 must be 64 lower-case hexadecimal digits")
    return text


def byte_range(text: str) -> tuple[int, int]:
    """Return (first, last) of ``first-last``, both included, with first <= last."""
    first, dash, last = text.partition("-")
    if dash:
        pair = number(first, "Range", 0, MAX_SIZE), number(last, "Range", 0, MAX_SIZE)
        if pair[0] <= pair[1]:
            return pair
    raise BadRequest("Range must be FIRST-LAST with FIRST not after LAST")


def index_version(text: str) -> str:
    """Return a version of an index, a word that only the peer that made it understands."""
    if not _INDEX_VERSION.fullmatch(text):
        raise BadRequest("a version of an index has at most 64 letters, digits and dots")
    return text


def site(text: str) -> str:
    """Return the name of a site: 1 to 64 letters, digits, dots, underscores and hyphens."""
    if not _SITE.fullmatch(text):
        raise BadRequest("the name of a site has at most 64 letters, digits, dots, underscores and hyphens")
    return text


@lru_cache(256)
def modified(text: str) -> int:
    """Return the Unix seconds, 0..LAST_MODIFIED, of a time ``YYYY-MM-DD HH:MM:SS`` in UTC."""
    try:
        if _MOMENT.fullmatch(text):
            return number(str(timegm(datetime.fromisoformat(text).timetuple())), "Modified", 0, LAST_MODIFIED)
    except ValueError:
        pass
    raise BadRequest("Modified must be YYYY-MM-DD HH:MM:SS from 1970 on")


@lru_cache(256)
def modified_text(seconds: int) -> str:
    """Return the text that `modified` reads."""
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%d %H:%M:%S")


def yes(text: str) -> bool:
    """Return True for ``yes``, the only value of a header that is otherwise left out."""
    if text != "yes":
        raise BadRequest("this header can only be yes")
    return True


def parse_address(host: str) -> IPv4Address | IPv6Address | None:
    """Return the IP address that `host` is (IPv4 where it is mapped into IPv6); None if it is not one."""
    try:
        address = ip_address(host)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


@lru_cache(4096)
def clean_host(text: str) -> str | None:
    """Return an IP address or host name in its one spelling; None if no peer can be reached there.

    A name has at most 253 characters: labels separated by dots, the last of them not a number (RFC 1123, 2.1).
    """
    if match := _IPV4.fullmatch(text):  # most are; `ip_address` takes eight times as long
        return None if 224 <= int(match[1]) < 240 or text == "0.0.0.0" else text
    address = parse_address(text)
    if address is not None:
        return None if address.is_unspecified or address.is_multicast or "%" in text else str(address)
    labels = text.lower().split(".")
    if len(text) > 253 or labels[-1].isdigit() or not all(map(_LABEL.fullmatch, labels)):
        return None
    return ".".join(labels)


def host(text: str) -> str:
    """Return the value of a Host line, 1 to 255 visible ASCII characters."""
    if not _HOST.fullmatch(text):
        raise BadRequest("Host must be an address of visible ASCII characters")
    return text


def peer_host(text: str) -> str:
    """Return an IP address or a host name at which a peer may be reached, as it is spelled in `text`."""
    if clean_host(text) is None:
        raise BadRequest("the host of a peer must be an IP address or a host name")
    return text


def address(text: str) -> Address:
    """Return the host and port of ``host SP port``, as in the lines of a peer list."""
    name, _, number_ = text.partition(" ")
    return peer_host(name), port(number_)


def has_control(text: str) -> bool:
    """Return whether `text` has a control character, a line or paragraph separator, or half a surrogate pair."""
    return _CONTROL.search(text) is not None


def name(text: str) -> str:
    """Return the name of a document, 1..MAX_NAME bytes of UTF-8 without control characters."""
    if not text or has_control(text):
        raise BadRequest("a name must not be empty and must not hold control characters")
    if len(text.encode()) > MAX_NAME:
        raise BadRequest(f"a name has at most {MAX_NAME} bytes")
    return text


def split_type(full: str) -> tuple[str, str]:
    """Return (name, type), which 1.0 has apart: ``rfc8446.txt.pdf`` -> (``rfc8446.txt``, ``pdf``).

    The type is empty where the last segment has no dot inside it: ``README``, ``.x``, ``a.``, ``a.b/c``.
    """
    folder, slash, base = full.rpartition("/")
    stem, _, kind = base.rpartition(".")
    if not kind or not stem.strip("."):
        return full, ""
    return folder + slash + stem, kind


def join_type(stem: str, kind: str) -> str:
    """Return the whole name again: the inverse of `split_type`."""
    return f"{stem}.{kind}" if kind else stem


def neighbourhood(host: str) -> str:
    """Return the key under which what one host does is counted: its address; of IPv6 its /64."""
    if ":" not in host:
        return host
    try:
        address = IPv6Address(host)
        return str(address.ipv4_mapped or IPv6Address(int(address) >> 64 << 64))
    except ValueError:
        return host
