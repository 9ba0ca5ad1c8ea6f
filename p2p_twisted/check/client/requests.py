"""What a client asks, recognized by the messages of a profile."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from ..profile import PLACE, Profile

VALUES = {"host": rb"\S+", "port": rb"\d+", "number": rb"\d+", "stem": rb"[^\r\n]+"}
"""What a field may be; any other is the rest of a line."""
REST = rb"[^\r\n]*"
FIRST_CONTACT = re.compile(rb"(P2P[_-]DI[_/-])1\.1(?=\r?\n)")
"""The version word of a client of 1.1, which says it to a server of 1.0 as well."""
MAX_SPELLINGS = 200


@dataclass(frozen=True)
class Request:
    """A request that came: `seconds` after the client's start, at the server `place`.

    `message` is its name in the profile, "" if it is none; `fields` are what stands in its places. `fault` says what is
    wrong with it. `is_granted`: the answer was no refusal.
    """

    seconds: float
    place: str
    raw: bytes
    message: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)
    fault: str = ""
    is_granted: bool = False


@dataclass(frozen=True)
class Found:
    """A message recognized in what has come, and what stands in its places."""

    message: str
    fields: Mapping[str, str]


class Recognizer:
    """Recognizes the requests of `profile` in every right spelling."""

    def __init__(self, profile: Profile) -> None:
        self._patterns = [
            (message, re.compile(_pattern(text)))
            for message in profile.messages
            for text in sorted(_spellings(profile, message), key=len, reverse=True)
        ]

    def find(self, data: bytes) -> Found | None:
        """Return the request at the beginning of `data`; None if there is none, or not yet all of it."""
        spelled = FIRST_CONTACT.sub(rb"\g<1>1.0", data, count=1)
        for message, pattern in self._patterns:
            match = pattern.match(spelled)
            if match is not None:
                groups = match.groupdict(b"")
                return Found(message, {name: value.decode("utf-8", "replace") for name, value in groups.items()})
        return None


def _spellings(profile: Profile, message: str) -> set[str]:
    """Return the text of `message` in every spelling that the profile's table `same` allows."""
    found = {profile.messages[message]}
    for change in profile.same:
        if not set(PLACE.findall(change.old)) <= set(PLACE.findall(change.put)):
            continue  # an example of what may stand in a place
        more = {text.replace(change.old, change.put) for text in found if change.old and change.old in text}
        if len(found | more) <= MAX_SPELLINGS:
            found |= more
    return found


def _pattern(text: str) -> bytes:
    return b"".join(_parts(text))


def _parts(text: str) -> Iterator[bytes]:
    seen: set[str] = set()
    for at, part in enumerate(PLACE.split(text)):
        if at % 2 == 0:
            yield re.escape(part.encode()).replace(b"\\\n", rb"\r?\n")
            continue
        value = VALUES.get(part, REST)
        yield value if part in seen else b"(?P<" + part.encode() + b">" + value + b")"
        seen.add(part)
