"""Files that a person drops on the page: written part by part beside the downloads, and shared once they are whole."""

from __future__ import annotations

from pathlib import Path

from twisted.internet.defer import DeferredLock

from ..library.paths import safe_name
from ..library.shared import Library
from ..net.connect import Reactor
from ..swarm.errors import DownloadError
from ..swarm.part_file import PartFile
from ..swarm.target import Target
from ..swarm.verifier import in_thread
from ..wire import fields
from ..wire.errors import BadRequest

MAX_UNFINISHED = 16
"""Files that are being written; for one more, the one that was begun first is given up."""


class _Unfinished:
    """A file of which `received` of `size` bytes are here."""

    def __init__(self, part: PartFile, size: int) -> None:
        self.part = part
        self.size = size
        self.received = 0


class DroppedFiles:
    """Writes files to `folder`, a folder that `library` shares. A file that is there is never replaced."""

    def __init__(self, reactor: Reactor, library: Library, folder: Path) -> None:
        self._reactor = reactor
        self._library = library
        self._folder = folder
        self._unfinished: dict[str, _Unfinished] = {}
        self._lock = DeferredLock()

    async def write(self, name: str, offset: int, size: int, data: bytes) -> int:
        """Write `data` at byte `offset` of the file `name` of `size` bytes; return how many bytes are here.

        Offset 0 begins it anew. The last part gives it its name and shares it. Raises ValueError.
        """
        await self._lock.acquire()
        try:
            return await self._write(name, offset, size, data)
        except DownloadError as error:
            raise ValueError(str(error)) from None
        finally:
            self._lock.release()

    async def _write(self, name: str, offset: int, size: int, data: bytes) -> int:
        if offset == 0:
            await self._begin(name, size)
        file = self._unfinished.get(name)
        if file is None or file.received != offset or file.size != size or offset + len(data) > size:
            raise ValueError("this part does not follow the one before it: begin anew at offset 0")
        await in_thread(self._reactor, file.part.write, offset, data)
        file.received += len(data)
        if file.received == size:
            await self._finish(name)
        return file.received

    async def _begin(self, name: str, size: int) -> None:
        try:
            safe_name(fields.name(name))
        except BadRequest as error:
            raise ValueError(error.reason) from None
        self._give_up(name)
        if len(self._unfinished) >= MAX_UNFINISHED:
            self._give_up(next(iter(self._unfinished)))
        target = Target(self._folder, name)
        target.check_place()
        if target.status() is not None:
            raise ValueError(f"there is a file {name} already: rename one of them")
        part = await in_thread(self._reactor, PartFile, target)
        self._unfinished[name] = _Unfinished(part, size)
        await in_thread(self._reactor, part.truncate, 0)

    def _give_up(self, name: str) -> None:
        if (file := self._unfinished.pop(name, None)) is not None:
            file.part.discard()

    async def _finish(self, name: str) -> None:
        part = self._unfinished.pop(name).part
        await in_thread(self._reactor, part.finish, False)
        await self._library.scan()
