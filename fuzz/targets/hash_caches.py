"""Hash caches: any content of the file ``hashes.sqlite`` of a peer's state folder, to `HashCache`."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from tempfile import TemporaryDirectory

from fuzz.harness import bounded
from p2p_twisted.library.cache import HashCache, Hashes, Stamp

FOLDER = TemporaryDirectory(prefix="fuzz-")
STAMP = Stamp(5, 1_795_659_611_000_000_000, 77)
HASHES = Hashes("ab" * 32, b"", "A title")
"""Of the file /share/a in the caches of the corpus; that of /share/b has another title."""


@bounded
def one(data: bytes) -> None:
    """Open `data`: what is found is what was put there, and what is put then is found, whatever the file was."""
    path = Path(FOLDER.name) / "hashes.sqlite"
    for old in Path(FOLDER.name).iterdir():
        old.unlink()
    path.write_bytes(data)
    try:
        cache = HashCache(path)
    except sqlite3.OperationalError:  # a peer then does not start, and says so in one line
        return
    try:
        assert cache.get("/share/a", STAMP) in (None, HASHES)
        assert cache.get("/share/b", STAMP) in (None, HASHES._replace(title="B"))
        cache.prune("/share", {"/share/a"})
        cache.put([("/share/new", STAMP, HASHES)])
        assert cache.get("/share/new", STAMP) in (None, HASHES)
    finally:
        cache.close()
