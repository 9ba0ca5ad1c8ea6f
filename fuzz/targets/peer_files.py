"""Files of remembered peers: any content of the file ``peers`` of a peer's state folder, to `PeerFile.load`."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from fuzz.harness import bounded
from p2p_twisted.peer.peers.peer_file import MAX_REMEMBERED, PeerFile, remembered
from p2p_twisted.wire.fields import clean_host

FOLDER = TemporaryDirectory(prefix="fuzz-")
NOW = 1_800_000_000


@bounded
def one(data: bytes) -> None:
    """Read `data`: every peer in it can be dialled; what is saved is read again as it was."""
    path = Path(FOLDER.name) / "peers"
    path.unlink(missing_ok=True)
    path.write_bytes(data)
    path.chmod(0o600)
    file = PeerFile(path.parent)
    peers = remembered(file.load(), {}, NOW)
    assert len(peers) <= MAX_REMEMBERED
    assert all(
        clean_host(host) is not None and 0 < port < 65536 and seen <= NOW for (host, port), seen in peers.items()
    )
    file.save(peers)
    assert list(file.load().items()) == list(peers.items())
