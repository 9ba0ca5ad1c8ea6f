"""The wants of a peer: ``wants``, and below it one path for each of them."""

from __future__ import annotations

from typing import Any

from twisted.web.resource import Resource

from ...wire.errors import BadRequest
from ..http.calls import PATH, Call, Endpoint, Reply
from ..http.errors import ApiError
from ..http.request import ControlRequest
from .facade import PeerFacade
from .members import address, flag, folder


class WantCalls(Endpoint):
    """``wants``."""

    def __init__(self, peer: PeerFacade) -> None:
        super().__init__({b"GET": self._list, b"POST": self._add})
        self._peer = peer

    def getChild(self, path: bytes, request: ControlRequest) -> Resource:
        """Return the path of a want; a request finds out whether there is one with that id."""
        id_ = path.decode("ascii", "replace")
        return Endpoint({b"DELETE": lambda call: self._stop(call, id_)})

    def _list(self, call: Call) -> Reply:
        call.query()
        return Reply(self._peer.wants())

    def _add(self, call: Call) -> Reply:
        call.query()
        body = call.body(("pattern", "dir", "peer", "delete"))
        pattern, peer = _text(body, "pattern"), _text(body, "peer")
        if pattern is None:
            raise BadRequest('name the documents: {"pattern": PATTERN}')
        holder = None if peer is None else address(peer)
        try:
            id_ = self._peer.add_want(pattern, folder(body, "dir"), holder, flag(body, "delete", False))
        except ValueError as error:
            raise ApiError(400, str(error)) from None
        found = next(want for want in self._peer.wants().items if want.id == id_)
        return Reply(found, 201, {"Location": f"{PATH}/wants/{id_}"})

    def _stop(self, call: Call, id_: str) -> Reply:
        call.query()
        try:
            if not self._peer.stop_want(id_):
                raise ApiError(404, "there is no such want")
        except ValueError as error:
            raise ApiError(409, str(error)) from None
        return Reply(self._peer.wants())


def _text(body: dict[str, Any], member: str) -> str | None:
    """Return the text `member`, None without it. Raises BadRequest."""
    value = body.get(member)
    if value is not None and not isinstance(value, str):
        raise BadRequest(f"{member} must be a text")
    return value
