"""A peer that has documents, a downloader that is killed or whose disk fails, and what is on the disk afterwards."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tests.support import raw_sockets
from tests.support.crash_server import Ending, Order
from tests.support.p2p_command import ENVIRONMENT, ROOT
from tests.support.rs_process import free_port

_RANDOM = random.Random(9)
DOCUMENTS = {
    "big.bin": _RANDOM.randbytes(20 * 2**16 + 77),
    "notes/one.txt": _RANDOM.randbytes(60_000),
    "notes/two.txt": _RANDOM.randbytes(5_000),
    "three.txt": _RANDOM.randbytes(1),
    "empty.txt": b"",
}
"""The first has many pieces; a copy of `notes/one.txt` is made on this machine, without the network."""
DOCUMENTS["copy.txt"] = DOCUMENTS["notes/one.txt"]
OLD = dict.fromkeys(DOCUMENTS, b"an older content of the same name")
EMPTY: Mapping[str, bytes] = {}
COMPLAINTS = ("Traceback", "Unhandled", "#critical")


class CrashLab:
    """Orders of one peer after the other, all with the same state folder and the same folder of downloads."""

    def __init__(self, server: subprocess.Popen[str], base: Path, rs: int) -> None:
        self.folder = base / "downloads"
        self._server = server
        self._log = base / "peer.log"
        self._order = Order(str(base / "state"), rs, free_port(), str(self.folder), list(DOCUMENTS))

    def run(self, **changes: Any) -> Ending:
        """Carry out an order like all others but for `changes`; return how it ended."""
        assert self._server.stdin is not None and self._server.stdout is not None
        self._server.stdin.write(json.dumps(asdict(self._order) | changes) + "\n")
        self._server.stdin.flush()
        return Ending(**json.loads(self._server.stdout.readline()))

    def clear(self, old: Mapping[str, bytes] = EMPTY) -> None:
        """Remove all that was downloaded, and put `old` in its place."""
        shutil.rmtree(self.folder, ignore_errors=True)
        for name, data in old.items():
            (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / name).write_bytes(data)

    def files(self) -> dict[str, bytes]:
        """Return the content of each file in the folder."""
        paths = [path for path in self.folder.rglob("*") if not path.is_dir()]
        return {path.relative_to(self.folder).as_posix(): path.read_bytes() for path in paths}

    def wrong(self, old: Mapping[str, bytes] = EMPTY) -> list[str]:
        """Return the documents that are there, and not with their content nor with that which they have in `old`.

        One of `old` that is not there is wrong, too.
        """
        found = self.files()
        wrong = [name for name in DOCUMENTS.keys() & found if found[name] not in (DOCUMENTS[name], old.get(name))]
        return wrong + [name for name in old if name not in found]

    def complaints(self) -> list[str]:
        """Return the lines of the downloaders' log that tell of an error of the program's own."""
        lines = self._log.read_text("utf-8", "replace").splitlines() if self._log.exists() else []
        return [line for line in lines if any(word in line for word in COMPLAINTS)]


@contextmanager
def crash_lab(base: Path, documents: Mapping[str, bytes] = DOCUMENTS) -> Iterator[CrashLab]:
    """Start an RS, a peer that has `documents`, and a server of downloaders with their folders in `base`."""
    command = [sys.executable, "-c", "from tests.support.crash_server import main; main()"]
    with (
        raw_sockets.system([documents]) as system,
        subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=ENVIRONMENT, cwd=ROOT
        ) as server,
    ):
        try:
            yield CrashLab(server, base, system.rs)
        finally:
            server.kill()
