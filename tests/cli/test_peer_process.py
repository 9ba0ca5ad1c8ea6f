"""What the system says of a process: of this one, which holds a state folder."""

from __future__ import annotations

import os
import resource
import sys
from pathlib import Path

import pytest

from p2p_twisted.cli.peer_process import look_at
from p2p_twisted.config.state_folder import LOCK_FILE, StateFolderLock, holder

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux says it")


def test_a_process(tmp_path: Path) -> None:
    lock = StateFolderLock(tmp_path, "p2p-peer")
    try:
        assert holder(tmp_path) == os.getpid()
        found = look_at(tmp_path)
        assert found is not None
        assert found.max_files == resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        assert found.files >= 4, "three streams and the lock"
        assert (found.watches, found.max_watches > 0) == (0, True)
    finally:
        os.close(lock._file)
    assert look_at(tmp_path) is None, "its process id may be that of another by now"


@pytest.mark.parametrize("text", [b"", b"no number", b"\xff" * 32, b"999999999 p2p-peer".ljust(32)])
def test_nothing_is_known(tmp_path: Path, text: bytes) -> None:
    assert look_at(tmp_path) is None
    (tmp_path / LOCK_FILE).write_bytes(text)
    assert look_at(tmp_path) is None
