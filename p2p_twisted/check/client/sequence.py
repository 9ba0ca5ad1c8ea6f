"""What a client does when all goes well: in which order, and how its requests are spelled."""

from __future__ import annotations

from ..model import CannotTell, Failed, check
from ..transcript import shown
from .client import Client
from .requests import Request
from .ways import AGAIN, PLAIN, RS

GROUP = "client"
MAX_QUOTED, MAX_SAID = 60, 120


def _said(request: Request) -> str:
    return f"'{shown(request.raw[:MAX_QUOTED])}'"


def _all(client: Client, message: str, mend: str) -> list[Request]:
    """Return all requests that are this message. Raises CannotTell if there is none."""
    found = client.plain().named(message)
    if not found:
        raise CannotTell(f"the client never sent {message}", mend)
    return found


@check("connects", "The client connects to the RS", group=GROUP, section="Peers")
def connects(client: Client) -> None:
    """Start it, and wait."""
    seen = client.plain()
    if not any(one.place == RS for one in seen.requests):
        said = seen.crash or seen.last_line
        said = f"; it says '{shown(said.encode()[:MAX_SAID])}'" if said else ""
        raise Failed(
            f"no request came to the RS within {seen.ended_at:.1f} s{said}",
            "give the client the address of the RS, with {rs}, or {host} and {rs_port}, in its command",
        )


@check("registers-first", "The first request to the RS is Register", group=GROUP, section="Peers")
def registers_first(client: Client) -> None:
    """Look at the first one."""
    asked = [one for one in client.plain().requests if one.place == RS]
    if not asked:
        raise CannotTell("no request came to the RS")
    if asked[0].message != "register":
        raise Failed(f"the first request is {asked[0].message or _said(asked[0])}", "register before anything else")


@check("requests", "Every request is spelled as the protocol has it", group=GROUP, section="Requests")
def requests(client: Client) -> None:
    """Look for what could not be read."""
    seen = client.plain()
    if not seen.requests:
        raise CannotTell("no request came")
    wrong = [one for one in seen.requests if one.fault]
    if wrong:
        known = ", ".join(name for name in client.profile.messages)
        raise Failed(f"{_said(wrong[0])}, sent to {wrong[0].place}: {wrong[0].fault}", f"the messages are {known}")


@check("no-cookie-first", "The first Register of a new client has no cookie", group=GROUP, section="Register")
def no_cookie_first(client: Client) -> None:
    """Look at its cookie."""
    first = _all(client, "register", "register before anything else")[0]
    cookie = first.fields.get("cookie", "").strip()
    if cookie not in ("", client.profile.first_cookie):
        raise CannotTell(
            f"it has the cookie {shown(cookie.encode()[:20])}, which it may have kept",
            "start it without what it keeps: in the folder {dir}, which is empty",
        )


@check("own-cookie", "Further messages have the cookie that the RS gave", group=GROUP, section="Register")
def own_cookie(client: Client) -> None:
    """Compare cookies and ports with those that were registered."""
    seen = client.plain()
    asked = [one for one in seen.requests if one.place == RS and one.message not in ("", "register")]
    if not asked:
        raise CannotTell("the client sent the RS nothing after Register")
    for one in asked:
        if not one.is_granted:
            cookie, port = one.fields.get("cookie", ""), one.fields.get("port", "")
            raise Failed(
                f"{one.message} has the cookie '{shown(cookie.encode()[:20])}' and the port {port}",
                "send the cookie of the answer to Register, and the port that was registered",
            )


@check("asks-who", "The client asks the RS which peers are active", group=GROUP, section="PQuery")
def asks_who(client: Client) -> None:
    """Look for PQuery."""
    _all(client, "pquery", "let the command make the client fetch {document}")


@check("asks-index", "The client asks a peer of the list for its index", group=GROUP, section="GET INDEX")
def asks_index(client: Client) -> None:
    """Look for the request, and whether the list came before."""
    first = _all(client, "index", "let the command make the client fetch {document}")[0]
    before = [one for one in client.plain().named("pquery") if one.seconds <= first.seconds]
    if not before:
        raise Failed("it asked a peer for its index before it had asked the RS", "ask the RS who is there")


@check("asks-file", "The client asks a holder for a document of its index", group=GROUP, section="GET FILE")
def asks_file(client: Client) -> None:
    """Look for the request, and whether its name is one of the index."""
    found = _all(client, "file", "let the command make the client fetch {document}, or the RFC {number}")
    wrong = [one for one in found if not one.is_granted]
    if len(wrong) == len(found):
        raise Failed(f"{_said(wrong[0])} names no document of the index", "name it as the index does: stem, then type")


@check("saves", "What was fetched is saved as it came", group=GROUP, section="GET FILE", mandatory=False)
def saves(client: Client) -> None:
    """Look for it in the folder {dir}."""
    _all(client, "file", "let the command make the client fetch {document}")
    seen = client.plain()
    if not any(seen.folder.rglob("*")):
        raise CannotTell("the folder {dir} is empty", "let the command save documents in {dir}")
    if not seen.saved():
        raise Failed("no file in {dir} is a document as it was sent", "write the bytes behind the empty line, and all")


@check("can-be-reached", "It serves at the port that it registered", group=GROUP, section="Peers", mandatory=False)
def reachable(client: Client) -> None:
    """Connect to it while it runs."""
    _all(client, "register", "register before anything else")
    seen = client.plain()
    if seen.ended_by_itself:
        raise CannotTell("the client had ended", "let it run on after it has fetched the document")
    if not seen.is_reachable:
        raise Failed("nobody takes connections at its port", "listen at the port before you register it")


@check("leaves", "The client leaves when it ends", group=GROUP, section="Leave")
def leaves(client: Client) -> None:
    """Look for Leave, which is the last of a registered client."""
    seen = client.plain()
    _all(client, "register", "register before anything else")
    if not seen.named("leave"):
        how = "when it ended" if seen.ended_by_itself else "when it was ended by SIGINT and SIGTERM"
        raise CannotTell(f"the client did not send Leave {how}", "send Leave when the program ends, by a signal too")


@check(
    "comes-back",
    "A client that starts again registers with the cookie it had",
    group=GROUP,
    section="Register",
    mandatory=False,
)
def comes_back(client: Client) -> None:
    """Start it again, in the same folder."""
    client.seen(PLAIN)
    registered = client.seen(AGAIN).named("register")
    if not registered:
        raise CannotTell("the client did not register when it was started again")
    cookie = registered[0].fields.get("cookie", "").strip()
    if cookie in ("", client.profile.first_cookie):
        raise CannotTell("it registered as a new one", "keep the cookie in a file, in {dir}, and register with it")
    if not registered[0].is_granted:
        raise Failed("it registered with a cookie that it was not given", "keep the cookie of the last answer")
