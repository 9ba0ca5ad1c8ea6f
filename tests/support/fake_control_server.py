"""A process that serves the control API of a fake peer, or of an RS with a few records, on a state folder."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

from twisted.internet import reactor

from p2p_twisted.web.api.events import PeerEventLog
from p2p_twisted.web.api.peer import peer_root
from p2p_twisted.web.api.rs import peer_records, rs_root
from p2p_twisted.web.api.schema import OtherPeers, Settings, SettingValue
from p2p_twisted.web.http.calls import ApiRoot
from p2p_twisted.web.service import makeApiService
from tests.support.fake_facades import FakePeer, a_document, an_rs_status
from tests.support.registries import SynchronousRegistry

EVIL = "evil\x1b[2J\u202efdp.exe"

EMOJI = "caf\u00e9 \U0001f600.txt"

CONFIG = Settings(
    [
        SettingValue("rs-host", "127.0.0.1", "flag"),
        SettingValue("share", ["/srv/a", "/srv/b"], "/etc/peer.conf"),
        SettingValue("up-rate", 512000.0, "flag"),
        SettingValue("web", None, "default"),
    ]
)


def root(role: str) -> ApiRoot:
    if role == "rs":
        registry = SynchronousRegistry()
        registry.register("10.0.0.1", 65400, None, wide=False)
        registry.leave(registry.register("10.0.0.2", 65401, None, wide=False).cookie, 65401)
        return rs_root(partial(peer_records, registry.store), an_rs_status, CONFIG)
    peer = FakePeer()
    peer.registered = role != "peer-without-rs"
    peer.rs_error = "connection refused" if role in ("peer-without-rs", "peer-whose-rs-is-gone") else None
    peer.documents += [a_document(1000 + number) for number in range(1500)]
    peer.documents.append(a_document(11) | {"name": EVIL, "title": "[bold]\x9b31mtitle[/bold]", "size": None})
    peer.documents.append(a_document(13) | {"name": EMOJI})
    peer.documents += [a_document(14) | {"name": "choose.txt", "sha256": digit * 64} for digit in "ab"]
    peer.documents.append(a_document(12) | {"name": f"{'long-' * 30}name.pdf"})
    if role == "peer-without-others":
        peer.documents = []
        peer.peers = lambda: OtherPeers([])
    return peer_root(peer, CONFIG, PeerEventLog(peer.events, reactor))


if __name__ == "__main__":
    makeApiService(reactor, None, Path(sys.argv[1]), root(sys.argv[2])).startService()
    reactor.callWhenRunning(print, "ready", flush=True)
    reactor.run()
