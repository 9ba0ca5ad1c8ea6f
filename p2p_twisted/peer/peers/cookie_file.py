"""The file in which a peer keeps the cookie that the RS gave it."""

from __future__ import annotations

from pathlib import Path

from twisted.logger import Logger

from ...config.folders import make_private, tighten
from ...wire import fields
from ...wire.address import Address
from ...wire.errors import BadRequest


class CookieFile:
    """The file ``cookie`` of a state folder: one line, the address of an RS and the cookie that it gave."""

    log = Logger()

    def __init__(self, state_dir: Path, rs: Address) -> None:
        self._path = state_dir / "cookie"
        self._rs = f"{rs[0]}:{rs[1]}"

    def load(self) -> int | None:
        """Return the cookie of this RS, None if there is none or the file cannot be read."""
        try:
            tighten(self._path)
            rs, _, text = self._path.read_text().strip().rpartition(" ")
            return fields.cookie(text) if rs == self._rs else None
        except (OSError, UnicodeDecodeError, BadRequest):
            return None

    def save(self, cookie: int) -> None:
        """Replace the file; log it when that cannot be done."""
        fresh = self._path.with_suffix(".new")
        try:
            make_private(fresh)
            fresh.write_text(f"{self._rs} {cookie}\n")
            fresh.replace(self._path)
        except OSError as e:
            self.log.error("the cookie cannot be saved in {file}: {why}", file=str(self._path), why=e.strerror)
