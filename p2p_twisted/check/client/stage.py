"""What the client meets: an RS and peers that answer in one way. It decides; `places` has the sockets."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field

from ..profile import Profile
from .documents import DOCUMENTS
from .replies import ADDRESS, data, reply
from .requests import Found
from .ways import RS, Way

MAX_COOKIE = 2**31 - 1


@dataclass(frozen=True)
class Reply:
    """An answer: its outcome, head and body; `breaks`: only half of it is sent, and the connection is reset."""

    outcome: str
    head: bytes
    body: bytes
    breaks: bool = False


@dataclass
class Registrations:
    """The client's registrations, cookie -> port: a second start of the client meets those of the first.

    `rs_port` is the port of the RS, and `own_port` the one that the command is given; 0 before the first start.
    """

    ports: dict[str, str] = field(default_factory=dict)
    rs_port: int = 0
    own_port: int = 0


class Stage:
    """Answers in the way `way`; `ports` has the port of each peer by name, `ttl` is in seconds."""

    def __init__(
        self, profile: Profile, way: Way, registrations: Registrations, ports: Mapping[str, int], ttl: float
    ) -> None:
        self._profile = profile
        self._way = way
        self._registrations = registrations
        self._ports = ports
        self._ttl = ttl
        self._has_broken = False

    def answer(self, place: str, found: Found | None) -> Reply:
        """Return the answer at `place` to a request, None for one that is not of the protocol."""
        at_rs = ("register", "keepalive", "pquery", "leave")
        if found is None or (found.message in at_rs) != (place == RS):
            return self._reply("bad_request")
        outcome = self._way.outcomes.get(found.message) or self._outcome(found)
        if outcome != "ok":
            return self._reply(outcome)
        body = self._body(place, found)
        breaks = found.message == "file" and self._way.breaks and not self._has_broken
        self._has_broken |= breaks
        if found.message == "pquery" and not body and "no_peers" in self._profile.codes:
            return self._reply("no_peers")
        return Reply("ok", *reply(self._profile, "ok", body, self._way.crlf), breaks)

    def _reply(self, outcome: str) -> Reply:
        text = f"refused: {outcome.replace('_', ' ')}"
        return Reply(outcome, *reply(self._profile, outcome, b"", self._way.crlf, text))

    def _outcome(self, found: Found) -> str:
        ports = self._registrations.ports
        cookie, port = found.fields.get("cookie", "").strip(), found.fields.get("port", "")
        if found.message == "register":
            is_new = cookie in ("", self._profile.first_cookie)
            return "ok" if is_new or cookie in ports else "unknown_cookie"
        if found.message == "file":
            return "ok" if any(one.is_meant(found) for one in DOCUMENTS) else "not_found"
        if found.message in ("keepalive", "pquery", "leave"):
            return "ok" if ports.get(cookie) == port else "not_registered"
        return "ok"

    def _body(self, place: str, found: Found) -> bytes:
        message = found.message
        if message == "file":
            return next(one.content for one in DOCUMENTS if one.is_meant(found))
        if message == "register":
            rows: list[Mapping[str, object]] = [{"cookie": self._registered(found)}]
        elif message == "pquery":
            rows = self._listed(found)
        elif message == "index":
            rows = [one.record(self._ports[place], ADDRESS) for one in DOCUMENTS]
        else:
            rows = [{"number": round(self._ttl)}]
        return data(self._profile, message, rows, self._way.crlf)

    def _registered(self, found: Found) -> str:
        """Enter the client; return its cookie."""
        cookie = found.fields.get("cookie", "").strip()
        if cookie not in self._registrations.ports:
            cookie = str(random.randrange(1_000, MAX_COOKIE))
        self._registrations.ports[cookie] = found.fields.get("port", "")
        return cookie

    def _listed(self, found: Found) -> list[Mapping[str, object]]:
        if self._way.peers is None:
            return []
        own = [found.fields.get("port", "0")] if self._profile.lists_asker else []
        ports = [*own, *(str(self._ports[name]) for name in self._way.peers)]
        return [{"address": ADDRESS, "port": port} for port in ports]
