"""The server under check, as a check sees it: something to connect to, and to ask in the words of a profile."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from .answers import Answer, is_status, read_answer
from .conversation import Conversation, Silent
from .model import CannotTell, Failed
from .profile import PLACE, Profile
from .transcript import Transcript, shown

TIMEOUT = 3.0
"""Seconds that an answer may take, unless the user says otherwise."""

PORTS = range(20_000, 60_000)
"""Ports with which peers that do not exist are registered."""

SHORT_QUIET = 0.1
"""Seconds of silence that end an answer where the server is known not to close."""

MAX_QUOTED = 60
"""Bytes of an answer that a sentence repeats."""


@dataclass
class Target:
    """What is checked: an address, a profile, and what was learnt of the server on the way.

    `ttl` is in seconds, None if it is not known. `late` says that the server answers only when the client closes its
    side (None: not known yet), `stays_open` that it does not close after an answer of 1.0: both are faults that must
    not hide others. `sample` is the message that an honest client sends where any will do, with `fields`. `own_host` is
    the address under which the server sees this machine.
    """

    host: str
    port: int
    profile: Profile
    timeout: float = TIMEOUT
    ttl: float | None = None
    late: bool | None = None
    stays_open: bool = False
    sample: str = "register"
    fields: dict[str, Any] = field(default_factory=dict)
    own_host: str = ""
    used_ports: set[int] = field(default_factory=set)


class Server:
    """The server during one check: `profile` is the one that the check goes by, `until` the end of the check."""

    def __init__(self, target: Target, profile: Profile, until: float, transcript: Transcript) -> None:
        self.target = target
        self.profile = profile
        self.until = until
        self.transcript = transcript
        self._open: list[Conversation] = []

    def open(self) -> Conversation:
        """Connect; the connection is closed when the check is over. Raises Gone."""
        target = self.target
        made = Conversation((target.host, target.port), self.transcript, target.timeout, self.until)
        self._open.append(made)
        return made

    def close(self) -> None:
        """Close all connections."""
        for conversation in self._open:
            conversation.close()

    def new_port(self) -> int:
        """Return a port with which no peer was registered in this run."""
        while (port := random.choice(PORTS)) in self.target.used_ports:
            pass
        self.target.used_ports.add(port)
        return port

    def request(self, message: str, headers: Sequence[str] = (), **fields: object) -> bytes:
        """Return `message` as the profile spells it, with `headers` added at the end of its head."""
        return self.spell(self.profile.messages[message], headers, **fields)

    def spell(self, text: str, headers: Sequence[str] = (), **fields: object) -> bytes:
        """Return the bytes of `text`, a message as it stands in a profile."""
        profile = self.profile
        values = {"host": self.own_host, "os": profile.os, "cookie": profile.first_cookie, "title": "", **fields}
        if headers:
            head, empty, data = text.partition("\n\n")
            text = "\n".join((head, *headers)) + empty + data
        filled = PLACE.sub(lambda found: str(values.get(found[1], found[0])), text)
        return filled.encode().replace(b"\n", profile.line_end)

    @property
    def own_host(self) -> str:
        """The address under which the server sees this machine."""
        if not self.target.own_host:
            with self.open() as conversation:
                self.target.own_host = conversation.host
        return self.target.own_host

    def sample(self) -> bytes:
        """Return a request that any client may send, and that must be granted."""
        return self.request(self.target.sample, **{"port": self.new_port(), **self.target.fields})

    def ask(self, message: str, headers: Sequence[str] = (), **fields: object) -> Answer:
        """Send `message` on a connection of its own; return the answer. Raises Silent, Lost or Gone."""
        with self.open() as conversation:
            conversation.send(self.request(message, headers, **fields))
            return self.answer(conversation)

    def expect(self, message: str, outcome: str = "ok", headers: Sequence[str] = (), **fields: object) -> Answer:
        """Return the answer to `message`. Raises Failed if its status is not that of `outcome`, and as `ask`."""
        return self.hold(self.ask(message, headers, **fields), outcome, message)

    def exchange(self, data: bytes) -> Answer:
        """Send `data` on a connection of its own; return the answer. Raises Silent, Lost or Gone."""
        with self.open() as conversation:
            conversation.send(data)
            return self.answer(conversation)

    def answer(self, conversation: Conversation) -> Answer:
        """Read the answer to a good request; from a server that is known to answer late, after closing this side.

        Raises Silent or Lost.
        """
        target, stays_open = self.target, self.profile.stays_open
        if target.late and not stays_open:
            conversation.end_sending()
        quiet = SHORT_QUIET if target.stays_open else None
        try:
            answer = read_answer(conversation, self.profile, quiet)
        except Silent:
            if conversation.ended or conversation.closed or stays_open or target.late is False:
                raise
            target.late = False  # also if nothing comes at all: it is not waited for twice again
            conversation.end_sending()
            answer = read_answer(conversation, self.profile, quiet)
            target.late = True
        else:
            target.late = bool(target.late)
        target.stays_open |= not answer.closed and not stays_open
        return answer

    def hold(self, answer: Answer, outcome: str, what: str) -> Answer:
        """Return `answer`, which is one to `what`. Raises Failed if its status is not that of `outcome`."""
        if is_status(answer, self.profile, outcome):
            return answer
        code = self.profile.codes.get(outcome)
        if code is None:
            raise CannotTell(f"the profile has no status code for {outcome}", "add it to the table codes")
        phrase = self.profile.phrases.get(code, "")
        raise Failed(f"{what} was answered {quoted(answer)}", f"the status must be {code} {phrase}".rstrip())

    def pause(self, seconds: float) -> None:
        """Wait. Raises CannotTell if the check is over before."""
        if time.monotonic() + seconds > self.until:
            raise CannotTell("the check was not over in time", "run it again when this machine has less to do")
        time.sleep(seconds)


def quoted(answer: Answer) -> str:
    """Return the beginning of `answer` for a sentence: its first line, and that of a refusal's reason."""
    reason = f" ({shown(answer.body[:MAX_QUOTED].rstrip())})" if answer.code != 200 and answer.body else ""
    return f"'{shown(answer.status.encode()[:MAX_QUOTED])}'{reason}"
