"""Lists of confidential contents: any content of the file ``confidential`` of a peer's state folder."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from fuzz.harness import bounded
from p2p_twisted.library.confidential import Confidential

FOLDER = TemporaryDirectory(prefix="fuzz-")
NEW = "f" * 64
"""A content that no input names."""


@bounded
def one(data: bytes) -> None:
    """Read `data` or refuse it whole: a content that is received in confidence then is still kept in the next run."""
    path, downloads = Path(FOLDER.name) / "confidential", Path(FOLDER.name) / "downloads"
    path.unlink(missing_ok=True)
    path.write_bytes(data)
    path.chmod(0o600)
    try:
        kept = Confidential(path, downloads)
    except ValueError:  # a damaged line; the peer does not start
        return
    assert not kept.keeps(NEW, downloads / "a")
    kept.receive([NEW], downloads)
    assert Confidential(path, downloads).keeps(NEW, downloads / "a")
