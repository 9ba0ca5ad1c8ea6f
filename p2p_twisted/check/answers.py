"""Reading an answer by the rules of a profile: leniently, so that one fault is found by the check that is about it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from .conversation import CLOSED, ENOUGH, SILENT, Conversation, Silent
from .profile import Profile, matches

MAX_HEAD = 65_536
"""Bytes in which a head must end."""

QUIET = 0.3
"""Seconds after which an answer is taken for whole where only silence tells."""

_EMPTY_LINE = re.compile(rb"\r?\n\r?\n")
_LINE_END = re.compile(rb"\r?\n")
_CODE = re.compile(r"\b([0-9]{3})\b")
_NAME = re.compile(r"([A-Za-z][A-Za-z0-9-]*):? ")


@dataclass(frozen=True)
class Answer:
    """An answer as it came.

    `status` is its first line and `code` the number of three digits in it, `headers` the further lines of the head
    (none with its line end). `is_cut`: the body is shorter than a header says. `closed`: the server closed after it.
    """

    raw: bytes
    status: str
    code: int | None
    headers: tuple[str, ...]
    has_empty_line: bool
    body: bytes
    is_cut: bool
    closed: bool

    @property
    def lines(self) -> list[str]:
        """The lines of the body, as text."""
        return [line.decode("utf-8", "backslashreplace").removesuffix("\r") for line in _split(self.body)]

    def header(self, name: str) -> str | None:
        """Return the value of the first header `name`; None if there is none."""
        for line in self.headers:
            found, colon, value = line.partition(":")
            if colon and found == name:
                return value.strip()
        return None


def read_answer(conversation: Conversation, profile: Profile, quiet: float | None = None) -> Answer:
    """Read one answer. `quiet`: seconds of silence that end a body which the closing should end (None: the timeout).

    Raises Silent if nothing comes, Lost if the connection breaks.
    """
    how = conversation.fill(lambda data: _EMPTY_LINE.search(data) is not None or len(data) > MAX_HEAD)
    if not conversation.buffer:
        raise _nothing(conversation, how)
    head, body_at, has_empty_line = _head(conversation.buffer, profile)
    size = _size(head, profile)
    is_cut = False
    if size is not None and has_empty_line:
        end = body_at + size
        is_cut = conversation.fill(lambda data: len(data) >= end) != ENOUGH
    elif how != CLOSED and (how != SILENT or has_empty_line):
        conversation.fill(lambda data: False, QUIET if profile.end == "quiet" else quiet)
    if not has_empty_line:
        head, body_at, has_empty_line = _head(conversation.buffer, profile)
    raw = conversation.take(len(conversation.buffer) if size is None else body_at + size)
    return _answer(raw, head, body_at, has_empty_line, is_cut, conversation.closed)


def _answer(raw: bytes, head: Sequence[str], body_at: int, has_empty_line: bool, is_cut: bool, closed: bool) -> Answer:
    status = head[0] if head else ""
    code = _CODE.search(status)
    number = int(code[1]) if code else None
    return Answer(raw, status, number, tuple(head[1:]), has_empty_line, raw[body_at:], is_cut, closed)


def _nothing(conversation: Conversation, how: str) -> Silent:
    if how == CLOSED:
        return Silent(
            "the server closed the connection without an answer",
            "answer every request, also one that is refused, and then close",
        )
    return Silent(
        f"no answer within {conversation.timeout:g} s",
        "answer as soon as the last line of the request is in; do not wait for more, nor for the client to close",
    )


def _head(data: bytearray, profile: Profile) -> tuple[list[str], int, bool]:
    """Return the lines of the head, where the body begins, and whether an empty line is between them.

    Without that line, the lines behind the first that look like one of the profile's headers are taken for the head.
    """
    found = _EMPTY_LINE.search(data)
    if found is not None:
        return _texts(data[: found.start()]), found.end(), True
    names = {line.partition(":")[0].partition(" ")[0] for line in profile.headers} | {profile.length}
    end = 0
    texts: list[str] = []
    for line in data.splitlines(keepends=True):
        text = line.decode("utf-8", "backslashreplace").rstrip("\r\n")
        name = _NAME.match(text)
        if texts and not (name and name[1] in names):
            break
        texts.append(text)
        end += len(line)
    return texts, end, False


def _texts(head: bytearray) -> list[str]:
    return [line.decode("utf-8", "backslashreplace") for line in _LINE_END.split(head)]


def _size(head: Sequence[str], profile: Profile) -> int | None:
    """Return the length of the body by its header, None if the profile has none or the header is missing or wrong."""
    for line in head[1:]:
        name, _, value = line.partition(":")
        if profile.length and name == profile.length and re.fullmatch(" *[0-9]{1,18} *", value):
            return int(value)
    return None


def _split(body: bytes) -> list[bytes]:
    lines = body.split(b"\n")
    return lines if lines[-1] else lines[:-1]


def is_status(answer: Answer, profile: Profile, outcome: str) -> bool:
    """Return whether the status code is that of `outcome`."""
    return answer.code is not None and answer.code == profile.codes.get(outcome)


def is_exact_status(answer: Answer, profile: Profile) -> bool:
    """Return whether the first line is as the profile spells it."""
    phrase = profile.phrases.get(answer.code or 0, "")
    return matches(profile.status, answer.status, profile.version, phrase) is not None
