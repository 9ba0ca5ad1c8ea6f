"""Cookie files: any content of the file ``cookie`` of a peer's state folder, to `CookieFile.load` and `RsCookies`."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from fuzz.harness import bounded
from p2p_twisted.peer.peers.cookie_file import CookieFile
from p2p_twisted.peer.peers.rs_choice import Rs
from p2p_twisted.peer.peers.rs_cookies import MAX_COOKIES, MAX_TRIED, RsCookies
from p2p_twisted.wire.limits import MAX_COOKIE

FOLDER = TemporaryDirectory(prefix="fuzz-")
RS, OTHER_RS = (Rs(host, 65423, host) for host in ("10.0.0.1", "10.0.0.2"))


@bounded
def one(data: bytes) -> None:
    """Read `data`: an RS is shown cookies of its own alone; one that is saved then is there in the next run."""
    path = Path(FOLDER.name) / "cookie"
    path.unlink(missing_ok=True)
    path.write_bytes(data)
    path.chmod(0o600)
    file = CookieFile(path.parent)
    for rs in (RS, OTHER_RS):
        cookies = RsCookies(file.load(), [(rs.name, rs.port)], file.save)
        shown = cookies.of(rs)
        assert len(shown) <= MAX_TRIED
        assert all(0 <= cookie <= MAX_COOKIE and b"%d" % cookie in data for cookie in shown)
        assert not shown or f"{rs.name}:{rs.port}".encode() in data
    cookies.counts(OTHER_RS, 7)
    assert next(iter(file.load().items())) == ("10.0.0.2:65423", 7)
    assert len(file.load()) <= MAX_COOKIES
