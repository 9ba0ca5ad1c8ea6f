"""What checks of an RS have in common: registering peers that do not exist, and reading lists."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..answers import Answer
from ..model import Failed
from ..profile import matches
from ..server import Server
from ..transcript import shown

MAX_QUOTED = 80
"""Bytes of an answer that a sentence repeats."""
MAX_DIGITS = 30
"""Digits of a number that is taken for a cookie: more than one may have, so that such a one is found."""


@dataclass(frozen=True)
class Peer:
    """A peer that was registered: what its requests carry."""

    cookie: str
    port: int

    @property
    def fields(self) -> dict[str, Any]:
        """Its cookie and port, as the fields of a message."""
        return {"cookie": self.cookie, "port": self.port}


def register(server: Server, headers: Sequence[str] = (), **fields: object) -> Peer:
    """Register a new peer, or with `cookie` one that was here. Raises Failed if the RS refuses, or gives no cookie."""
    port = fields.setdefault("port", server.new_port())
    answer = server.expect("register", "ok", headers, **fields)
    return Peer(cookie_in(server, answer), int(str(port)))


def cookie_in(server: Server, answer: Answer) -> str:
    """Return the cookie that `answer` gives. Raises Failed if there is none."""
    for line in lines_of(answer):
        found = re.search(rf"(?<![0-9])[0-9]{{1,{MAX_DIGITS}}}(?![0-9])", line)
        if found:
            return found[0]
    wanted = server.profile.bodies.get("register", "a line with the cookie")
    raise Failed("the answer to register gives no cookie", f"its data must be '{wanted}', with a number in decimals")


def never_given(server: Server) -> int:
    """Return a cookie that the server cannot have given: one that is far from one that it gave."""
    given = int(register(server).cookie)
    return given + 1_000_003 if given < 2**30 else given - 1_000_003


def lines_of(answer: Answer) -> list[str]:
    """Return the lines of the body, without empty ones."""
    return [line for line in answer.lines if line.strip()]


def leave(server: Server, *peers: Peer) -> None:
    """Let each of `peers` leave. Raises Failed if the RS refuses."""
    for peer in peers:
        server.expect("leave", **peer.fields)


def ports_in(answer: Answer) -> list[int]:
    """Return the port of each line of a list of peers: the last number in it."""
    found = (re.findall(r"\b[0-9]{1,5}\b", line) for line in answer.lines)
    return [int(numbers[-1]) for numbers in found if numbers]


def listed(server: Server, asker: Peer, headers: Sequence[str] = ()) -> list[int]:
    """Return the ports of the peers that the RS lists to `asker`. Raises Failed if it refuses."""
    answer = server.ask("pquery", headers, **asker.fields)
    if answer.code is not None and answer.code == server.profile.codes.get("no_peers"):
        return []
    return ports_in(server.hold(answer, "ok", "pquery"))


def require_listed(server: Server, asker: Peer, port: int, when: str) -> None:
    """Raise Failed if the peer at `port` is not on the list."""
    if port == asker.port and not server.profile.lists_asker:
        return
    if port not in listed(server, asker):
        raise Failed(f"the list has no peer with port {port}, {when}", "list every peer that is active")


def require_not_listed(server: Server, asker: Peer, port: int, when: str) -> None:
    """Raise Failed if the peer at `port` is on the list."""
    if port in listed(server, asker):
        raise Failed(f"the list still has the peer with port {port}, {when}", "list only the peers that are active")


def require_body(server: Server, message: str, answer: Answer) -> None:
    """Raise Failed if a line of the body is not as the profile has it for `message`, or if there is none."""
    template = server.profile.bodies.get(message)
    if template is None:
        return
    lines = answer.lines
    wrong = [line for line in lines if not matches(template, line)]
    if wrong or not lines:
        got = f"'{shown(wrong[0].encode()[:MAX_QUOTED])}'" if wrong else "nothing"
        raise Failed(f"the data of the answer to {message} is {got}", f"it must be '{template}'")
