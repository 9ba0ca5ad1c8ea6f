"""Where a session begins: ``/login?once=TOKEN``, a link that can be used once, or the key typed in."""

from __future__ import annotations

from ..http.access import Access
from ..http.calls import Answer, Call, Endpoint, Reply
from ..http.guard import check_key


def login(access: Access) -> Endpoint:
    """Return the path on which sessions begin."""

    def use_link(call: Call) -> Answer:
        from .render import Html, render  # what a page needs is not loaded before one is asked for

        token = call.query(("once",)).get("once")
        if token is None:
            return Html(render("login.html.j2", refused=False))
        if not access.use_link(token):
            return Html(render("login.html.j2", refused=True), 403)
        return Html("", 303, {"Location": "/", "Set-Cookie": access.cookie(call.own_port, call.is_secure)})

    def use_key(call: Call) -> Answer:
        call.query()
        key = call.body(("key",)).get("key")
        check_key([f"Bearer {key}"], access.key)
        return Reply({}, headers={"Set-Cookie": access.cookie(call.own_port, call.is_secure)})

    return Endpoint({b"GET": use_link, b"POST": use_key})
