"""The piece lists of a download: asked of one source after the other until one gives the list that the index names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure

from ..index.distributed import Address
from ..wire.limits import MAX_PIECE_LIST
from ..wire.messages import GetPieces
from .content import Content
from .errors import Corrupt, FetchError, Refused
from .link import Link
from .links import STALL, Links
from .picker import Picker


class PieceLists:
    """Gets the lists that are needed. `came` is told of each file whose list is known now, `refused` of each source
    that has not got one."""

    def __init__(
        self,
        clock: IReactorTime,
        contents: Mapping[str, Content],
        picker: Picker,
        links: Links,
        came: Callable[[Content], object],
        refused: Callable[[Link, str, Refused], object],
        broken: Callable[[Failure], object],
    ) -> None:
        self._clock = clock
        self._contents = contents
        self._picker = picker
        self._links = links
        self._came = came
        self._refused = refused
        self._broken = broken
        self._asked_of: dict[str, set[Address]] = {}
        """The files whose list is needed, and who was asked for it."""
        self._asked_at: dict[str, float] = {}
        """Of these, when the last one was asked (seconds); missing if another is to be asked."""

    def need(self, sha256: str) -> None:
        """Get the list of the file with that hash."""
        self._asked_of[sha256] = set()

    def ask(self, link: Link) -> None:
        """Ask `link` for what it should have and nobody is being asked for."""
        for sha256, asked_of in self._asked_of.items():
            may = sha256 not in self._asked_at and link.address not in asked_of
            if may and link.connection is not None and self._picker.knows(link.address, sha256):
                asked_of.add(link.address)
                self._asked_at[sha256] = self._clock.seconds()
                asked = link.connection.collect(GetPieces(sha256), MAX_PIECE_LIST)
                asked.addCallbacks(self._list_came, self._no_list, (link, sha256), {}, (link, sha256))
                asked.addErrback(self._broken)

    def pass_over_slow(self, now: float) -> None:
        """Whoever has not answered for too long is not waited for."""
        self._asked_at = {sha256: asked for sha256, asked in self._asked_at.items() if now - asked < STALL}

    def _list_came(self, answer: tuple[Any, bytes], link: Link, sha256: str) -> None:
        try:
            digests = bytes.fromhex(answer[1].decode("ascii").replace("\n", ""))
        except ValueError:
            digests = b""
        if not self._contents[sha256].accept_list(digests):
            self._asked_at.pop(sha256, None)
            self._links.drop(link, Corrupt("its piece list is not the one in the index"))
        elif self._asked_of.pop(sha256, None) is not None:
            self._came(self._contents[sha256])

    def _no_list(self, failure: Failure, link: Link, sha256: str) -> None:
        self._asked_at.pop(sha256, None)
        refused = failure.value
        if isinstance(refused, Refused):
            if refused.retry_after is not None and sha256 in self._asked_of:
                self._asked_of[sha256].discard(link.address)
                self._asked_at[sha256] = self._clock.seconds() - STALL + refused.retry_after
            self._refused(link, sha256, refused)
        else:
            failure.trap(FetchError)
            self._asked_of.get(sha256, set()).discard(link.address)  # once it is connected again, it may be asked again
            self._links.failed(link, failure.value)  # type: ignore[arg-type]
