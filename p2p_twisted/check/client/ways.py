"""The ways in which the server of ours answers a client: all of them are legal, or happen on a network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

FIRST, SECOND, DEAD = "the first peer", "the second peer", "a peer that is gone"
RS = "the RS"


@dataclass(frozen=True)
class Way:
    """A way of answering, for one start of the client.

    `split`: in small parts. `pause`: seconds between the head and the body of an answer. `crlf`: lines end in CRLF.
    `peers`: whom the list has, in this order; with None the list is empty. `outcomes`: message -> the outcome that is
    answered, instead of the right one. `breaks`: the first request for a document is broken off. `after`: the name of
    the way in whose folder, and with whose registrations, the client starts again. `until_ttl`: see that it renews.
    """

    name: str
    split: bool = False
    pause: float = 0.0
    crlf: bool = False
    peers: tuple[str, ...] | None = (FIRST, SECOND)
    outcomes: Mapping[str, str] = field(default_factory=dict)
    breaks: bool = False
    after: str = ""
    until_ttl: bool = False


PLAIN = Way("plain")
AGAIN = Way("again", after="plain")
SPLIT = Way("split", split=True)
SLOW = Way("slow", pause=0.4)
CRLF = Way("crlf", crlf=True)
ALONE = Way("alone", peers=())
EMPTY = Way("empty", peers=None)
REFUSED = Way("refused", outcomes={"register": "unknown_cookie"})
BAD_REQUEST = Way("bad-request", outcomes={"pquery": "bad_request"})
FORGOTTEN = Way("forgotten", outcomes={"pquery": "not_registered"})
DEAD_PEER = Way("dead-peer", peers=(DEAD, FIRST))
BROKEN_OFF = Way("broken-off", breaks=True)
TTL = Way("ttl", until_ttl=True)
