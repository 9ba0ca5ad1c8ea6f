"""Answers as a profile spells them: written by the patterns by which those of a server are judged."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from ..profile import PLACE, Profile

BODIES = {
    "register": "cookie:{cookie}",
    "keepalive": "you have been renewed! TTL is {number} seconds",
    "leave": "you have been unregistered from the RS server!",
    "pquery": "{address} {port}",
    "index": "{number}\t{title}\t{address}\t{ttl}",
}
"""Lines of bodies where a profile has none."""
ADDRESS = "127.0.0.1"


def reply(profile: Profile, outcome: str, body: bytes = b"", crlf: bool = False, text: str = "") -> tuple[bytes, bytes]:
    """Return head and body of an answer; `text` is the reason of a refusal."""
    code = profile.codes.get(outcome, profile.codes["ok"])
    end = b"\r\n" if crlf or profile.answer_line_end == "crlf" else b"\n"
    body = body if outcome == "ok" else text.encode() + end
    phrase = profile.phrases.get(code, outcome.replace("_", " "))
    status = _filled(profile.status, {"code": code, "phrase": phrase, "version": profile.version})
    lines = [status, *(_header(profile, header) for header in profile.headers)]
    if profile.length:
        lines.append(f"{profile.length}: {len(body)}")
    return b"".join(line.encode() + end for line in [*lines, ""]), body


def data(profile: Profile, message: str, rows: Iterable[Mapping[str, object]], crlf: bool = False) -> bytes:
    """Return a line for each of `rows`, as the body of the answer to `message` has them."""
    end = "\r\n" if crlf or profile.answer_line_end == "crlf" else "\n"
    template = profile.bodies.get(message, BODIES.get(message, ""))
    return "".join(_filled(template, {"text": "", "rest": "", **row}) + end for row in rows).encode()


def _header(profile: Profile, template: str) -> str:
    value = ADDRESS if re.match("host", template, re.I) else profile.os
    return _filled(template, {"text": value, "number": 0, "version": profile.version})


def _filled(template: str, values: Mapping[str, object]) -> str:
    return PLACE.sub(lambda match: str(values.get(match[1], "")), template)
