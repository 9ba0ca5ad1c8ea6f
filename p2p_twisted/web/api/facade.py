"""What the HTTP side asks of a peer. All that it returns is ready for JSON."""

from __future__ import annotations

from typing import Any, Protocol

from twisted.internet.defer import Deferred

Json = dict[str, Any]
"""A JSON object; the shapes are in docs/api.rst. Times are Unix seconds, sizes bytes, rates bytes a second."""


class PeerFacade(Protocol):
    """A running peer. All methods are called in the reactor's thread."""

    def status(self) -> Json:
        """Who it is, where its RS is, what it shares and knows."""

    def peers(self) -> list[Json]:
        """The other peers that it knows: host, port, files, last_seen (seconds ago or None), failures."""

    def index(self, q: str, limit: int, offset: int) -> Json:
        """The documents that match `q`: total, and at most `limit` items from `offset` on, by name."""

    def downloads(self) -> list[Json]:
        """Every download of this run, the newest last."""

    def download(self, id: str) -> Json | None:  # noqa: A002
        """One download with its files, or None if there is none with that id."""

    def start_download(
        self,
        names: list[str] | None,
        directory: str | None,
        overwrite: bool,
        swarm: bool = True,
        holders: list[tuple[str, int]] | None = None,
    ) -> str:
        """Fetch `names` (None: everything that is not here yet) to `directory` (None: the peer's own); returns its id.

        Without `swarm`, one document after the other in the order of `names`, each whole from one holder. With
        `holders`, from these peers only.

        Raises ValueError with one line for people when the names or the folder cannot be used.
        """

    def cancel_download(self, id: str) -> bool:  # noqa: A002
        """Stop a download; what was fetched stays for the next time. False if it was over, or is unknown."""

    def share(self, path: str) -> Deferred[None]:
        """Share one more folder. Fires when it has been read; fails with ValueError if it cannot be."""

    def limits(self) -> dict[str, float | None]:
        """`up_rate` and `down_rate` in bytes/s, None without limit."""

    def set_limits(self, limits: dict[str, float | None]) -> None:
        """Change one or both of the rates."""

    def refresh(self) -> Deferred[None]:
        """Ask the RS and the peers again. Fires when they have answered or failed; `status` then says which."""
