"""The contents of the documents of this machine over HTTP: read by a person, or dropped on the page."""

from __future__ import annotations

import os

from twisted.internet.defer import Deferred
from twisted.protocols.basic import FileSender
from twisted.web.server import NOT_DONE_YET

from ...wire import fields
from ...wire.errors import BadRequest
from ...wire.fields import split_type
from ..http.calls import Answer, Call, Endpoint, Reply
from ..http.errors import ApiError
from ..http.request import ControlRequest
from .facade import PeerFacade
from .schema import FileReceived

MAX_SIZE = 2**40
"""Most bytes of a file that is dropped."""
TEXT = "text/plain; charset=utf-8"
TYPES = {"pdf": "application/pdf", "txt": TEXT, "md": TEXT, "log": TEXT, "csv": TEXT, "json": TEXT, "xml": TEXT}
"""End of a name -> the media type that a browser may show. Everything else is for saving."""
POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'"
"""A document of a stranger may load nothing and run nothing, and only pages of this site may show it."""


def files(peer: PeerFacade) -> Endpoint:
    """Return the path ``files``."""
    return Endpoint({b"GET": lambda call: _read(call, peer), b"PUT": lambda call: _write(call, peer)})


def _read(call: Call, peer: PeerFacade) -> Answer:
    name = _named(call.query(("name",)))
    try:
        fd, size = peer.open_file(name)
    except ValueError as error:
        raise ApiError(404, str(error)) from None
    return _Content(fd, size, TYPES.get(split_type(name)[1]))


def _write(call: Call, peer: PeerFacade) -> Deferred[Reply]:
    query = call.query(("name", "offset", "size"))
    if not {"offset", "size"} <= query.keys():
        raise BadRequest("name, offset and size must be given")
    size = fields.number(query["size"], "size", 0, MAX_SIZE)
    offset = fields.number(query["offset"], "offset", 0, size)
    name = _named(query)

    async def written() -> Reply:
        try:
            return Reply(FileReceived(name, await peer.write_file(name, offset, size, call.bytes()), size))
        except ValueError as error:
            raise ApiError(409, str(error)) from None

    return Deferred.fromCoroutine(written())


def _named(query: dict[str, str]) -> str:
    if not query.get("name"):
        raise BadRequest("name a document: name=NAME")
    return query["name"]


class _Content:
    """An answer: the file with the descriptor `fd`, which is closed at its end."""

    def __init__(self, fd: int, size: int, kind: str | None) -> None:
        self._file = os.fdopen(fd, "rb")
        self._size = size
        self._kind = kind

    def send(self, request: ControlRequest) -> int:
        """Answer `request`, as fast as the reader takes it. Returns NOT_DONE_YET."""
        headers = {"Content-Type": self._kind or "application/octet-stream", "Content-Length": str(self._size)}
        if self._kind is None:
            headers["Content-Disposition"] = "attachment"
        request.begin(200, {**headers, "Content-Security-Policy": POLICY})
        if request.method == b"HEAD":
            self._end(request)
        else:
            request.notifyFinish().addErrback(lambda _: self._file.close())
            FileSender().beginFileTransfer(self._file, request).addCallbacks(
                lambda _: self._end(request), lambda _: None
            )
        return NOT_DONE_YET

    def _end(self, request: ControlRequest) -> None:
        self._file.close()
        if not request.gone:
            request.unregisterProducer()
            request.finish()
