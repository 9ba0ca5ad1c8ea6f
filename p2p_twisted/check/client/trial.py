"""Starting the client once, in one way, and keeping what it did."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from ..profile import Profile
from ..transcript import Transcript
from .documents import DOCUMENTS, TTL
from .places import Place
from .program import Program, can_be_reached, free_port
from .requests import Request
from .stage import Registrations, Stage
from .ways import DEAD, FIRST, RS, SECOND, Way

STEPS = ("register", "pquery", "index", "file")
"""What a client does when it fetches a document."""
MAX_REQUESTS = 10_000
"""Requests of a run that are kept."""
SETTLE = 0.7
"""Seconds that a run goes on after the last step."""


@dataclass(frozen=True)
class Order:
    """What to start: `command` with its places, `typed` for its standard input, `seconds` that it may go on.

    `ttl` is the TTL that the RS tells and holds the client to, None if renewing is not looked at.
    """

    profile: Profile
    command: Sequence[str]
    seconds: float = 10.0
    ttl: float | None = None
    typed: Path | None = None


@dataclass
class Seen:
    """What a run showed. `folder` is that of {dir}, in which `registrations` count."""

    way: Way
    folder: Path
    registrations: Registrations
    transcript: Transcript = field(default_factory=Transcript)
    requests: list[Request] = field(default_factory=list)
    crash: str = ""
    last_line: str = ""
    ended_by_itself: bool = False
    is_reachable: bool = False
    ended_at: float = 0.0

    def note(self, request: Request) -> None:
        """Keep a request that came, unless there are too many."""
        if len(self.requests) < MAX_REQUESTS:
            self.requests.append(request)

    def named(self, message: str, place: str = "") -> list[Request]:
        """Return the requests that are this message, at one place or at any."""
        return [one for one in self.requests if one.message == message and place in ("", one.place)]

    @property
    def steps(self) -> set[str]:
        """Which of STEPS were granted."""
        return {one.message for one in self.requests if one.is_granted and one.message in STEPS}

    def saved(self) -> bool:
        """Return whether a file in the folder is one of the documents."""
        contents = {one.content for one in DOCUMENTS}
        files = [path for path in self.folder.rglob("*") if path.is_file() and path.stat().st_size < 1_000_000]
        return any(path.read_bytes() in contents for path in files)


def watch(order: Order, way: Way, seen: Seen, is_over: Callable[[Seen], bool]) -> Seen:
    """Start the client, answer in the way `way`, and end it when `is_over`, or its time is. Raises NotStarted."""
    with ExitStack() as stack:
        kept = seen.registrations
        ports_of = {RS: kept.rs_port, FIRST: 0, SECOND: 0}
        about = order.profile, way, seen.transcript, seen.note
        places = {name: Place(name, *about, port) for name, port in ports_of.items()}
        kept.rs_port, kept.own_port = places[RS].port, kept.own_port or free_port()
        dead = stack.enter_context(socket.socket())
        dead.bind(("127.0.0.1", 0))  # taken, but nobody listens
        ports = {**{name: place.port for name, place in places.items()}, DEAD: dead.getsockname()[1]}
        stage = Stage(order.profile, way, seen.registrations, ports, order.ttl or TTL)
        for place in places.values():
            place.start(stage)
            stack.callback(place.stop)
        _run(order, way, seen, Program(order.command, _values(seen), order.typed), is_over)
    return seen


def _values(seen: Seen) -> dict[str, str]:
    """Return what stands for the places in the command."""
    document, kept = DOCUMENTS[0], seen.registrations
    return {
        "rs": f"127.0.0.1:{kept.rs_port}",
        "host": "127.0.0.1",
        "rs_port": str(kept.rs_port),
        "port": str(kept.own_port),
        "dir": str(seen.folder),
        "document": document.name,
        "number": str(document.number),
    }


def _run(order: Order, way: Way, seen: Seen, program: Program, is_over: Callable[[Seen], bool]) -> None:
    start = time.monotonic()
    seconds = 2.5 * order.ttl if way.until_ttl and order.ttl else order.seconds
    try:
        while not program.wait(0.1) and time.monotonic() - start < seconds:
            if is_over(seen) and not way.until_ttl:
                program.wait(SETTLE)
                break
        registered = seen.named("register")
        seen.is_reachable = bool(registered) and program.is_running and can_be_reached(registered[-1].fields["port"])
        seen.crash, seen.last_line = program.crash(), program.last_line()
        seen.ended_at = seen.transcript.seconds
    finally:
        program.end()
        seen.ended_by_itself = program.ended_by_itself
