"""Peers with one fault each."""

from __future__ import annotations

from typing import BinaryIO

from tests.check.servers.peer import HonestPeer, NotFound


class LeaksParent(HonestPeer):
    """Opens whatever the name leads to."""

    def content(self, name: str) -> bytes:
        try:
            return (self.folder / name).read_bytes()
        except OSError:
            raise NotFound from None


class NoNotFound(HonestPeer):
    """Grants a request for a document that it has not, and sends nothing."""

    def content(self, name: str) -> bytes:
        try:
            return super().content(name)
        except NotFound:
            return b""


class WrongLength(HonestPeer):
    """Counts characters instead of bytes, and forgets the end of the last line."""

    def length(self, body: bytes) -> int:
        return len(body) - body.endswith(b"\n")


class IgnoresRange(HonestPeer):
    """Sends the whole file, whatever part of it was asked for."""

    def part(self, content: bytes, text: str) -> bytes:
        return content


class SpeaksOnly10(HonestPeer):
    """Answers in 1.0 whatever is asked, as a peer of 1.0 does: no fault of one that is not to speak 1.1."""

    def head(self, file: BinaryIO) -> tuple[str, str, dict[str, str]]:
        what, _, headers = super().head(file)
        return what, "0", headers
