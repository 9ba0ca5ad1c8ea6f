"""What a client makes of answers that come in other ways, of refusals, and of peers that are gone."""

from __future__ import annotations

from itertools import pairwise

from ..model import CannotTell, Failed, check
from .client import Client
from .trial import Seen
from .ways import (
    ALONE,
    BAD_REQUEST,
    BROKEN_OFF,
    CRLF,
    DEAD_PEER,
    EMPTY,
    FIRST,
    FORGOTTEN,
    REFUSED,
    RS,
    SECOND,
    SLOW,
    SPLIT,
    TTL,
    Way,
)

GROUP = "answers"
RENEWING = ("register", "keepalive", "pquery")


def _must_have(client: Client, message: str) -> None:
    """Raise CannotTell if the client does not send `message` when all goes well."""
    if message not in client.plain().steps:
        raise CannotTell(f"the client does not send {message} when all goes well", "see the checks before this one")


def _no_crash(seen: Seen, when: str) -> None:
    if seen.crash:
        raise Failed(f"{when}, the client crashes: {seen.crash}", "expect this, and say it to the user")


def _gets_as_far(client: Client, way: Way, when: str, mend: str) -> None:
    """Raise Failed if the client does not do all that it does when all goes well."""
    wanted = client.plain().steps
    if not wanted:
        raise CannotTell("the client does nothing when all goes well", "see the checks before this one")
    seen = client.seen(way)
    _no_crash(seen, when)
    missing = wanted - seen.steps
    if missing:
        raise Failed(f"{when}, it does not come to {' and '.join(sorted(missing))}", mend)


@check("answers-in-parts", "Answers that come in small parts are read whole", group=GROUP, section="Transport")
def in_parts(client: Client) -> None:
    """Send byte by byte."""
    mend = "TCP has no messages: read until the connection is closed, however many reads that takes"
    _gets_as_far(client, SPLIT, "when answers come in small parts", mend)


@check("late-bodies", "Answers whose data comes after a while are read whole", group=GROUP, section="Transport")
def late_bodies(client: Client) -> None:
    """Send the head, wait, send the body."""
    mend = "read until the connection is closed; the head alone is no answer"
    _gets_as_far(client, SLOW, "when the data of an answer comes later than its head", mend)


@check("reads-crlf", "Answers whose lines end in CRLF are read", group=GROUP, section="Transport")
def reads_crlf(client: Client) -> None:
    """End lines in CRLF."""
    _gets_as_far(client, CRLF, "when lines end in CRLF", "take off a CR at the end of each line")


@check("nobody-else", "A list with nobody else on it is no error", group=GROUP, section="PQuery")
def nobody_else(client: Client) -> None:
    """List only the client, then nobody."""
    _must_have(client, "pquery")
    for way, when in ((ALONE, "when no other peer is active"), (EMPTY, "when the list is empty")):
        _no_crash(client.seen(way), when)


@check("register-refused", "A client whose Register is refused does not go on", group=GROUP, section="Register")
def register_refused(client: Client) -> None:
    """Refuse each Register with 403."""
    _must_have(client, "register")
    seen = client.seen(REFUSED)
    _no_crash(seen, "when Register is refused")
    went_on = [one for one in seen.requests if one.place == RS and one.message not in ("", "register")]
    if went_on:
        raise Failed(
            f"it sends {went_on[0].message} although it is not registered",
            "look at the status of each answer; without a cookie there is nothing to ask",
        )


@check("query-refused", "A PQuery that is refused is no list", group=GROUP, section="Status codes")
def query_refused(client: Client) -> None:
    """Refuse PQuery with 300, then with 403."""
    _must_have(client, "pquery")
    for way, status in ((BAD_REQUEST, "as a bad request"), (FORGOTTEN, "because the RS knows nothing of the client")):
        seen = client.seen(way)
        _no_crash(seen, f"when PQuery is refused {status}")
        if seen.named("index") or seen.named("file"):
            raise Failed(f"it asks peers, although PQuery was refused {status}", "look at the status of each answer")


@check("peer-gone", "Where one peer is gone, the next is asked", group=GROUP, section="Peers")
def peer_gone(client: Client) -> None:
    """List a port where nobody listens before that of a peer."""
    _must_have(client, "index")
    seen = client.seen(DEAD_PEER)
    _no_crash(seen, "when a peer cannot be reached")
    if not seen.named("index", FIRST):
        raise Failed("it does not ask the peer behind one that cannot be reached", "go on with the next peer")


@check("holder-gone", "Where a holder is gone, the next is asked for the document", group=GROUP, section="Peers")
def holder_gone(client: Client) -> None:
    """Break off the first answer to GET FILE in its middle."""
    _must_have(client, "file")
    seen = client.seen(BROKEN_OFF)
    _no_crash(seen, "when a holder breaks off")
    asked = seen.named("file")
    if not asked:
        raise CannotTell("the client asked for no document this time")
    if len(asked) < 2:
        other = SECOND if asked[0].place == FIRST else FIRST
        raise Failed(
            f"after {asked[0].place} has broken off, it does not ask again, and not {other} either",
            "a connection that is reset is no end of a file: ask the next holder",
        )


@check(
    "renews", "The client renews its registration before the TTL runs out", group=GROUP, section="KeepAlive", ttls=2.5
)
def renews(client: Client) -> None:
    """Let it run for two and a half TTLs."""
    _must_have(client, "register")
    ttl, seen = client.order.ttl or 0, client.seen(TTL)
    if seen.ended_by_itself:
        raise CannotTell("the client ended before the TTL ran out", "let it run on after it has fetched the document")
    asked = [one for one in seen.requests if one.place == RS and one.message in RENEWING]
    gaps = [after - before for before, after in pairwise([*(one.seconds for one in asked), seen.ended_at])]
    if not asked or max(gaps) > ttl:
        raise Failed(
            f"{max(gaps, default=0):.1f} s passed without KeepAlive or PQuery, and the TTL is {ttl:g} s",
            "send KeepAlive well before the TTL that the RS tells has run out",
        )
