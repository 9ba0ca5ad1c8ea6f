"""The calls that the HTTP side makes of a peer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from twisted.internet.defer import Deferred

from ...wire.search_terms import Term
from .download_schema import DownloadDetails, DownloadList
from .schema import IndexPage, Limits, OtherPeers, PeerStatus, SharedFolders
from .search_schema import SearchPage
from .want_schema import WantList

Json = dict[str, Any]
"""A JSON object of an extension, which has a schema of its own."""


class PeerFacade(Protocol):
    """A running peer. All methods are called in the reactor's thread."""

    def status(self) -> PeerStatus:
        """Return the state of the peer."""

    def peers(self) -> OtherPeers:
        """Return the other peers that it knows."""

    def index(self, q: str, limit: int, offset: int, sort: str = "name") -> Deferred[IndexPage]:
        """Fire with at most `limit` of the documents that match `q`, from number `offset` on, in the order `sort`.

        That is one of SORTS in `index.sorting`.
        """

    def search(self, terms: Sequence[Term], limit: int, swarm: bool) -> Deferred[SearchPage]:
        """Fire with the best `limit` documents that have all `terms`; with `swarm`, other peers are asked too."""

    def downloads(self) -> DownloadList:
        """Return the downloads since the start, the newest last."""

    def download(self, id: str) -> DownloadDetails | None:  # noqa: A002
        """Return a download with its files, or None if there is none with that id."""

    def start_download(
        self,
        names: list[str] | None,
        directory: str | None,
        overwrite: bool,
        swarm: bool = True,
        holders: list[tuple[str, int]] | None = None,
    ) -> str:
        """Start a download of `names` (None: all that is not here yet) to `directory` (None: the peer's own).

        Return its id.

        Without `swarm`, one document after the other in the order of `names`, each whole from one holder. With
        `holders`, from these peers only.

        Raises ValueError with one line for people when the names or the folder cannot be used.
        """

    def cancel_download(self, id: str) -> bool:  # noqa: A002
        """Stop a download; fetched pieces stay for the next time. Return False if it has ended, or is unknown."""

    def pause_download(self, id: str) -> bool:  # noqa: A002
        """Stop a download for now. Return False if it does not run."""

    def resume_download(self, id: str) -> bool:  # noqa: A002
        """Go on with a download that is paused. Return False if it is not."""

    def retry_download(self, id: str) -> bool:  # noqa: A002
        """Try again what a download that has ended has not got. Return False if it runs, or has everything."""

    def wants(self) -> WantList:
        """Return the wants, the newest last."""

    def add_want(self, pattern: str, directory: str | None, holder: tuple[str, int] | None, delete: bool) -> str:
        """Want the documents that `pattern` means in `directory` (None: the peer's own), and return the id of the want.

        With `holder`, only what that peer has counts. With `delete`, what its holders remove is removed. If there is
        such a want already, that is the one. Raises ValueError with one line for people.
        """

    def stop_want(self, id: str) -> bool:  # noqa: A002
        """Stop a want; its files stay. Return False if there is none of that id. Raises ValueError if it is set."""

    def share(self, path: str, readers: list[str] | None = None) -> Deferred[None]:
        """Share one more folder, with all peers or with `readers` only, which are names of peers and @groups.

        Fires when it has been read; fails with ValueError if that cannot be done.
        """

    def shared_folders(self) -> SharedFolders:
        """Return the shared folders, with the first files of each."""

    def unshare(self, path: str) -> Deferred[None]:
        """Share a folder no more. Fires when its files are no longer shared; fails with ValueError if it was not."""

    def open_file(self, name: str) -> tuple[int, int]:
        """Return a descriptor of the shared file `name`, which the caller closes, and its size in bytes.

        Raises ValueError if it is not here.
        """

    def write_file(self, name: str, offset: int, size: int, data: bytes) -> Deferred[int]:
        """Write a part of a new shared file of `size` bytes. Fires with the number of bytes that are here.

        Fails with ValueError if it cannot be written, or `offset` is not where the last part ended.
        """

    def limits(self) -> Limits:
        """Return the rate limits."""

    def set_limits(self, limits: Mapping[str, float | None]) -> None:
        """Change one or both of the limits; the keys are the fields of `Limits`."""

    def refresh(self) -> Deferred[None]:
        """Query the RS and the peers now. Fires when they have answered or failed; `status` then says which."""
