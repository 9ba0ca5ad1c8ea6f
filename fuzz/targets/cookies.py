"""Cookie files: any content of the file ``cookie`` of a peer's state folder, to `CookieFile.load`."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from fuzz.harness import bounded
from p2p_twisted.peer.peers.cookie_file import CookieFile
from p2p_twisted.wire.limits import MAX_COOKIE

FOLDER = TemporaryDirectory(prefix="fuzz-")
RS, OTHER_RS = ("10.0.0.1", 65423), ("10.0.0.2", 65423)


@bounded
def one(data: bytes) -> None:
    """Read `data`: a cookie is one of that RS and of no other; one that is saved then is there in the next run."""
    path = Path(FOLDER.name) / "cookie"
    path.unlink(missing_ok=True)
    path.write_bytes(data)
    path.chmod(0o600)
    file, other = CookieFile(path.parent, RS), CookieFile(path.parent, OTHER_RS)
    found = file.load()
    assert found is None or (0 <= found <= MAX_COOKIE and b"%d" % found in data and other.load() is None)
    file.save(7)
    assert (file.load(), other.load()) == (7, None)
