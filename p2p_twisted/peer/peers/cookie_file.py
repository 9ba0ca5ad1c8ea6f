"""The file in which a peer keeps the cookies that RS gave it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from twisted.logger import Logger

from ...config.folders import read_private, replace_private
from ...wire import fields
from ...wire.errors import BadRequest

MAX_SIZE = 64 * 1024
"""Characters of the file that are read."""
_KEY = re.compile(r"[\x21-\x7e]{1,320}", re.ASCII)


class CookieFile:
    """The file ``cookie`` of a state folder: a line for each RS, its key and the cookie that counts there."""

    log = Logger()

    def __init__(self, state_dir: Path) -> None:
        self._path = state_dir / "cookie"

    def load(self) -> dict[str, int]:
        """Return the cookies by the keys of their RS, without lines that cannot be read; none if there is no file."""
        return dict(_read(read_private(self._path, MAX_SIZE)))

    def save(self, cookies: Mapping[str, int]) -> None:
        """Replace the file; log it when that cannot be done."""
        try:
            replace_private(self._path, "".join(f"{key} {cookie}\n" for key, cookie in cookies.items()))
        except OSError as e:
            self.log.error("the cookie cannot be saved in {file}: {why}", file=str(self._path), why=e.strerror)


def _read(text: str) -> Iterator[tuple[str, int]]:
    for line in text.split("\n"):
        key, _, cookie = line.strip().rpartition(" ")
        try:
            if _KEY.fullmatch(key):
                yield key, fields.cookie(cookie)
        except BadRequest:
            continue
