r"""Calls of the API: ``METHOD PATH\nCONTENT-TYPE\nBODY``, sent with the key through a `ControlSite` to a fake peer."""

from __future__ import annotations

import json
import re
from typing import Any, cast

from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure

from fuzz.harness import bounded
from p2p_twisted.web.api.events import PeerEventLog
from p2p_twisted.web.api.peer import peer_root
from p2p_twisted.web.api.schema import Settings
from p2p_twisted.web.http.access import Access
from p2p_twisted.web.http.site import ControlSite
from tests.support.fake_facades import FakePeer
from tests.support.http_client import KEY, Answer, parse, request

STATUSES = {200, 202, 400, 404, 405, 409, 415}
"""What a call with the key may be answered with."""

_CALL = re.compile(rb"([A-Z]{1,16}) (/[\x21-\x7e]{0,4000})\n([\x20-\x7e]{0,4000})\n(.*)", re.DOTALL)


class _Peer(FakePeer):
    """Shares every folder."""

    def share(self, path: str, readers: list[str] | None = None) -> Deferred[None]:
        self.shared.append(path)
        return succeed(None)


def _answered(peer: FakePeer, wire: bytes) -> Answer:
    clock = cast(Any, Clock())
    site = ControlSite(peer_root(peer, Settings([]), PeerEventLog(peer.events, clock)), Access(KEY), clock)
    transport = StringTransport()
    channel = site.buildProtocol(None)
    channel.makeConnection(transport)
    channel.dataReceived(wire)
    channel.connectionLost(Failure(ConnectionError()))
    return parse(transport.value())


def _check(method: str, answer: Answer) -> None:
    assert answer.status in STATUSES, answer
    if method != "HEAD" and answer.headers["Content-Type"] == "application/json":
        assert answer.status < 300 or answer.error.isprintable()


def _order_again(order: tuple[Any, ...]) -> None:
    """Order the download again with all its members written out: it is the same order."""
    names, folder, overwrite, swarm, holders = order
    body: dict[str, Any] = {"all": True} if names is None else {"names": names}
    body |= {"dir": folder, "overwrite": overwrite, "swarm": swarm}
    body["from"] = None if holders is None else [f"[{host}]:{port}" for host, port in holders]
    peer = _Peer()
    assert _answered(peer, request("POST", "/api/v1/downloads", json.dumps(body).encode())).status == 202
    assert peer.orders == [order]


@bounded
def one(data: bytes) -> None:
    """Make the call: the answer has a documented status, and an order that is accepted means one thing."""
    call = _CALL.fullmatch(data)
    if call is None:
        return
    peer = _Peer()
    method, path, kind = (part.decode() for part in call.groups()[:3])
    _check(method, _answered(peer, request(method, path, call[4], content_type=kind)))
    for order in peer.orders:
        _order_again(order)
    assert all(folder.startswith("/") for folder in peer.shared)
    assert all(rate is None or 1000 <= rate <= 2**50 for rate in peer.rates.values())
