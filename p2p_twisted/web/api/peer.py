"""The control API of a peer, as a tree of resources: ``/api/v1/`` (docs/api.rst)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure
from twisted.web.resource import Resource

from ...config.rates import MIN_RATE
from ...config.shares import check_readers
from ...library.paths import safe_name
from ...wire import fields
from ...wire.errors import BadRequest
from ...wire.visible import MAX_SHOWN
from ..http.calls import PATH, ApiRoot, Call, Endpoint, Reply, api_root, plain
from ..http.errors import ApiError
from ..http.request import ControlRequest
from .download_schema import DownloadDetails, DownloadId
from .events import PeerEventLog
from .facade import PeerFacade
from .files import files
from .members import address, flag, folder
from .schema import Settings
from .search import index, search
from .wants import WantCalls

MAX_RATE = 2**50
"""Highest rate limit in bytes/s; beyond any link there is."""


def peer_root(peer: PeerFacade, config: Settings, events: PeerEventLog) -> ApiRoot:
    """Return the root of a peer's site, with the API in it; pages may be put beside it.

    `config` is `describe_settings` of the options with which the peer was started.
    """
    return api_root(
        status=plain(peer.status),
        peers=plain(peer.peers),
        index=index(peer),
        search=search(peer),
        downloads=_Downloads(peer),
        wants=WantCalls(peer),
        shares=Endpoint(
            {
                b"GET": lambda call: _shares(call, peer),
                b"POST": lambda call: _share(call, peer),
                b"DELETE": lambda call: _unshare(call, peer),
            }
        ),
        files=files(peer),
        limits=Endpoint({b"GET": lambda call: _limits(call, peer), b"PUT": lambda call: _set_limits(call, peer)}),
        refresh=Endpoint({b"POST": lambda call: _refresh(call, peer)}),
        config=plain(lambda: config),
        events=Endpoint({b"GET": events.follow}),
    )


def _shares(call: Call, peer: PeerFacade) -> Reply:
    call.query()
    return Reply(peer.shared_folders())


def _share(call: Call, peer: PeerFacade) -> Deferred[Reply]:
    body = call.body(("dir", "to"))
    path, readers = folder(body, "dir"), _readers(body)
    if path is None:
        raise BadRequest('name the folder: {"dir": PATH}')

    return _shared(peer.share(path, readers), peer)


def _unshare(call: Call, peer: PeerFacade) -> Deferred[Reply]:
    path = folder(call.query(("dir",)), "dir")
    if path is None:
        raise BadRequest("name the folder: dir=PATH")
    return _shared(peer.unshare(path), peer)


def _shared(change: Deferred[None], peer: PeerFacade) -> Deferred[Reply]:
    """Return the answer to a change of the shared folders, which fails with ValueError."""

    def refused(failure: Failure) -> None:
        failure.trap(ValueError)
        raise ApiError(400, str(failure.value))

    return change.addErrback(refused).addCallback(lambda _: Reply(peer.status()))


def _readers(body: dict[str, Any]) -> list[str] | None:
    """Return the peers and groups to share with, None for all. Raises BadRequest."""
    listed = body.get("to")
    if listed is None:
        return None
    if not isinstance(listed, list) or not all(isinstance(one, str) for one in listed):
        raise BadRequest('to must be a list: ["NAME", "@GROUP", ...]')
    try:
        check_readers(listed)
    except ValueError as error:
        raise BadRequest(f"to {error}") from None
    return listed


def _refresh(call: Call, peer: PeerFacade) -> Deferred[Reply]:
    call.query()
    return peer.refresh().addCallback(lambda _: Reply(peer.status()))


def _limits(call: Call, peer: PeerFacade) -> Reply:
    call.query()
    return Reply(peer.limits())


def _set_limits(call: Call, peer: PeerFacade) -> Reply:
    call.query()
    body = call.body(("up_rate", "down_rate"))
    peer.set_limits({member: _rate(rate, member) for member, rate in body.items()})
    return Reply(peer.limits())


def _rate(rate: Any, member: str) -> float | None:
    """Return a rate in bytes/s, or None. Raises BadRequest, also for NaN and infinity, which Python's JSON knows."""
    if rate is None:
        return None
    if isinstance(rate, (int, float)) and not isinstance(rate, bool) and MIN_RATE <= rate <= MAX_RATE:
        return rate
    raise BadRequest(f"{member} must be bytes a second, {MIN_RATE} or more, or null for no limit")


class _Downloads(Endpoint):
    """``downloads``, and below it one path for each of them."""

    def __init__(self, peer: PeerFacade) -> None:
        super().__init__({b"GET": self._list, b"POST": self._start})
        self._peer = peer

    def getChild(self, path: bytes, request: ControlRequest) -> Resource:
        """Return the path of a download; a request finds out whether there is one with that id."""
        return _Download(self._peer, path.decode("ascii", "replace"))

    def _list(self, call: Call) -> Reply:
        call.query()
        return Reply(self._peer.downloads())

    def _start(self, call: Call) -> Reply:
        call.query()
        body = call.body(("names", "all", "dir", "overwrite", "swarm", "from"))
        names, path = _names(body), folder(body, "dir")
        overwrite, swarm = flag(body, "overwrite", False), flag(body, "swarm", True)
        try:
            id_ = self._peer.start_download(names, path, overwrite, swarm, _holders(body))
        except ValueError as error:
            raise ApiError(400, str(error)) from None
        return Reply(DownloadId(id_), 202, {"Location": f"{PATH}/downloads/{id_}"})


class _Download(Endpoint):
    """One download."""

    def __init__(self, peer: PeerFacade, id_: str) -> None:
        super().__init__({b"GET": self._show, b"DELETE": self._cancel})
        self._peer, self._id = peer, id_
        for name, change, which in (
            ("pause", peer.pause_download, "only one that runs can be paused"),
            ("resume", peer.resume_download, "only one that is paused can be resumed"),
            ("retry", peer.retry_download, "only one that has ended and lacks something can be tried again"),
        ):
            self.putChild(name.encode(), Endpoint({b"POST": partial(self._change, change, which)}))

    def _show(self, call: Call) -> Reply:
        call.query()
        return Reply(self._found())

    def _cancel(self, call: Call) -> Reply:
        return self._change(self._peer.cancel_download, "it is over", call)

    def _change(self, change: Callable[[str], bool], which: str, call: Call) -> Reply:
        call.query()
        state = self._found().state
        if not change(self._id):
            raise ApiError(409, f"this download is {state}: {which}")
        return Reply(self._found())

    def _found(self) -> DownloadDetails:
        found = self._peer.download(self._id)
        if found is None:
            raise ApiError(404, "there is no such download")
        return found


def _names(body: dict[str, Any]) -> list[str] | None:
    """Return the requested names, None for all. Raises BadRequest unless exactly one of the two is given."""
    names = body.get("names", [])
    if "all" in body:
        if body["all"] is not True or "names" in body:
            raise BadRequest('ask for {"names": [NAME, ...]} or for {"all": true}')
        return None
    if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
        raise BadRequest('ask for {"names": [NAME, ...]} or for {"all": true}')
    return [_name(name) for name in dict.fromkeys(names)]


def _name(name: str) -> str:
    """Return the name of a document. Raises BadRequest, with the name and the reason."""
    try:
        safe_name(fields.name(name))
    except (BadRequest, ValueError) as error:
        reason = error.reason if isinstance(error, BadRequest) else error
        raise BadRequest(f"{name[:MAX_SHOWN]!a}: {reason}") from None
    return name


def _holders(body: dict[str, Any]) -> list[tuple[str, int]] | None:
    """Return the addresses that may be sources, None for all. Raises BadRequest."""
    listed = body.get("from")
    if listed is None:
        return None
    if not isinstance(listed, list) or not listed or not all(isinstance(one, str) for one in listed):
        raise BadRequest('from must be a list of peers: ["HOST:PORT", ...]')
    return [address(one) for one in listed]
