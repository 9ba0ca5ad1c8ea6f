"""A profile: how a protocol spells its requests and answers, and which checks count. It is data, read from TOML.

The profiles of this package are in ``profiles``; docs/check.rst says how to write another.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

FOLDER = Path(__file__).with_name("profiles")
NAMES = ("1.0", "1.1", "p2p-di", "p2p-ci")
"""The profiles of this package."""

MAX_FILE = 262_144
"""Bytes of a profile or rubric that are read."""

LINE_ENDS = {"lf": b"\n", "crlf": b"\r\n"}
ENDS = ("close", "length", "quiet")
"""How the end of an answer is known: the server closes, a header says the length, or nothing more comes."""

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


def pattern(template: str, version: str = "", phrase: str = "") -> re.Pattern[str]:
    """Return the pattern of an answer's line; `version` and `phrase` ("": any) stand in braces as well."""
    names = {**PATTERNS, "version": re.escape(version), "phrase": re.escape(phrase) if phrase else r"\S.*"}
    parts = PLACE.split(template)
    return re.compile("".join(names[part] if at % 2 else re.escape(part) for at, part in enumerate(parts)), re.ASCII)


def load(name: str) -> Profile:
    """Return the profile of this package called `name`, or the one in the file `name`. Raises ProfileError."""
    path = FOLDER / f"{name}.toml" if name in NAMES else Path(name)
    tables = read_toml(path, f"a profile; there are {', '.join(NAMES)}, or name a file")
    known = {"name": name if name in NAMES else path.stem, **tables}
    return _profile(known, str(path.name if name in NAMES else path))


def read_toml(path: Path, what: str) -> dict[str, Any]:
    """Return the tables in the file `path`. Raises ProfileError; `what` says what it should be."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE + 1)
    except OSError as error:
        raise ProfileError(f"{path} is not {what} ({error.strerror})") from None
    if len(data) > MAX_FILE:
        raise ProfileError(f"{path} has more than {MAX_FILE} bytes")
    try:
        tables: dict[str, Any] = tomllib.loads(data.decode())
    except ValueError as error:
        raise ProfileError(f"{path}: not TOML in UTF-8: {str(error).splitlines()[0]}") from None
    return tables


def _profile(tables: Mapping[str, Any], source: str) -> Profile:
    """Return what `tables` say, on top of the profile that they are `like`."""
    from .profile_form import values_of

    like = load(_known(tables.get("like"), source)) if "like" in tables else None
    values = {**(vars(like) if like is not None else {}), **values_of(tables, like, source)}
    if "also" in tables:
        values["also"] = load(_known(tables["also"], source))
    missing = [name for name in ("title", "messages", "status", "codes") if not values.get(name)]
    if missing:
        raise ProfileError(f"{source}: {missing[0]} is missing, and no 'like' names a profile to take it from")
    if "ok" not in values["codes"]:
        raise ProfileError(f"{source}: codes has no ok, the status code of what is granted")
    for table in ("same", "malformed", "strict"):
        own = _keep(values.get(table, ()), values["messages"])
        if table in tables and len(own) < len(values[table]):
            missed = next(change for change in values[table] if change not in own)
            raise ProfileError(f"{source}: {table} '{missed.name}' changes what is not in the message {missed.message}")
        values[table] = own
    return Profile(**values)


def _keep(changes: tuple[Change, ...], messages: Mapping[str, str]) -> tuple[Change, ...]:
    """Return those of `changes` that change something: one taken over from another profile need not."""
    return tuple(change for change in changes if change.old in messages.get(change.message, ""))


def _known(name: object, source: str) -> str:
    if name not in NAMES:
        raise ProfileError(f"{source}: 'like' and 'also' must be one of {', '.join(NAMES)}, not {name!r}")
    return str(name)
