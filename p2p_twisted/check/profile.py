"""A profile: how a protocol spells its requests and answers, and which checks count."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

LINE_ENDS = {"lf": b"\n", "crlf": b"\r\n"}
ENDS = ("close", "length", "quiet")
"""How the end of an answer is known: the server closes, a header says the length, or nothing more comes."""

MAX_LINE = 65_536
"""Characters of a line of an answer that is looked at: it would else take too long."""

PLACE = re.compile(r"\{(\w+)\}")
FIELDS = {
    *("host", "os", "cookie", "port"),
    *("name", "stem", "type", "title", "number", "hash", "range"),
}
"""What may stand in braces in a message."""

PATTERNS = {
    "code": r"(?P<code>\d{3})",
    "text": r"\S.*",
    "number": r"(?P<number>0|[1-9]\d*)",
    "cookie": r"(?P<cookie>\d+)",
    "address": r"(?P<address>\S+)",
    "port": r"(?P<port>\d{1,5})",
    "title": r"(?P<title>.*)",
    "stem": r"(?P<stem>[^\t]+)",
    "type": r"(?P<type>[^\t]*)",
    "ttl": r"\d{1,4}",
    "rest": r".*",
}
"""What may stand in braces in the pattern of an answer, and what it matches there."""


class ProfileError(Exception):
    """A profile, or a rubric, cannot be used; the text is one line that names it."""


@dataclass(frozen=True)
class Change:
    """A request that is not as the profile spells it: in the message `message`, `put` stands for what `old` says."""

    name: str
    message: str
    old: str
    put: str


@dataclass(frozen=True)
class Profile:
    """How requests and answers are spelled, and which checks count.

    `messages`: name -> text, with fields in braces, and lines that end in LF here and in `line_end` on the wire.
    `status`, `headers` and `bodies` (message -> each line of the body) are patterns. `codes`: outcome -> status code.
    `same` are changes that a server must take, `malformed` those that it must refuse, `strict` those that it should.
    `also`: a profile whose checks are run as well, for those that have no level of their own.
    """

    name: str
    title: str
    messages: Mapping[str, str]
    status: str
    codes: Mapping[str, int]
    level: str = ""
    also: Profile | None = None
    port: int = 0
    os: str = "p2p check"
    first_cookie: str = ""
    line_end: bytes = b"\n"
    version: str = ""
    headers: tuple[str, ...] = ()
    only_headers: bool = False
    answer_line_end: str = "any"
    end: str = "close"
    length: str = ""
    lists_asker: bool = True
    phrases: Mapping[int, str] = field(default_factory=dict)
    bodies: Mapping[str, str] = field(default_factory=dict)
    same: tuple[Change, ...] = ()
    malformed: tuple[Change, ...] = ()
    strict: tuple[Change, ...] = ()
    optional: frozenset[str] = frozenset()
    required: frozenset[str] = frozenset()
    skip: frozenset[str] = frozenset()

    @property
    def stays_open(self) -> bool:
        """Whether a connection is kept for further requests."""
        return self.end != "close"

    def is_mandatory(self, id_: str, usually: bool) -> bool:
        """Return whether the check `id_`, which is mandatory `usually`, is so here."""
        return id_ in self.required or (usually and id_ not in self.optional)


def matches(template: str, line: str, version: str = "", phrase: str = "") -> re.Match[str] | None:
    """Return how all of `line` is as `template` says; `version` and `phrase` ("": any) may stand in braces as well.

    A line that is too long for any protocol is not.
    """
    return _pattern(template, version, phrase).fullmatch(line) if len(line) <= MAX_LINE else None


@lru_cache(maxsize=256)
def _pattern(template: str, version: str, phrase: str) -> re.Pattern[str]:
    names = {**PATTERNS, "version": re.escape(version), "phrase": re.escape(phrase) if phrase else r"\S.*"}
    parts = PLACE.split(template)
    return re.compile("".join(names[part] if at % 2 else re.escape(part) for at, part in enumerate(parts)), re.ASCII)
